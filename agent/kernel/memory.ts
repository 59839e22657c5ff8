import { hexOf } from '../tables/bytes.js';
import type { TableName } from '../tables/layout.gen.js';
import { isArray, keySizeOf, type Rows, type Store, TableFullError, valueSizeOf } from './store.js';

/** Capacities of bpf/maps.h. */
export const defaultCapacities: Readonly<Record<TableName, number>> = {
  admissions: 16384,
  affinities: 65536,
  backend_states: 131072,
  backends: 131072,
  connected_datagrams: 65536,
  control: 1,
  counters: 8,
  datagrams: 0,
  decisions: 14,
  edge_rest: 1,
  edges: 65536,
  frontends: 65536,
  gateway_listeners: 16384,
  overrides: 4096,
  pods: 4096,
  rings: 1048576,
  service_states: 65536,
  slots: 524288,
  socket_names: 0,
  upstreams: 0,
};

/** A store in memory: what `validate`, `diff` and most tests use. Behaves as the kernel's maps do. */
export class MemoryStore implements Store {
  readonly #capacities: Readonly<Record<TableName, number>>;
  readonly #tables = new Map<TableName, Map<string, { key: Uint8Array; value: Uint8Array }>>();

  constructor(capacities: Partial<Record<TableName, number>> = {}) {
    this.#capacities = { ...defaultCapacities, ...capacities };
  }

  update(table: TableName, rows: Rows): void {
    const keySize = keySizeOf(table);
    const valueSize = valueSizeOf(table);
    const content = this.#table(table);
    for (let i = 0; i < rows.count; i++) {
      const key = rows.keys.slice(i * keySize, (i + 1) * keySize);
      const name = hexOf(key);
      if (isArray(table)) {
        if (new DataView(key.buffer).getUint32(0, true) >= this.capacity(table))
          throw new TableFullError(table, this.capacity(table));
      } else if (!content.has(name) && content.size >= this.capacity(table)) {
        throw new TableFullError(table, this.capacity(table));
      }
      content.set(name, { key, value: rows.values.slice(i * valueSize, (i + 1) * valueSize) });
    }
  }

  remove(table: TableName, keys: Uint8Array, count: number): number {
    if (isArray(table)) throw new Error(`rows of ${table} cannot be removed`);
    const size = keySizeOf(table);
    let removed = 0;
    for (let i = 0; i < count; i++)
      if (this.#table(table).delete(hexOf(keys.subarray(i * size, (i + 1) * size)))) removed++;
    return removed;
  }

  lookup(table: TableName, key: Uint8Array): Uint8Array | undefined {
    const value = this.#table(table).get(hexOf(key))?.value;
    if (value) return value.slice();
    const inside = isArray(table) && new DataView(key.buffer, key.byteOffset).getUint32(0, true) < this.capacity(table);
    return inside ? new Uint8Array(valueSizeOf(table)) : undefined;
  }

  read(table: TableName, limit?: number): Rows {
    const keySize = keySizeOf(table);
    const valueSize = valueSizeOf(table);
    const content = [...this.#table(table).values()];
    const indexed = isArray(table);
    const count = Math.min(indexed ? this.capacity(table) : content.length, limit ?? Number.POSITIVE_INFINITY);
    const keys = new Uint8Array(count * keySize);
    const values = new Uint8Array(count * valueSize);
    const view = new DataView(keys.buffer);
    if (indexed) for (let i = 0; i < count; i++) view.setUint32(i * keySize, i, true);
    content.forEach((row, order) => {
      const at = indexed ? new DataView(row.key.buffer).getUint32(0, true) : order;
      if (at >= count) return;
      keys.set(row.key, at * keySize);
      values.set(row.value, at * valueSize);
    });
    return { keys, values, count };
  }

  capacity(table: TableName): number {
    return this.#capacities[table];
  }

  #table(table: TableName): Map<string, { key: Uint8Array; value: Uint8Array }> {
    let content = this.#tables.get(table);
    if (!content) {
      content = new Map();
      this.#tables.set(table, content);
    }
    return content;
  }
}
