import { Batch } from '../tables/batch.js';
import { indexKey, type Store, valueSizeOf } from './store.js';

/** Tables that the programs count in, by id. */
type StateTable = 'backend_states' | 'service_states';

/** From so many rows on, reading all rows is cheaper than looking each one up. */
const bulkRows = 256;

/** The rows of these ids as they are now. Only these ids may be asked for. */
export function statesOf(store: Store, table: StateTable, ids: readonly number[]): (id: number) => Uint8Array {
  if (ids.length < bulkRows) return (id) => store.lookup(table, indexKey(id))!;
  const size = valueSizeOf(table);
  const end = ids.reduce((most, id) => Math.max(most, id + 1), 0);
  const { values } = store.read(table, end);
  return (id) => values.subarray(id * size, (id + 1) * size);
}

/** Zeroes the rows of these ids. */
export function clearStates(store: Store, table: StateTable, ids: Iterable<number>): void {
  const zero = new Uint8Array(valueSizeOf(table));
  const cleared = new Batch(4, zero.length);
  for (const id of ids) cleared.addRow(indexKey(id), zero);
  store.update(table, cleared);
}
