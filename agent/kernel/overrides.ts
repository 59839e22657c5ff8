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
import type { Store } from './store.js';

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
  readonly #weights = new Map<string, ReadonlyMap<string, number>>();
  readonly #drained = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
    const rows = store.read('overrides');
    const view = viewOf(rows.values);
    for (let i = 0; i < rows.count; i++) {
      const row = readOverrideRow(view, i * OverrideRowSize);
      if (row.kind === DRAIN) this.#drained.add(row.backend);
      else
        this.#weights.set(row.service, new Map([...(this.#weights.get(row.service) ?? []), [row.backend, row.weight]]));
    }
  }

  get current(): Overrides {
    return { weights: this.#weights, drained: this.#drained };
  }

  /** Replaces a Service's weights. Throws TableFullError, leaving the old ones, when there is no room. */
  setWeights(service: string, weights: ReadonlyMap<string, number>): void {
    const rows = [...weights].map(([backend, weight]) => ({ kind: WEIGHT, weight, service, backend }));
    const batch = batchOf(rows);
    const before = batchOf(this.#rowsOf(service));
    try {
      this.#store.update('overrides', batch);
    } catch (error) {
      this.#store.remove('overrides', batch.keys, batch.count);
      this.#store.update('overrides', before);
      throw error;
    }
    const stale = batchOf(this.#rowsOf(service).filter((row) => !weights.has(row.backend)));
    this.#store.remove('overrides', stale.keys, stale.count);
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

  #rowsOf(service: string): readonly OverrideRow[] {
    return [...(this.#weights.get(service) ?? [])].map(([backend, weight]) => ({
      kind: WEIGHT,
      weight,
      service,
      backend,
    }));
  }
}
