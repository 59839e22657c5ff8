import { Batch } from '../tables/batch.js';
import { bufferOf, nameAt, sameBytes } from '../tables/bytes.js';
import type { TableName } from '../tables/layout.gen.js';
import type { Mirror, Run } from '../tables/mirror.js';
import type { Store } from './store.js';

/** How a hash table differs from what it should hold. */
export interface Differences {
  /** Desired rows that the store lacks or has otherwise. */
  readonly missing: Batch;
  /** Rows that nobody desires. */
  readonly surplus: Batch;
}

const noBytes = new Uint8Array(0);
const rowOf = (bytes: Uint8Array, size: number, i: number): Uint8Array => bytes.subarray(i * size, (i + 1) * size);

/** Makes a hash table what it should hold; surplus rows stay where `isKept` says so of their key's name. Returns the rows that differed. */
export function repair(store: Store, table: TableName, desired: Batch, isKept: (name: string) => boolean): number {
  const { missing, surplus } = differences(store, table, desired);
  const { keySize } = surplus;
  const stale = new Batch(keySize, 0, surplus.count);
  const keys = bufferOf(surplus.keys);
  for (let i = 0; i < surplus.count; i++)
    if (!isKept(nameAt(keys, keySize, i))) stale.addRow(rowOf(keys, keySize, i), noBytes);
  if (stale.count > 0) store.remove(table, stale.keys, stale.count);
  store.update(table, missing);
  return missing.count + stale.count;
}

/** Makes these runs of an array table what they should be. Returns the rows that differed. */
export function repairRuns(store: Store, table: TableName, mirror: Mirror, runs: readonly Run[]): number {
  let end = 0;
  for (const { base, size } of runs) end = Math.max(end, base + size);
  if (end === 0) return 0;
  const present = store.read(table, end).values;
  const { rowSize } = mirror;
  const missing = new Batch(4, rowSize);
  for (const { base, size } of runs) {
    const wanted = mirror.rows(base, size);
    const there = present.subarray(base * rowSize, (base + size) * rowSize);
    if (sameBytes(wanted, there)) continue;
    for (let i = 0; i < size; i++) {
      const row = rowOf(wanted, rowSize, i);
      if (!sameBytes(row, rowOf(there, rowSize, i))) missing.addArray(base + i, row);
    }
  }
  store.update(table, missing);
  return missing.count;
}

export function differences(store: Store, table: TableName, desired: Batch): Differences {
  const { keySize, valueSize, count, keys, values } = desired;
  const missing = new Batch(keySize, valueSize);
  const surplus = new Batch(keySize, valueSize);
  const rows = store.read(table);
  const present = new Map<string, number>();
  const there = bufferOf(rows.keys);
  const here = bufferOf(keys);
  for (let i = 0; i < rows.count; i++) present.set(nameAt(there, keySize, i), i);
  for (let i = 0; i < count; i++) {
    const name = nameAt(here, keySize, i);
    const found = present.get(name);
    present.delete(name);
    const value = rowOf(values, valueSize, i);
    if (found === undefined || !sameBytes(rowOf(rows.values, valueSize, found), value))
      missing.addRow(rowOf(keys, keySize, i), value);
  }
  for (const i of present.values()) surplus.addRow(rowOf(rows.keys, keySize, i), rowOf(rows.values, valueSize, i));
  return { missing, surplus };
}
