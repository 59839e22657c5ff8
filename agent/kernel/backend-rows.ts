import { writeAddress } from '../tables/address.js';
import type { Batch } from '../tables/batch.js';
import { type BackendRow, BackendRowSize, Protocol, readBackendRow } from '../tables/layout.gen.js';
import { Mirror, type Run } from '../tables/mirror.js';
import { repairRuns } from './differences.js';
import type { Store } from './store.js';

/** Offsets in `struct backend`. */
const portAt = 16;
const protocolAt = 18;
const aliveAt = 19;
const generationAt = 20;

/** A port and protocol as one number. */
export function doorOf(port: number, protocol: 'TCP' | 'UDP'): number {
  return port * 2 + (protocol === 'UDP' ? 1 : 0);
}

/** Whether the row at offset `at` was never written. */
export function isBlank(view: DataView, at: number): boolean {
  return view.getUint8(at + protocolAt) === 0 && view.getUint32(at + generationAt, true) === 0;
}

/** The rows of `backends` as they should be, by id; of an id that is free, its last one. */
export class BackendRows {
  readonly #mirror = new Mirror(BackendRowSize);

  /** Takes a row as it was found. */
  load(id: number, row: Uint8Array): void {
    this.#mirror.rows(id, 1).set(row);
  }

  /** Gives the id to an address, under its next generation. */
  begin(id: number, address: string, port: number, protocol: 'TCP' | 'UDP'): void {
    const at = id * BackendRowSize;
    writeAddress(address, this.#mirror.bytesTo(id), at);
    const view = this.#mirror.viewTo(id);
    view.setUint16(at + portAt, port);
    view.setUint8(at + protocolAt, Protocol[protocol]);
    view.setUint8(at + aliveAt, 1);
    view.setUint32(at + generationAt, view.getUint32(at + generationAt, true) + 1, true);
  }

  /** Takes back `begin`: no kernel has seen the generation. */
  cancel(id: number): void {
    const at = id * BackendRowSize + generationAt;
    const view = this.#mirror.viewTo(id);
    view.setUint32(at, view.getUint32(at, true) - 1, true);
  }

  setAlive(id: number, alive: boolean): void {
    this.#mirror.viewTo(id).setUint8(id * BackendRowSize + aliveAt, alive ? 1 : 0);
  }

  read(id: number): BackendRow {
    return readBackendRow(this.#mirror.viewTo(id), id * BackendRowSize);
  }

  doorOf(id: number): number {
    const view = this.#mirror.viewTo(id);
    const at = id * BackendRowSize;
    return doorOf(view.getUint16(at + portAt), view.getUint8(at + protocolAt) === Protocol.UDP ? 'UDP' : 'TCP');
  }

  batchOf(runs: readonly Run[]): Batch {
    return this.#mirror.batchOf(runs);
  }

  /** As {@link repairRuns}. */
  repair(store: Store, runs: readonly Run[]): number {
    return repairRuns(store, 'backends', this.#mirror, runs);
  }
}
