import { viewOf } from '../tables/bytes.js';
import type { TableName } from '../tables/layout.gen.js';
import type { NativeError, NativeMap } from './native.js';
import { type Rows, type Store, TableFullError, valueSizeOf } from './store.js';

const perCpu: ReadonlySet<TableName> = new Set<TableName>(['counters', 'decisions']);

/** The store that is the kernel's maps. Owns none of them: who opened them closes them. */
export class KernelStore implements Store {
  readonly #maps: ReadonlyMap<TableName, NativeMap>;
  readonly #capacities = new Map<TableName, number>();

  constructor(maps: ReadonlyMap<TableName, NativeMap>) {
    this.#maps = maps;
    for (const [name, map] of maps) this.#capacities.set(name, map.info().maxEntries);
  }

  update(table: TableName, rows: Rows): void {
    if (rows.count === 0) return;
    try {
      this.#map(table).putBatch(rows.keys, rows.values, rows.count);
    } catch (error) {
      const code = (error as NativeError).code;
      if (code === 'E2BIG' || code === 'ENOSPC') throw new TableFullError(table, this.capacity(table));
      throw error;
    }
  }

  remove(table: TableName, keys: Uint8Array, count: number): number {
    return count === 0 ? 0 : this.#map(table).removeBatch(keys, count);
  }

  lookup(table: TableName, key: Uint8Array): Uint8Array | undefined {
    const value = this.#map(table).lookup(key) ?? undefined;
    return value && perCpu.has(table)
      ? addCpus({ keys: key, values: value, count: 1 }, valueSizeOf(table)).values
      : value;
  }

  read(table: TableName, limit?: number): Rows {
    const entries = this.#map(table).entries(limit);
    return perCpu.has(table) ? addCpus(entries, valueSizeOf(table)) : entries;
  }

  capacity(table: TableName): number {
    return this.#capacities.get(table) ?? 0;
  }

  #map(table: TableName): NativeMap {
    const map = this.#maps.get(table);
    if (!map) throw new Error(`table ${table} is not open`);
    return map;
  }
}

/** Adds up the CPUs' 64-bit counters of each row. */
function addCpus(rows: Rows, valueSize: number): Rows {
  if (rows.count === 0) return rows;
  const width = rows.values.length / rows.count;
  const values = new Uint8Array(rows.count * valueSize);
  const from = viewOf(rows.values);
  const to = viewOf(values);
  for (let row = 0; row < rows.count; row++) {
    for (let at = 0; at < valueSize; at += 8) {
      let sum = 0n;
      for (let cpu = 0; cpu < width; cpu += valueSize) sum += from.getBigUint64(row * width + cpu + at, true);
      to.setBigUint64(row * valueSize + at, sum, true);
    }
  }
  return { keys: rows.keys, values, count: rows.count };
}
