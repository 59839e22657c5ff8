import type { Clock } from '../clock.js';

/** Lets through at most `perSecond` a second, and as many at once after a rest. */
export class Pace {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #left: number;
  #countedAt: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#countedAt = clock.monotonic();
  }

  /** Resolves when it is one's turn; rejects with the signal's reason once that is aborted. */
  async turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      this.#count();
      if (this.#left >= 1) {
        this.#left -= 1;
        return;
      }
      await this.#wait(((1 - this.#left) * 1000) / this.#perSecond, signal);
    }
  }

  #count(): void {
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#countedAt) * this.#perSecond) / 1000);
    this.#countedAt = now;
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#clock.after(Math.ceil(ms), end);
      signal.addEventListener('abort', end);
    });
  }
}
