import { viewOf } from '../tables/bytes.js';
import { Ids } from '../tables/ids.js';
import { readServiceStateRow } from '../tables/layout.gen.js';
import { clearStates, statesOf } from './states.js';
import type { Store } from './store.js';

/** Ids of `struct frontend.service`. One that was used is given away again only when no connection of its is in flight. */
export class Services {
  readonly #store: Store;
  readonly #ids: Ids;
  /** Left, perhaps with connections in flight, and the round of `reclaim` in which. */
  readonly #leaving = new Map<number, number>();
  #round = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#ids = new Ids(store.capacity('service_states'));
  }

  /** A free id, or undefined when all are taken. */
  take(): number | undefined {
    return this.#ids.take();
  }

  /** Takes just this id, as found in the kernel. False when it is taken or out of range. */
  adopt(id: number): boolean {
    return this.#ids.adopt(id);
  }

  /** No row names the id any more. */
  leave(id: number): void {
    this.#leaving.set(id, this.#round);
  }

  /** Clears and frees the ids that were left before the last call and have no connections. Returns how many. */
  reclaim(): number {
    const round = this.#round++;
    const rested = [...this.#leaving].flatMap(([id, since]) => (since < round ? [id] : []));
    const states = statesOf(this.#store, 'service_states', rested);
    const idle = rested.filter((id) => readServiceStateRow(viewOf(states(id)), 0).inflight === 0);
    if (idle.length === 0) return 0;
    clearStates(this.#store, 'service_states', idle);
    for (const id of idle) {
      this.#leaving.delete(id);
      this.#ids.release(id);
    }
    return idle.length;
  }
}
