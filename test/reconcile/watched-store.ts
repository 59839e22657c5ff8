import { keySizeOf, type Rows, type Store, valueSizeOf } from '../../agent/kernel/store.js';
import type { TableName } from '../../agent/tables/layout.gen.js';

export interface Write {
  readonly table: TableName;
  readonly key: Uint8Array;
  /** Undefined for a removal. */
  readonly value: Uint8Array | undefined;
}

/** A store that does its writes row by row and shows each to an observer, before it is made and after. */
export class WatchedStore implements Store {
  readonly #store: Store;
  before: (write: Write) => void = () => undefined;
  after: (write: Write) => void = () => undefined;
  /** Calls of any verb, those without rows left out. */
  calls = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  update(table: TableName, rows: Rows): void {
    if (rows.count > 0) this.calls++;
    for (let i = 0; i < rows.count; i++) {
      const key = rows.keys.subarray(i * keySizeOf(table), (i + 1) * keySizeOf(table));
      const value = rows.values.subarray(i * valueSizeOf(table), (i + 1) * valueSizeOf(table));
      this.before({ table, key, value });
      this.#store.update(table, { keys: key, values: value, count: 1 });
      this.after({ table, key, value });
    }
  }

  remove(table: TableName, keys: Uint8Array, count: number): number {
    if (count > 0) this.calls++;
    let removed = 0;
    for (let i = 0; i < count; i++) {
      const key = keys.subarray(i * keySizeOf(table), (i + 1) * keySizeOf(table));
      this.before({ table, key, value: undefined });
      removed += this.#store.remove(table, key, 1);
      this.after({ table, key, value: undefined });
    }
    return removed;
  }

  lookup(table: TableName, key: Uint8Array): Uint8Array | undefined {
    this.calls++;
    return this.#store.lookup(table, key);
  }

  read(table: TableName, limit?: number): Rows {
    this.calls++;
    return this.#store.read(table, limit);
  }

  capacity(table: TableName): number {
    return this.#store.capacity(table);
  }
}
