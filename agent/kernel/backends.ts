import type { FrontendPlan, PlanBackend } from '../compile/plan.js';
import type { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import { Ids } from '../tables/ids.js';
import { BackendRowSize, Protocol, readBackendRow, readBackendStateRow } from '../tables/layout.gen.js';
import type { Run } from '../tables/mirror.js';
import { BackendRows, doorOf, isBlank } from './backend-rows.js';
import { Directory } from './directory.js';
import { clearStates, statesOf } from './states.js';
import type { Store } from './store.js';

/** One address, port and protocol behind any number of frontends, as it was when asked for. */
export interface Backend {
  readonly id: number;
  readonly generation: number;
  readonly address: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  /** NS/POD or the address, as the frontend that named it last. */
  readonly name: string;
  /** What to do with connections to it once nobody lists it. */
  readonly onRemoval: 'drain' | 'reset';
}

/** The references of one plan. */
export interface Held {
  /** Ids of the plan's backends, in their order. */
  readonly ids: readonly number[];
  readonly created: readonly number[];
  readonly revived: readonly Revived[];
}

/** What a backend without references was before a plan listed it again. */
interface Revived {
  readonly id: number;
  /** Its round in `leaving`. */
  readonly round: number | undefined;
  readonly wasDirty: boolean;
  readonly wasUnclaimed: boolean;
  readonly wasReleased: boolean;
}

/**
 * Ids of backends. An id is given to another address only when no connection to the old one is in flight, and then
 * with a higher generation, so that what sockets remember never means somebody else. There are so many that each is a row of bytes
 * and a few numbers instead of an object.
 */
export class Backends {
  readonly #store: Store;
  readonly #ids: Ids;
  readonly #rows = new BackendRows();
  readonly #directory = new Directory((id) => this.#rows.doorOf(id));
  /** Frontends that list it, usable or not. */
  readonly #references: Uint32Array;
  /** Ids that are in use have one. */
  readonly #names: (string | undefined)[] = [];
  readonly #resets: Uint8Array;
  /** Alive in the kernel, listed by nobody yet: what an earlier agent left. */
  readonly #unclaimed = new Set<number>();
  /** Listed by nobody any more, to be marked by `bury`. */
  readonly #released = new Set<number>();
  /** Marked, and not returned by `bury` yet because the write failed. */
  readonly #buried = new Set<number>();
  /** Not alive, but connections may be in flight. With the round of `reclaim` it came in. */
  readonly #leaving = new Map<number, number>();
  /** Ids without connections whose counters are to be cleared. */
  readonly #idle = new Set<number>();
  /** To be written by `flush`. */
  readonly #dirty = new Set<number>();
  #round = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#ids = new Ids(Math.min(store.capacity('backends'), store.capacity('backend_states')));
    this.#references = new Uint32Array(this.#ids.capacity);
    this.#resets = new Uint8Array(this.#ids.capacity);
  }

  get count(): number {
    return this.#directory.count;
  }

  /** One above the highest id that was ever in use. */
  get end(): number {
    return this.#names.length;
  }

  /** Takes over what an earlier agent wrote: ids stay. */
  adopt(): void {
    const { values, count } = this.#store.read('backends', this.#ids.capacity);
    const view = viewOf(values);
    const dead: number[] = [];
    for (let id = 1; id < count; id++) {
      const at = id * BackendRowSize;
      if (isBlank(view, at)) continue;
      const { address, port, protocol, alive } = readBackendRow(view, at);
      this.#rows.load(id, values.subarray(at, at + BackendRowSize));
      if (address === '') continue;
      if (alive === 0) {
        dead.push(id);
        continue;
      }
      this.#ids.adopt(id);
      this.#directory.set(address, doorOf(port, protocol === Protocol.UDP ? 'UDP' : 'TCP'), id);
      this.#names[id] = address;
      this.#unclaimed.add(id);
    }
    this.#adoptDead(dead);
  }

  /** An id that was leaving keeps its address in a row that is not alive, and its counters until somebody has seen them. */
  #adoptDead(dead: readonly number[]): void {
    const states = statesOf(this.#store, 'backend_states', dead);
    for (const id of dead) {
      if (states(id).every((byte) => byte === 0)) continue;
      const { address } = this.#rows.read(id);
      this.#ids.adopt(id);
      this.#names[id] = address;
      if (this.#directory.get(address, this.#rows.doorOf(id)) === undefined)
        this.#directory.set(address, this.#rows.doorOf(id), id);
      this.#leaving.set(id, this.#round);
    }
  }

  /** One more reference to each of a plan's backends, or undefined when there are not enough ids. Written by `flush`. */
  hold({ protocol }: FrontendPlan, backends: readonly PlanBackend[]): Held | undefined {
    const ids: number[] = new Array(backends.length);
    const created: number[] = [];
    const revived: Revived[] = [];
    for (let i = 0; i < ids.length; i++) {
      const { address, port } = backends[i]!;
      const door = doorOf(port, protocol);
      let id = this.#directory.get(address, door);
      if (id === undefined) {
        id = this.#create(address, port, protocol);
        if (id === undefined) {
          this.undo({ ids: ids.slice(0, i), created, revived });
          return undefined;
        }
        this.#directory.set(address, door, id);
        created.push(id);
      } else if (this.#references[id] === 0) {
        revived.push(this.#revive(id));
      }
      this.#references[id]!++;
      ids[i] = id;
    }
    return { ids, created, revived };
  }

  #create(address: string, port: number, protocol: 'TCP' | 'UDP'): number | undefined {
    const id = this.#ids.take();
    if (id === undefined) return undefined;
    this.#rows.begin(id, address, port, protocol);
    this.#names[id] = address;
    this.#resets[id] = 0;
    this.#dirty.add(id);
    return id;
  }

  #revive(id: number): Revived {
    const round = this.#leaving.get(id);
    const wasDirty = this.#dirty.has(id);
    if (round !== undefined) {
      this.#leaving.delete(id);
      this.#setAlive(id, true);
    }
    const wasUnclaimed = this.#unclaimed.delete(id);
    const wasReleased = this.#released.delete(id);
    return { id, round, wasDirty, wasUnclaimed, wasReleased };
  }

  /** Takes references back, as if they had never been made. To be called before `flush`. */
  undo({ ids, created, revived }: Held): void {
    for (const id of ids) this.#references[id]!--;
    for (const { id, round, wasDirty, wasUnclaimed, wasReleased } of revived) {
      if (round !== undefined) {
        this.#leaving.set(id, round);
        this.#setAlive(id, false);
      }
      if (!wasDirty) this.#dirty.delete(id);
      if (wasUnclaimed) this.#unclaimed.add(id);
      if (wasReleased) this.#released.add(id);
    }
    for (const id of created) {
      this.#dirty.delete(id);
      this.#forget(id);
      this.#rows.cancel(id);
      this.#ids.release(id);
    }
  }

  /** The names that a plan gives its backends, and what it asks for when they are gone. */
  describe(ids: readonly number[], { onRemoval }: FrontendPlan, backends: readonly PlanBackend[]): void {
    for (let i = 0; i < ids.length; i++) {
      this.#names[ids[i]!] = backends[i]!.name;
      this.#resets[ids[i]!] = onRemoval === 'reset' ? 1 : 0;
    }
  }

  /** One reference less; with the last one it is gone, and marked so by `bury`. */
  release(id: number): void {
    if (--this.#references[id]! === 0) this.#released.add(id);
  }

  /** Lets go of what an earlier agent left and nobody listed. Marked by `bury`. */
  releaseUnclaimed(): void {
    for (const id of this.#unclaimed) this.#released.add(id);
    this.#unclaimed.clear();
  }

  /** Undefined when nobody has the id. */
  byId(id: number): Backend | undefined {
    const name = this.#names[id];
    if (name === undefined) return undefined;
    const { address, port, protocol, generation } = this.#rows.read(id);
    return {
      id,
      generation,
      address,
      port,
      protocol: protocol === Protocol.UDP ? 'UDP' : 'TCP',
      name,
      onRemoval: this.#resets[id] === 1 ? 'reset' : 'drain',
    };
  }

  /** Writes the rows of backends that are new or came back, and those that an earlier call could not. To be called before slots name them. */
  flush(): number {
    const batch = this.#rows.batchOf([...this.#dirty].map((base) => ({ base, size: 1 })));
    this.#store.update('backends', batch);
    this.#dirty.clear();
    return batch.count;
  }

  /** Marks as not alive those that were released. To be called when no slot names them any more. Returns them. */
  bury(): readonly Backend[] {
    for (const id of this.#released) {
      this.#leaving.set(id, this.#round);
      this.#setAlive(id, false);
      this.#buried.add(id);
    }
    this.#released.clear();
    this.flush();
    const buried = [...this.#buried].filter((id) => this.#references[id] === 0);
    this.#buried.clear();
    return buried.map((id) => this.byId(id)!);
  }

  /**
   * Frees the ids of backends that were buried before the last call and have no connections in flight; `retire` sees each before its
   * counters are cleared. To be called at intervals that are longer than a connect() takes. Returns how many ids it freed.
   */
  reclaim(retire: (backends: readonly Backend[]) => void): number {
    const hasRested = (id: number, round: number): boolean => round < this.#round && !this.#dirty.has(id);
    const rested = [...this.#leaving].flatMap(([id, round]) => (hasRested(id, round) ? [id] : []));
    this.#round++;
    const states = statesOf(this.#store, 'backend_states', rested);
    const idle = rested.filter((id) => readBackendStateRow(viewOf(states(id)), 0).inflight === 0);
    if (idle.length > 0) retire(idle.map((id) => this.byId(id)!));
    for (const id of idle) {
      this.#forget(id);
      this.#leaving.delete(id);
      this.#idle.add(id);
    }
    return this.#free();
  }

  #free(): number {
    const freed = this.#idle.size;
    if (freed === 0) return 0;
    clearStates(this.#store, 'backend_states', this.#idle);
    for (const id of this.#idle) this.#ids.release(id);
    this.#idle.clear();
    return freed;
  }

  /** The rows as they should be, one a listed backend. */
  desired(): Batch {
    return this.#rows.batchOf(this.#listed());
  }

  /** Repairs the rows of listed backends. Returns how many differed. */
  verify(): number {
    return this.#rows.repair(this.#store, this.#listed());
  }

  #listed(): readonly Run[] {
    const runs: Run[] = [];
    let base = 1;
    for (let id = 1; id <= this.end; id++) {
      if (id < this.end && this.#references[id]! > 0) continue;
      if (id > base) runs.push({ base, size: id - base });
      base = id + 1;
    }
    return runs;
  }

  #setAlive(id: number, alive: boolean): void {
    this.#rows.setAlive(id, alive);
    this.#dirty.add(id);
  }

  /** Nobody is behind the id any more. */
  #forget(id: number): void {
    const { address } = this.#rows.read(id);
    this.#directory.delete(address, this.#rows.doorOf(id), id);
    this.#names[id] = undefined;
  }
}
