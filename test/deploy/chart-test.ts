import test, { type ExecutionContext } from 'ava';
import { rendererMissing } from '../../deploy/render/chart.js';

const reason = rendererMissing();

/**
 * An AVA test that renders the chart. Without Go and its packages it is skipped with the reason in its title, or, where the environment has
 * WEFT_REQUIRE_KERNEL=1, fails with the reason.
 */
export function chartTest(title: string, run: (t: ExecutionContext) => void | Promise<void>): void {
  if (reason === undefined) test(title, run);
  else if (process.env.WEFT_REQUIRE_KERNEL === '1') test(title, (t) => t.fail(`the chart must be rendered: ${reason}`));
  else test.skip(`${title} [skipped: ${reason}]`, run);
}
