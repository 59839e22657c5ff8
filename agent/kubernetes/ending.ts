import type { Clock } from '../clock.js';
import { ApiError } from './api.js';

/** What ends an exchange with an API server before its answer does: time, its caller, or a stream that fell silent. */
export class Ending {
  readonly #controller: AbortController = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #forget: () => void;
  readonly #giveUp: () => void;

  /** Counts `timeoutMs` from now. `what` it is, for the messages. */
  constructor(clock: Clock, what: string, timeoutMs: number, caller: AbortSignal | undefined) {
    this.#caller = caller;
    this.#giveUp = () => this.end(new ApiError(`${what}: given up`, 0, 'Aborted'));
    this.#forget = clock.after(timeoutMs, () =>
      this.end(new ApiError(`${what}: no answer within ${timeoutMs / 1000} s`, 0, 'Timeout')),
    );
    if (caller?.aborted) this.#giveUp();
    else caller?.addEventListener('abort', this.#giveUp);
  }

  /** Aborts with an {@link ApiError}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(why: ApiError): void {
    this.#controller.abort(why);
  }

  /** Time counts no more, only the caller. */
  unbind(): void {
    this.#forget();
  }

  /** Nothing counts any more. */
  release(): void {
    this.#forget();
    this.#caller?.removeEventListener('abort', this.#giveUp);
  }

  /** What `work` comes to, unless this ends first. */
  async race<Value>(work: Promise<Value>): Promise<Value> {
    const { signal } = this;
    let stop: () => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop);
    });
    return Promise.race([ended, work]).finally(() => signal.removeEventListener('abort', stop));
  }
}
