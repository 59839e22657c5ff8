import { Batch } from '../tables/batch.js';
import { bufferOf, nameAt, viewOf } from '../tables/bytes.js';
import type { TableName } from '../tables/layout.gen.js';
import { isArray, type Store } from './store.js';

/** How a table differs from what it should hold. */
export interface Differences {
  /** Desired rows that the store lacks or has otherwise. */
  readonly missing: Batch;
  /** Rows of a hash table that nobody desires; of an array nothing is surplus. */
  readonly surplus: Batch;
}

export function differences(store: Store, table: TableName, desired: Batch): Differences {
  return isArray(table) ? ofArray(store, table, desired) : ofHash(store, table, desired);
}

/** Makes a table what it should hold; surplus rows stay where `isKept` says so of their key's name. Returns the rows that differed. */
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

const noBytes = new Uint8Array(0);
const rowOf = (bytes: Uint8Array, size: number, i: number): Uint8Array => bytes.subarray(i * size, (i + 1) * size);

function ofArray(store: Store, table: TableName, desired: Batch): Differences {
  const { keySize, valueSize, count, values } = desired;
  const missing = new Batch(keySize, valueSize);
  const surplus = new Batch(keySize, valueSize, 0);
  const keys = viewOf(desired.keys);
  let end = 0;
  for (let i = 0; i < count; i++) end = Math.max(end, keys.getUint32(i * 4, true) + 1);
  if (end === 0) return { missing, surplus };
  const rows = store.read(table, end);
  const present = bufferOf(rows.values);
  for (let i = 0; i < count; i++) {
    const there = keys.getUint32(i * 4, true) * valueSize;
    const here = i * valueSize;
    if (present.compare(values, here, here + valueSize, there, there + valueSize) !== 0)
      missing.addRow(rowOf(desired.keys, keySize, i), rowOf(values, valueSize, i));
  }
  return { missing, surplus };
}

function ofHash(store: Store, table: TableName, desired: Batch): Differences {
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
    if (found === undefined || Buffer.compare(rowOf(rows.values, valueSize, found), value) !== 0)
      missing.addRow(rowOf(keys, keySize, i), value);
  }
  for (const i of present.values()) surplus.addRow(rowOf(rows.keys, keySize, i), rowOf(rows.values, valueSize, i));
  return { missing, surplus };
}
