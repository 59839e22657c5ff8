import { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import type { TableName } from '../tables/layout.gen.js';
import { nameOfKey } from './frontends.js';
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
  const present = Buffer.from(rows.values.buffer, rows.values.byteOffset, rows.values.byteLength);
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
  for (let i = 0; i < rows.count; i++) present.set(nameOfKey(rowOf(rows.keys, keySize, i)), i);
  for (let i = 0; i < count; i++) {
    const name = nameOfKey(rowOf(keys, keySize, i));
    const found = present.get(name);
    present.delete(name);
    const value = rowOf(values, valueSize, i);
    if (found === undefined || Buffer.compare(rowOf(rows.values, valueSize, found), value) !== 0)
      missing.addRow(rowOf(keys, keySize, i), value);
  }
  for (const i of present.values()) surplus.addRow(rowOf(rows.keys, keySize, i), rowOf(rows.values, valueSize, i));
  return { missing, surplus };
}
