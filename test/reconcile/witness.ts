import { isDeepStrictEqual } from 'node:util';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { readBackendRow, readBackendStateRow } from '../../agent/tables/layout.gen.js';
import { frontendRows, type Picture, pictureOf, type Sight } from './picture.js';
import type { WatchedStore, Write } from './watched-store.js';

/**
 * Looks at the tables at every single write, as a program might that runs just then, and throws at what no program may see: a row that leads
 * to slots of nobody, a mix of two versions, an index that is written while a program may still read it, an id that changes
 * hands with connections in flight or without a higher generation.
 */
export class Witness {
  readonly #store: WatchedStore;
  /** Everything that each row led to during the step. */
  readonly #seen = new Map<string, (Sight | undefined)[]>();
  #before: Picture = new Map();
  /** The round in which an index of slots or rings was last led to. */
  readonly #led = { slots: new Map<number, number>(), rings: new Map<number, number>() };
  #round = 0;

  constructor(store: WatchedStore) {
    this.#store = store;
    store.before = (write) => this.#inspect(write);
    store.after = () => this.#look();
  }

  /** A call of `reclaim` is about to come. */
  nextRound(): void {
    this.#round++;
  }

  /** Runs one step of the agent. Afterwards each row has led to its old version, then its new one, and to nothing else. */
  watch(step: () => void): void {
    this.#seen.clear();
    this.#before = pictureOf(this.#store);
    this.#look();
    step();
    const after = pictureOf(this.#store);
    for (const [name, sights] of this.#seen) {
      const versions = [this.#before.get(name), after.get(name)];
      for (const sight of sights)
        if (!versions.some((version) => isDeepStrictEqual(version, sight)))
          throw new Error(`${name} led to ${JSON.stringify(sight)}, neither of ${JSON.stringify(versions)}`);
    }
  }

  /** Looks no more. */
  leave(): void {
    this.#store.before = () => undefined;
    this.#store.after = () => undefined;
  }

  #look(): void {
    const picture = pictureOf(this.#store);
    for (const name of new Set([...this.#before.keys(), ...picture.keys()]))
      this.#seen.set(name, [...(this.#seen.get(name) ?? []), picture.get(name)]);
    for (const { row } of frontendRows(this.#store)) {
      for (let i = 0; i < row.slotCount; i++) this.#led.slots.set(row.slotBase + i, this.#round);
      for (let i = 0; i < row.ringSize; i++) this.#led.rings.set(row.ringBase + i, this.#round);
    }
  }

  #inspect({ table, key, value }: Write): void {
    const index = viewOf(key).getUint32(0, true);
    if (table === 'slots' || table === 'rings') {
      const led = this.#led[table].get(index);
      if (led !== undefined && this.#round - led < 2)
        throw new Error(`${table} ${index} is written while it may be read`);
    }
    if (table !== 'backends' || !value) return;
    const old = readBackendRow(viewOf(this.#store.lookup('backends', key)!), 0);
    const now = readBackendRow(viewOf(value), 0);
    const moved = old.address !== now.address || old.port !== now.port || old.protocol !== now.protocol;
    if (!moved || old.address === '') return;
    const { inflight } = readBackendStateRow(viewOf(this.#store.lookup('backend_states', indexKey(index))!), 0);
    if (old.alive === 1 || inflight > 0) throw new Error(`id ${index} of ${old.address} is given to ${now.address}`);
    if (now.generation <= old.generation)
      throw new Error(`id ${index}: generation ${now.generation} after ${old.generation}`);
  }
}
