import type { Clock } from '../../clock.js';
import type { ServedSocket } from './served-socket.js';

/** How long a connection waits for the snapshot that knows where it wanted to go, in ms. */
const patienceMs = 2_000;
/** So many wait at once; more are closed. */
const mostWaiting = 4_096;

interface Early {
  readonly begin: () => boolean;
  readonly cancel: () => void;
}

/** Connections that the kernel led here by a table that is newer than the snapshot. */
export class EarlyConnections {
  readonly #clock: Clock;
  readonly #waiting = new Map<ServedSocket, Early>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `begin` is tried with each new snapshot until it is true; `give up` is called when that takes too long. False: there are too many. */
  wait(served: ServedSocket, begin: () => boolean, giveUp: () => void): boolean {
    if (this.#waiting.size >= mostWaiting) return false;
    const cancel = this.#clock.after(patienceMs, () => {
      this.#waiting.delete(served);
      giveUp();
    });
    this.#waiting.set(served, { begin, cancel });
    served.socket.once('close', () => {
      cancel();
      this.#waiting.delete(served);
    });
    return true;
  }

  /** There is another snapshot. */
  retry(): void {
    for (const [served, { begin, cancel }] of this.#waiting) {
      if (!begin()) continue;
      cancel();
      this.#waiting.delete(served);
    }
  }
}
