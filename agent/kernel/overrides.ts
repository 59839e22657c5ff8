import { createHash } from 'node:crypto';
import type { Overrides } from '../compile/plan.js';
import { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import {
  OverrideKeySize,
  type OverrideRow,
  OverrideRowSize,
  readOverrideRow,
  writeOverrideKey,
  writeOverrideRow,
} from '../tables/layout.gen.js';
import { type Store, TableFullError } from './store.js';

const WEIGHT = 1;
const DRAIN = 2;

function keyOf(row: OverrideRow): Uint8Array {
  const digest = createHash('sha256').update(`${row.kind}\0${row.service}\0${row.backend}`).digest().subarray(0, 16);
  const key = new Uint8Array(OverrideKeySize);
  writeOverrideKey({ digest }, viewOf(key), 0);
  return key;
}

function batchOf(rows: readonly OverrideRow[]): Batch {
  const batch = new Batch(OverrideKeySize, OverrideRowSize, rows.length);
  for (const row of rows) {
    const value = new Uint8Array(OverrideRowSize);
    writeOverrideRow(row, viewOf(value), 0);
    batch.addRow(keyOf(row), value);
  }
  return batch;
}

/** Manual weights and drains of this node. The map is their only home, so that they outlive the agent. */
export class OverrideTable {
  readonly #store: Store;
  readonly #weights = new Map<string, Map<string, number>>();
  readonly #drained = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
    const rows = store.read('overrides');
    const view = viewOf(rows.values);
    for (let i = 0; i < rows.count; i++) {
      const row = readOverrideRow(view, i * OverrideRowSize);
      if (row.kind === DRAIN) {
        this.#drained.add(row.backend);
        continue;
      }
      const weights = this.#weights.get(row.service) ?? new Map<string, number>();
      this.#weights.set(row.service, weights.set(row.backend, row.weight));
    }
  }

  get current(): Overrides {
    return { weights: this.#weights, drained: this.#drained };
  }

  /**
   * Replaces a Service's weights; none is the same as `clearWeights`. Throws TableFullError when there is no room and RangeError when a name is
   * too long, leaving the old ones; what else the store throws may leave a part of both.
   */
  setWeights(service: string, weights: ReadonlyMap<string, number>): void {
    const before = this.#rowsOf(service);
    const batch = batchOf([...weights].map(([backend, weight]) => ({ kind: WEIGHT, weight, service, backend })));
    const capacity = this.#store.capacity('overrides');
    if (this.#count - before.length + weights.size > capacity) throw new TableFullError('overrides', capacity);
    const stale = batchOf(before.filter((row) => !weights.has(row.backend)));
    this.#store.remove('overrides', stale.keys, stale.count);
    this.#store.update('overrides', batch);
    if (weights.size === 0) this.#weights.delete(service);
    else this.#weights.set(service, new Map(weights));
  }

  clearWeights(service: string): void {
    this.setWeights(service, new Map());
  }

  /** Throws TableFullError. */
  drain(pod: string): void {
    this.#store.update('overrides', batchOf([{ kind: DRAIN, weight: 0, service: '', backend: pod }]));
    this.#drained.add(pod);
  }

  undrain(pod: string): void {
    const batch = batchOf([{ kind: DRAIN, weight: 0, service: '', backend: pod }]);
    this.#store.remove('overrides', batch.keys, batch.count);
    this.#drained.delete(pod);
  }

  /** Rows of the table. */
  get #count(): number {
    return [...this.#weights.values()].reduce((rows, weights) => rows + weights.size, this.#drained.size);
  }

  #rowsOf(service: string): readonly OverrideRow[] {
    return [...(this.#weights.get(service) ?? [])].map(([backend, weight]) => ({
      kind: WEIGHT,
      weight,
      service,
      backend,
    }));
  }
}
