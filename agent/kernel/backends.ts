import type { FrontendPlan } from '../compile/plan.js';
import { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import { Ids } from '../tables/ids.js';
import {
  BackendRowSize,
  Protocol,
  readBackendRow,
  readBackendStateRow,
  writeBackendRow,
} from '../tables/layout.gen.js';
import { Directory } from './directory.js';
import { clearStates, statesOf } from './states.js';
import type { Store } from './store.js';

/** One address, port and protocol behind any number of frontends. */
export interface Backend {
  readonly id: number;
  readonly generation: number;
  readonly address: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  /** NS/POD or the address, as the frontend that named it last. */
  name: string;
  /** Frontends that list it, usable or not. */
  references: number;
  /** What to do with connections to it once nobody lists it. */
  onRemoval: 'drain' | 'reset';
}

/** The references of one plan. */
export interface Held {
  /** Ids of the plan's backends, in their order. */
  readonly ids: readonly number[];
  /** Takes the references back, as if they had never been made. To be called before `flush`. */
  undo(): void;
}

/** What a backend without references was before a plan listed it again. */
interface Revived {
  readonly backend: Backend;
  /** Its round in `leaving`. */
  readonly round: number | undefined;
  readonly wasDirty: boolean;
  readonly wasUnclaimed: boolean;
  readonly wasReleased: boolean;
}

/**
 * Ids of backends. An id is given to another address only when no connection to the old one is in flight, and then
 * with a higher generation, so that what sockets remember never means somebody else.
 */
export class Backends {
  readonly #store: Store;
  readonly #ids: Ids;
  readonly #generations: Uint32Array;
  readonly #directory = new Directory();
  readonly #byId: (Backend | undefined)[] = [];
  /** Alive in the kernel, listed by nobody yet: what an earlier agent left. */
  readonly #unclaimed = new Set<Backend>();
  /** Listed by nobody any more, to be marked by `bury`. */
  readonly #released = new Set<Backend>();
  /** Marked, and not returned by `bury` yet because the write failed. */
  readonly #buried = new Set<Backend>();
  /** Not alive, but connections may be in flight. With the round of `reclaim` it came in. */
  readonly #leaving = new Map<Backend, number>();
  /** Ids without connections whose counters are to be cleared. */
  readonly #idle = new Set<number>();
  /** To be written by `flush`. */
  readonly #dirty = new Set<Backend>();
  #round = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#ids = new Ids(Math.min(store.capacity('backends'), store.capacity('backend_states')));
    this.#generations = new Uint32Array(this.#ids.capacity);
  }

  get count(): number {
    return this.#directory.count;
  }

  /** Takes over what an earlier agent wrote: ids stay. */
  adopt(): void {
    const { values, count } = this.#store.read('backends', this.#ids.capacity);
    const view = viewOf(values);
    const dead: Backend[] = [];
    for (let id = 1; id < count; id++) {
      const at = id * BackendRowSize;
      if (view.getUint8(at + 18) === 0 && view.getUint32(at + 20, true) === 0) continue;
      const { address, port, protocol: number, alive, generation } = readBackendRow(view, at);
      this.#generations[id] = generation;
      if (address === '') continue;
      const protocol = number === Protocol.UDP ? 'UDP' : 'TCP';
      const backend: Backend = {
        id,
        generation,
        address,
        port,
        protocol,
        name: address,
        references: 0,
        onRemoval: 'drain',
      };
      if (alive === 0) {
        dead.push(backend);
        continue;
      }
      this.#ids.adopt(id);
      this.#directory.set(backend);
      this.#byId[id] = backend;
      this.#unclaimed.add(backend);
    }
    this.#adoptDead(dead);
  }

  /** An id that was leaving keeps its address in a row that is not alive, and its counters until somebody has seen them. */
  #adoptDead(dead: readonly Backend[]): void {
    const states = statesOf(
      this.#store,
      'backend_states',
      dead.map(({ id }) => id),
    );
    for (const backend of dead) {
      if (states(backend.id).every((byte) => byte === 0)) continue;
      const { id, address, port, protocol } = backend;
      this.#ids.adopt(id);
      this.#byId[id] = backend;
      if (!this.#directory.get(address, port, protocol)) this.#directory.set(backend);
      this.#leaving.set(backend, this.#round);
    }
  }

  /** One more reference to each of a plan's backends, or undefined when there are not enough ids. Written by `flush`. */
  hold(plan: FrontendPlan): Held | undefined {
    const ids: number[] = [];
    const created: Backend[] = [];
    const revived: Revived[] = [];
    for (const { address, port } of plan.backends) {
      let backend = this.#directory.get(address, port, plan.protocol);
      if (!backend) {
        backend = this.#create(address, port, plan.protocol);
        if (!backend) {
          this.#undo(ids, created, revived);
          return undefined;
        }
        created.push(backend);
      } else if (backend.references === 0) {
        revived.push(this.#revive(backend));
      }
      backend.references++;
      ids.push(backend.id);
    }
    return { ids, undo: () => this.#undo(ids, created, revived) };
  }

  #create(address: string, port: number, protocol: 'TCP' | 'UDP'): Backend | undefined {
    const id = this.#ids.take();
    if (id === undefined) return undefined;
    const generation = this.#generations[id]! + 1;
    const backend: Backend = {
      id,
      generation,
      address,
      port,
      protocol,
      name: address,
      references: 0,
      onRemoval: 'drain',
    };
    this.#generations[id] = generation;
    this.#directory.set(backend);
    this.#byId[id] = backend;
    this.#dirty.add(backend);
    return backend;
  }

  #revive(backend: Backend): Revived {
    const round = this.#leaving.get(backend);
    const wasDirty = this.#dirty.has(backend);
    if (round !== undefined) {
      this.#leaving.delete(backend);
      this.#dirty.add(backend);
    }
    const wasUnclaimed = this.#unclaimed.delete(backend);
    const wasReleased = this.#released.delete(backend);
    return { backend, round, wasDirty, wasUnclaimed, wasReleased };
  }

  #undo(ids: readonly number[], created: readonly Backend[], revived: readonly Revived[]): void {
    for (const id of ids) this.#byId[id]!.references--;
    for (const { backend, round, wasDirty, wasUnclaimed, wasReleased } of revived) {
      if (round !== undefined) this.#leaving.set(backend, round);
      if (!wasDirty) this.#dirty.delete(backend);
      if (wasUnclaimed) this.#unclaimed.add(backend);
      if (wasReleased) this.#released.add(backend);
    }
    for (const backend of created) {
      this.#dirty.delete(backend);
      this.#directory.delete(backend);
      this.#byId[backend.id] = undefined;
      this.#generations[backend.id] = backend.generation - 1;
      this.#ids.release(backend.id);
    }
  }

  /** One reference less; with the last one it is gone, and marked so by `bury`. */
  release(id: number): void {
    const backend = this.#byId[id];
    if (backend && --backend.references === 0) this.#released.add(backend);
  }

  /** Lets go of what an earlier agent left and nobody listed. Marked by `bury`. */
  releaseUnclaimed(): void {
    for (const backend of this.#unclaimed) this.#released.add(backend);
    this.#unclaimed.clear();
  }

  byId(id: number): Backend | undefined {
    return this.#byId[id];
  }

  /** Writes the rows of backends that are new or came back, and those that an earlier call could not. To be called before slots name them. */
  flush(): number {
    const batch = new Batch(4, BackendRowSize, this.#dirty.size);
    for (const backend of this.#dirty) addRow(batch, backend, !this.#leaving.has(backend));
    this.#store.update('backends', batch);
    this.#dirty.clear();
    return batch.count;
  }

  /** Marks as not alive those that were released. To be called when no slot names them any more. Returns them. */
  bury(): readonly Backend[] {
    for (const backend of this.#released) {
      this.#leaving.set(backend, this.#round);
      this.#dirty.add(backend);
      this.#buried.add(backend);
    }
    this.#released.clear();
    this.flush();
    const buried = [...this.#buried].filter((backend) => backend.references === 0);
    this.#buried.clear();
    return buried;
  }

  /**
   * Frees the ids of backends that were buried before the last call and have no connections in flight; `retire` sees each before its
   * counters are cleared. To be called at intervals that are longer than a connect() takes. Returns how many ids it freed.
   */
  reclaim(retire: (backends: readonly Backend[]) => void): number {
    const hasRested = (backend: Backend, round: number): boolean => round < this.#round && !this.#dirty.has(backend);
    const rested = [...this.#leaving].flatMap(([backend, round]) => (hasRested(backend, round) ? [backend] : []));
    this.#round++;
    const states = statesOf(
      this.#store,
      'backend_states',
      rested.map(({ id }) => id),
    );
    const idle = rested.filter(({ id }) => readBackendStateRow(viewOf(states(id)), 0).inflight === 0);
    if (idle.length > 0) retire(idle);
    for (const backend of idle) {
      this.#directory.delete(backend);
      this.#byId[backend.id] = undefined;
      this.#leaving.delete(backend);
      this.#idle.add(backend.id);
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
    const batch = new Batch(4, BackendRowSize, this.count);
    for (const backend of this.#byId) if (backend && backend.references > 0) addRow(batch, backend, true);
    return batch;
  }
}

function addRow(batch: Batch, backend: Backend, alive: boolean): void {
  batch.add((key, keyAt, value, valueAt) => {
    key.setUint32(keyAt, backend.id, true);
    writeBackendRow(
      {
        address: backend.address,
        port: backend.port,
        protocol: Protocol[backend.protocol],
        alive: alive ? 1 : 0,
        generation: backend.generation,
      },
      value,
      valueAt,
    );
  });
}
