import { execFileSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';

function isInstalled(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export const hasPrometheus: boolean = isInstalled();
const missing = 'promtool (Debian: prometheus) is not installed';

/** A test that needs Prometheus' programs. Without them it is skipped by name, or fails where nothing may be skipped. */
export function prometheusTest(title: string, run: (t: ExecutionContext) => void | Promise<void>): void {
  if (hasPrometheus) test.serial(title, run);
  else if (process.env.WEFT_REQUIRE_KERNEL === '1') test.serial(title, (t) => t.fail(missing));
  else test.serial.skip(`${title} [skipped: ${missing}]`, run);
}
