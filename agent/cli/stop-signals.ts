import type { Clock } from '../clock.js';

/** Signals this close to the first, in ms, are the same wish: npx forwards what the terminal sent already. */
const sameWishMs = 2_000;

/** What each SIGTERM or SIGINT means: the first stops in order, one much later forces. */
export class StopSignals {
  readonly #clock: Clock;
  #first: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get stopped(): boolean {
    return this.#first !== undefined;
  }

  take(): 'stop' | 'same' | 'force' {
    const now = this.#clock.monotonic();
    if (this.#first === undefined) {
      this.#first = now;
      return 'stop';
    }
    return now - this.#first < sameWishMs ? 'same' : 'force';
  }
}
