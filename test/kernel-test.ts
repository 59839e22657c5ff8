import test, { type ExecutionContext } from 'ava';
import { native } from '../agent/kernel/native.js';

/** Why this process cannot run kernel tests, or null when it can. Asks the kernel for its links: that needs root and BPF. */
function obstacle(): string | null {
  if (process.platform !== 'linux') return `no Linux but ${process.platform}`;
  if (process.geteuid?.() !== 0) return 'not root';
  try {
    native().cgroupLinks();
    return null;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error);
  }
}

const reason = obstacle();

/**
 * A serial AVA test that needs root and BPF. Without them it is skipped with the reason in its title, or, where the environment
 * has WEFT_REQUIRE_KERNEL=1, fails with the reason.
 */
export function kernelTest(title: string, run: (t: ExecutionContext) => void | Promise<void>): void {
  if (reason === null) test.serial(title, run);
  else if (process.env.WEFT_REQUIRE_KERNEL === '1')
    test.serial(title, (t) => t.fail(`kernel tests are required: ${reason}`));
  else test.serial.skip(`${title} [skipped: ${reason}]`, run);
}
