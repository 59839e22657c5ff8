import type { Listing, TableItem } from '../api/items.js';
import { keySizeOf, type Store, valueSizeOf } from '../kernel/store.js';
import { sameBytes, viewOf } from '../tables/bytes.js';
import { OverrideRowSize, readBackendRow, type TableName, writeOverrideRow } from '../tables/layout.gen.js';
import { compareNaturally, type PackedRows, RowText } from '../tables/show.js';
import type { ViewParts } from './parts.js';
import { endsOf } from './programmed.js';

/** One table as it was at one moment: `desired` undefined where the programs write, and nothing is desired. */
interface Snapshot {
  readonly table: TableName;
  readonly desired: PackedRows | undefined;
  readonly kernel: PackedRows;
}

/** Each row as desired and as it is; both sides are read now, their texts are made as they are asked for. */
export function listTables(parts: ViewParts): Listing<TableItem> {
  const snapshots = snapshotsOf(parts).sort((a, b) => (a.table < b.table ? -1 : 1));
  return {
    generation: parts.sync.generation,
    items: {
      *[Symbol.iterator](): Generator<TableItem> {
        for (const snapshot of snapshots) {
          if (isIndexed(snapshot.table)) yield* indexedItems(snapshot);
          else yield* keyedItems(snapshot);
        }
      },
    },
  };
}

/** Arrays whose rows mean something only where somebody uses the index. */
function isIndexed(table: TableName): boolean {
  return keySizeOf(table) === 4 && table !== 'counters' && table !== 'decisions';
}

function snapshotsOf({ overrides, pods, reconciler, store }: ViewParts): Snapshot[] {
  const ends = endsOf(reconciler);
  const desired = (table: 'backends' | 'frontends' | 'rings' | 'slots'): Snapshot => {
    const rows = reconciler.desired(table);
    const packed = { keys: rows.keys, values: rows.values, count: rows.count };
    return { table, desired: packed, kernel: table === 'frontends' ? store.read(table) : readTo(store, table, packed) };
  };
  const written = (table: TableName, end?: number): Snapshot => ({
    table,
    desired: undefined,
    kernel: end === 0 ? nothing : store.read(table, end),
  });
  return [
    desired('backends'),
    desired('frontends'),
    desired('rings'),
    desired('slots'),
    { table: 'pods', desired: pods.desired(), kernel: store.read('pods') },
    { table: 'overrides', desired: overrideRows(overrides.current), kernel: store.read('overrides') },
    written('admissions'),
    written('affinities'),
    written('backend_states', ends.backends),
    written('connected_datagrams'),
    written('control'),
    written('counters'),
    written('decisions'),
    written('edge_rest'),
    written('edges'),
    written('gateway_listeners'),
    written('service_states', ends.services),
  ];
}

const nothing: PackedRows = { keys: new Uint8Array(0), values: new Uint8Array(0), count: 0 };

function readTo(store: Store, table: TableName, desired: PackedRows): PackedRows {
  const keys = viewOf(desired.keys);
  let end = 0;
  for (let row = 0; row < desired.count; row++) end = Math.max(end, keys.getUint32(row * 4, true) + 1);
  return end === 0 ? nothing : store.read(table, end);
}

/** Without their digests: rows of this table are known by what they hold. */
function overrideRows({ weights, drained }: ViewParts['overrides']['current']): PackedRows {
  const rows = [...weights].flatMap(([service, of]) =>
    [...of].map(([backend, weight]) => ({ kind: 1, weight, service, backend })),
  );
  for (const backend of drained) rows.push({ kind: 2, weight: 0, service: '', backend });
  const values = new Uint8Array(rows.length * OverrideRowSize);
  rows.forEach((row, at) => {
    writeOverrideRow(row, viewOf(values), at * OverrideRowSize);
  });
  return { keys: new Uint8Array(rows.length * keySizeOf('overrides')), values, count: rows.length };
}

/** In the order of their indexes. Rows that nobody desires are shown where they hold something that means something. */
function* indexedItems({ table, desired, kernel }: Snapshot): Generator<TableItem> {
  const size = valueSizeOf(table);
  const wanted = desired && new RowText(table, desired);
  const present = new RowText(table, kernel);
  const places = desired && placesOf(desired, kernel.count);
  for (let index = 0; index < kernel.count; index++) {
    const row = (places?.[index] ?? 0) - 1;
    const now = kernel.values.subarray(index * size, (index + 1) * size);
    if (row < 0) {
      if ((desired && table !== 'backends') || now.every((byte) => byte === 0)) continue;
      const drift = table === 'backends' && readBackendRow(viewOf(now), 0).alive === 1;
      yield { table, key: present.key(index), desired: '', kernel: present.value(index), drift };
    } else {
      const drift = !sameBytes(desired!.values.subarray(row * size, (row + 1) * size), now);
      yield { table, key: present.key(index), desired: wanted!.value(row), kernel: present.value(index), drift };
    }
  }
}

/** By index, the desired row plus 1; 0 for none. */
function placesOf(desired: PackedRows, count: number): Uint32Array {
  const places = new Uint32Array(count);
  const keys = viewOf(desired.keys);
  for (let row = 0; row < desired.count; row++) places[keys.getUint32(row * 4, true)] = row + 1;
  return places;
}

/** Rows of one key; -1 where a side has none. */
interface Pair {
  readonly key: string;
  desired: number;
  kernel: number;
}

function* keyedItems({ table, desired, kernel }: Snapshot): Generator<TableItem> {
  const size = valueSizeOf(table);
  const wanted = new RowText(table, desired ?? nothing);
  const present = new RowText(table, kernel);
  const pairs = new Map<string, Pair>();
  for (let row = 0; row < wanted.count; row++)
    pairs.set(wanted.key(row), { key: wanted.key(row), desired: row, kernel: -1 });
  for (let row = 0; row < present.count; row++) {
    const key = present.key(row);
    const pair = pairs.get(key);
    if (pair) pair.kernel = row;
    else pairs.set(key, { key, desired: -1, kernel: row });
  }
  const bytesOf = (rows: PackedRows, row: number): Uint8Array => rows.values.subarray(row * size, (row + 1) * size);
  for (const pair of sorted(table, [...pairs.values()], desired ?? nothing, kernel)) {
    const both = pair.desired >= 0 && pair.kernel >= 0;
    const drift =
      desired !== undefined && !(both && sameBytes(bytesOf(desired, pair.desired), bytesOf(kernel, pair.kernel)));
    yield {
      table,
      key: pair.key,
      desired: pair.desired < 0 ? '' : wanted.value(pair.desired),
      kernel: pair.kernel < 0 ? '' : present.value(pair.kernel),
      drift,
    };
  }
}

/** Frontends by address, port and protocol, as the bytes of their keys compare; others by the text of their keys. */
function sorted(table: TableName, pairs: Pair[], desired: PackedRows, kernel: PackedRows): readonly Pair[] {
  if (table !== 'frontends') return pairs.sort((a, b) => compareNaturally(a.key, b.key));
  const size = keySizeOf(table);
  const keyOf = ({ desired: d, kernel: k }: Pair): Uint8Array =>
    d >= 0 ? desired.keys.subarray(d * size, (d + 1) * size) : kernel.keys.subarray(k * size, (k + 1) * size);
  return pairs.sort((a, b) => Buffer.compare(keyOf(a), keyOf(b)));
}
