import type { Deadline, Deadlines } from './deadlines.js';

/** `whole`: of the rule; `deadline`: of a gRPC client; `try`: of one attempt; `backoff`: before the next. */
export type TimerName = 'whole' | 'deadline' | 'try' | 'backoff';

/** The timers of one request, at most one of each name. */
export class Timers {
  readonly #deadlines: Deadlines;
  readonly #running = new Map<TimerName, Deadline>();

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** Instead of one of that name that runs. */
  start(name: TimerName, ms: number, expire: () => void): void {
    this.cancel(name);
    this.#running.set(name, this.#deadlines.after(ms, expire));
  }

  cancel(name: TimerName): void {
    this.#running.get(name)?.cancel();
  }

  cancelAll(): void {
    for (const deadline of this.#running.values()) deadline.cancel();
  }
}
