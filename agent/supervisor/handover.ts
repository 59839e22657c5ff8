import type { ToWorker } from '../gateway/messages.js';

/** Messages with descriptors that a worker has not answered yet. A channel has room for some 270, and the agent must never wait for it. */
const mostUnderway = 32;

/** Listening sockets, and the message that announces them. */
export interface Parcel {
  readonly fds: readonly number[];
  readonly message: ToWorker;
}

/** Hands listening sockets to one worker, a few at a time, so that the agent never waits for it. */
export class Handover {
  readonly #send: (parcel: Parcel) => boolean;
  /** By what they are for, as the worker names it when it has them. */
  readonly #waiting = new Map<string, Parcel>();
  readonly #underway: { readonly key: string; readonly parcel: Parcel }[] = [];

  /** `send`: false when the worker is beyond help. */
  constructor(send: (parcel: Parcel) => boolean) {
    this.#send = send;
  }

  give(key: string, parcel: Parcel): void {
    this.#waiting.set(key, parcel);
    this.#flush();
  }

  /** Its sockets are closed: what has not been sent is not. */
  withdraw(key: string): void {
    this.#waiting.delete(key);
  }

  /** The worker says that it has these sockets. Undefined: they are not what it was given next. */
  taken(key: string): Parcel | undefined {
    if (this.#underway[0]?.key !== key) return undefined;
    const { parcel } = this.#underway.shift()!;
    this.#flush();
    return parcel;
  }

  #flush(): void {
    for (const [key, parcel] of this.#waiting) {
      if (this.#underway.length >= mostUnderway) return;
      this.#waiting.delete(key);
      if (!this.#send(parcel)) {
        this.#waiting.clear();
        return;
      }
      this.#underway.push({ key, parcel });
    }
  }
}
