import test, { type ExecutionContext } from 'ava';
import { rendererMissing } from '../../deploy/render/chart.js';

type Run = (t: ExecutionContext) => void | Promise<void>;

/** An AVA test that cannot be run for this reason: skipped with it in the title, or, where the environment has WEFT_REQUIRE_KERNEL=1, failed with it. */
export function impossibleTest(title: string, reason: string, run: Run): void {
  if (process.env.WEFT_REQUIRE_KERNEL === '1') test(title, (t) => t.fail(reason));
  else test.skip(`${title} [skipped: ${reason}]`, run);
}

const reason = rendererMissing();

/** An AVA test that renders the chart, which takes Go and its packages. */
export function chartTest(title: string, run: Run): void {
  if (reason === undefined) test(title, run);
  else impossibleTest(title, reason, run);
}
