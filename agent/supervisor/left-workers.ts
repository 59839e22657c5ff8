import type { Clock } from '../clock.js';
import { endOrphans, findOrphans } from '../kernel/orphans.js';
import type { Log } from '../log.js';

/** How long workers of an earlier agent may take to end before they are killed, in ms: longer than any drain. */
const patienceMs = 60_000;

/** Workers that an agent which was killed has left: they serve on until this one's have taken everything over. */
export class LeftWorkers {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #mark: string;
  #serving: readonly number[];
  /** Those that were told to end, and until when they may take. */
  #leaving: { readonly pids: readonly number[]; readonly untilMs: number } | undefined;

  constructor(mark: string, clock: Clock, log: Log) {
    this.#mark = mark;
    this.#clock = clock;
    this.#log = log;
    this.#serving = findOrphans(mark, new Set());
  }

  /** Whether some have not been told to end. */
  get serve(): boolean {
    return this.#serving.length > 0;
  }

  /** They finish what they have. */
  end(): void {
    if (this.#serving.length === 0) return;
    endOrphans(this.#serving, this.#mark, 'SIGTERM');
    this.#log.info({ workers: this.#serving.length }, 'ended workers that an earlier agent left');
    this.#leaving = { pids: this.#serving, untilMs: this.#clock.monotonic() + patienceMs };
    this.#serving = [];
  }

  /** One that hangs would hold its listeners, and so Pods' namespaces, for ever. */
  tick(): void {
    if (this.#leaving === undefined || this.#clock.monotonic() < this.#leaving.untilMs) return;
    endOrphans(this.#leaving.pids, this.#mark, 'SIGKILL');
    this.#leaving = undefined;
  }
}
