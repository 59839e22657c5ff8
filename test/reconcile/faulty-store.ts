import { keySizeOf, type Rows, type Store, TableFullError, valueSizeOf } from '../../agent/kernel/store.js';
import type { TableName } from '../../agent/tables/layout.gen.js';

/** What a refused system call throws, as far as the agent looks. */
export class RefusedError extends Error {
  readonly code = 'EPERM';
}

/**
 * A store whose every n-th written or removed row fails, the rows before it being written, as the kernel's batches do. A failed row
 * counts: the next attempt gets n further. By turns the table is said to be full and the call refused.
 */
export class FaultyStore implements Store {
  readonly #store: Store;
  /** 0: nothing fails. */
  every: number;
  /** Errors thrown so far. */
  failures = 0;
  #rows = 0;

  constructor(store: Store, every: number) {
    this.#store = store;
    this.every = every;
  }

  update(table: TableName, rows: Rows): void {
    for (let i = 0; i < rows.count; i++) {
      this.#stumble(table);
      const keys = rows.keys.subarray(i * keySizeOf(table), (i + 1) * keySizeOf(table));
      const values = rows.values.subarray(i * valueSizeOf(table), (i + 1) * valueSizeOf(table));
      this.#store.update(table, { keys, values, count: 1 });
    }
  }

  remove(table: TableName, keys: Uint8Array, count: number): number {
    let removed = 0;
    for (let i = 0; i < count; i++) {
      this.#stumble(table);
      removed += this.#store.remove(table, keys.subarray(i * keySizeOf(table), (i + 1) * keySizeOf(table)), 1);
    }
    return removed;
  }

  lookup(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#store.lookup(table, key);
  }

  read(table: TableName, limit?: number): Rows {
    return this.#store.read(table, limit);
  }

  capacity(table: TableName): number {
    return this.#store.capacity(table);
  }

  #stumble(table: TableName): void {
    if (this.every === 0 || ++this.#rows % this.every !== 0) return;
    this.failures++;
    throw this.failures % 2 === 1
      ? new TableFullError(table, this.capacity(table))
      : new RefusedError(`${table}: refused`);
  }
}
