import type { Clock } from '../clock.js';

/** As long as this agent holds the Lease without a break. */
export interface Term {
  /** Aborted when it is over. */
  readonly signal: AbortSignal;
  /** By the clock: also while timers are late. */
  readonly isOver: boolean;
}

/** One that ends at a time by the monotonic clock, unless it is extended before. */
export class OpenTerm implements Term {
  readonly #clock: Clock;
  readonly #over: () => void;
  readonly #abort = new AbortController();
  #until = 0;
  #cancel: () => void = () => {};

  constructor(clock: Clock, until: number, over: () => void) {
    this.#clock = clock;
    this.#over = over;
    this.extend(until);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isOver(): boolean {
    return this.#abort.signal.aborted || this.#clock.monotonic() >= this.#until;
  }

  extend(until: number): void {
    this.#until = until;
    this.#cancel();
    this.#cancel = this.#clock.after(until - this.#clock.monotonic(), this.#over);
  }

  end(): void {
    this.#cancel();
    this.#abort.abort();
  }
}
