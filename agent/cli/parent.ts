import type { Clock } from '../clock.js';

/** How often the parent is looked at, in ms. */
const lookMs = 200;

/** npm's name of what it runs: `npx weft …`, and the script of package.json. */
const startedBy: ReadonlySet<string | undefined> = new Set(['npx', 'demo']);

/**
 * Acts as if SIGTERM had come when npm or npx was told to end: it sends the signal to the shell that it started us
 * through, and that ends without passing it on. Of other parents nothing follows.
 */
export function endWithNpm(clock: Clock): void {
  if (!startedBy.has(process.env.npm_lifecycle_event)) return;
  const parent = process.ppid;
  const cancel = clock.every(lookMs, () => {
    if (process.ppid === parent) return;
    cancel();
    process.emit('SIGTERM', 'SIGTERM');
  });
}
