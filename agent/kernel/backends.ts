import { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import { Ids } from '../tables/ids.js';
import {
  BackendRowSize,
  BackendStateRowSize,
  Protocol,
  readBackendRow,
  readBackendStateRow,
  writeBackendRow,
} from '../tables/layout.gen.js';
import { indexKey, type Store } from './store.js';

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

const keyOf = (address: string, port: number, protocol: string): string => `${address} ${port} ${protocol}`;

/**
 * Ids of backends. An id is given to another address only when no connection to the old one is in flight, and then
 * with a higher generation, so that what sockets remember never means somebody else.
 */
export class Backends {
  readonly #store: Store;
  readonly #ids: Ids;
  readonly #generations: Uint32Array;
  readonly #byKey = new Map<string, Backend>();
  readonly #byId = new Map<number, Backend>();
  /** Alive in the kernel, listed by nobody yet: what an earlier agent left. */
  readonly #unclaimed = new Set<Backend>();
  /** Listed by nobody any more, to be marked by `bury`. */
  readonly #released = new Set<Backend>();
  /** Not alive, but connections may be in flight. */
  readonly #leaving = new Set<Backend>();
  /** Written next by `flush`. */
  #batch = new Batch(4, BackendRowSize);

  constructor(store: Store) {
    this.#store = store;
    this.#ids = new Ids(Math.min(store.capacity('backends'), store.capacity('backend_states')));
    this.#generations = new Uint32Array(this.#ids.capacity);
  }

  get count(): number {
    return this.#byKey.size;
  }

  /** Takes over what an earlier agent wrote: ids stay. */
  adopt(): void {
    const rows = this.#store.read('backends', this.#ids.capacity);
    const view = viewOf(rows.values);
    for (let id = 1; id < rows.count; id++) {
      const at = id * BackendRowSize;
      if (view.getUint8(at + 18) === 0 && view.getUint32(at + 20, true) === 0) continue;
      const row = readBackendRow(view, at);
      this.#generations[id] = row.generation;
      if (row.address === '') continue;
      const protocol = row.protocol === Protocol.UDP ? 'UDP' : 'TCP';
      const backend: Backend = {
        id,
        generation: row.generation,
        address: row.address,
        port: row.port,
        protocol,
        name: row.address,
        references: 0,
        onRemoval: 'drain',
      };
      const key = keyOf(row.address, row.port, protocol);
      // An id that was leaving keeps its address in a row that is not alive; the one that lives owns the address.
      if (row.alive === 0 && this.#inflight(id) === 0) continue;
      if (!this.#ids.adopt(id)) continue;
      if (this.#byKey.has(key) && row.alive === 0) {
        this.#byId.set(id, backend);
        this.#leaving.add(backend);
        continue;
      }
      this.#byKey.set(key, backend);
      this.#byId.set(id, backend);
      (row.alive === 0 ? this.#leaving : this.#unclaimed).add(backend);
    }
  }

  /** The backend of an address with one more reference, or undefined when there is no id left. Written by `flush`. */
  hold(address: string, port: number, protocol: 'TCP' | 'UDP', name: string): Backend | undefined {
    const key = keyOf(address, port, protocol);
    let backend = this.#byKey.get(key);
    if (!backend) {
      const id = this.#ids.take();
      if (id === undefined) return undefined;
      const generation = this.#generations[id]! + 1;
      this.#generations[id] = generation;
      backend = { id, generation, address, port, protocol, name, references: 0, onRemoval: 'drain' };
      this.#byKey.set(key, backend);
      this.#byId.set(id, backend);
      this.#write(backend, true);
    } else if (backend.references === 0) {
      this.#unclaimed.delete(backend);
      this.#released.delete(backend);
      if (this.#leaving.delete(backend)) this.#write(backend, true);
    }
    backend.references++;
    backend.name = name;
    return backend;
  }

  /** One reference less; with the last one it is gone, and marked so by `bury`. */
  release(id: number): void {
    const backend = this.#byId.get(id);
    if (backend && --backend.references === 0) this.#released.add(backend);
  }

  /** Lets go of what an earlier agent left and nobody listed. Marked by `bury`. */
  releaseUnclaimed(): void {
    for (const backend of this.#unclaimed) this.#released.add(backend);
    this.#unclaimed.clear();
  }

  byId(id: number): Backend | undefined {
    return this.#byId.get(id);
  }

  /** Writes rows of backends that are new. To be called before slots name them. */
  flush(): number {
    const count = this.#batch.count;
    this.#store.update('backends', this.#batch);
    this.#batch = new Batch(4, BackendRowSize);
    return count;
  }

  /** Marks as not alive those that were released. To be called when no slot names them any more. Returns them. */
  bury(): readonly Backend[] {
    const buried = [...this.#released];
    this.#released.clear();
    for (const backend of buried) {
      this.#write(backend, false);
      this.#leaving.add(backend);
    }
    this.flush();
    return buried;
  }

  /** Frees the ids of buried backends without connections in flight; `retire` sees each before its counters are cleared. */
  reclaim(retire: (backends: readonly Backend[]) => void): void {
    const idle = [...this.#leaving].filter((backend) => this.#inflight(backend.id) === 0);
    if (idle.length === 0) return;
    retire(idle);
    const states = new Batch(4, BackendStateRowSize, idle.length);
    for (const backend of idle) {
      states.addRow(indexKey(backend.id), new Uint8Array(BackendStateRowSize));
      this.#leaving.delete(backend);
      this.#byId.delete(backend.id);
      const key = keyOf(backend.address, backend.port, backend.protocol);
      if (this.#byKey.get(key) === backend) this.#byKey.delete(key);
      this.#ids.release(backend.id);
    }
    this.#store.update('backend_states', states);
  }

  /** The rows as they should be, one a listed backend. */
  desired(): Batch {
    const batch = new Batch(4, BackendRowSize, this.#byId.size);
    for (const backend of this.#byId.values()) if (backend.references > 0) addRow(batch, backend, true);
    return batch;
  }

  #write(backend: Backend, alive: boolean): void {
    addRow(this.#batch, backend, alive);
  }

  #inflight(id: number): number {
    const bytes = this.#store.lookup('backend_states', indexKey(id));
    return bytes ? readBackendStateRow(viewOf(bytes), 0).inflight : 0;
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
