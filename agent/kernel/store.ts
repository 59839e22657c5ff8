import { type TableName, tableLayouts } from '../tables/layout.gen.js';

/** Packed keys and values of `count` rows. */
export interface Rows {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
}

/** A table had no room for a row. */
export class TableFullError extends Error {
  readonly table: TableName;
  constructor(table: TableName, capacity: number) {
    super(`table ${table} is full: ${capacity} rows`);
    this.table = table;
  }
}

/**
 * Where rows live: the kernel's maps, or memory. Rows are bytes as tables.h lays them out. All verbs
 * are idempotent; array tables (slots, rings, backends…) have every index from the start.
 */
export interface Store {
  /** Writes rows, in order. Throws TableFullError when one does not fit; those before it are written. */
  update(table: TableName, rows: Rows): void;
  /** Removes rows of a hash table; absent ones are passed over. Returns how many were there. Throws for an array. */
  remove(table: TableName, keys: Uint8Array, count: number): number;
  /** The row, or undefined when it is absent or its index is outside. */
  lookup(table: TableName, key: Uint8Array): Uint8Array | undefined;
  /** All rows, or the first `limit`. Of per-CPU tables the values of all CPUs added up (64-bit counters), here and in `lookup`. */
  read(table: TableName, limit?: number): Rows;
  /** Rows it can hold. */
  capacity(table: TableName): number;
}

/** Tables whose rows are indexes: they exist from the start and cannot be removed. */
const arrays: ReadonlySet<TableName> = new Set<TableName>([
  'slots',
  'rings',
  'backends',
  'backend_states',
  'service_states',
  'control',
  'counters',
  'decisions',
  'edge_rest',
]);

export function isArray(table: TableName): boolean {
  return arrays.has(table);
}

const sizes = new Map<string, { key: number; value: number }>(
  tableLayouts.map((table) => [table.name, { key: table.key.size, value: table.value.size }]),
);

export function keySizeOf(table: TableName): number {
  return sizes.get(table)!.key;
}

export function valueSizeOf(table: TableName): number {
  return sizes.get(table)!.value;
}

/** One row of an array table. */
export function indexKey(index: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, index, true);
  return key;
}
