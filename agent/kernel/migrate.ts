import { Batch } from '../tables/batch.js';
import { parseBtf } from '../tables/btf.js';
import { compareStructs, type Struct, structOf, type TableLayout } from '../tables/layout.js';
import type { MapInfo, NativeMap, ObjectMap } from './native.js';
import { StartError } from './pins.js';

const ARRAY = 2;
const PERCPU_ARRAY = 6;
const SOCKHASH = 18;
const SK_STORAGE = 24;
const RINGBUF = 27;

/** How a map that an earlier agent pinned relates to the one this version wants. */
export type Verdict =
  | { readonly type: 'same' }
  /** Its rows can be copied; `differences` says why it is not the same. */
  | { readonly type: 'copy'; readonly differences: readonly string[]; readonly from: TableLayout | undefined }
  | { readonly type: 'impossible'; readonly differences: readonly string[] };

/** Compares kind, sizes and, field by field, the layout kept in the map's BTF. */
export function compareMap(wanted: ObjectMap, layout: TableLayout | undefined, map: NativeMap): Verdict {
  const info = map.info();
  const found = layout && layoutOf(wanted.name, info, map.btf());
  const differences = [
    ...(info.type === wanted.type ? [] : [`type ${info.type}, expected ${wanted.type}`]),
    ...(info.flags === wanted.flags ? [] : [`flags ${info.flags}, expected ${wanted.flags}`]),
    ...(info.keySize === wanted.keySize ? [] : [`keys of ${info.keySize} bytes, expected ${wanted.keySize}`]),
    ...(info.valueSize === wanted.valueSize ? [] : [`values of ${info.valueSize} bytes, expected ${wanted.valueSize}`]),
    ...(layout && found ? compareStructs(layout.key, found.key, 'key.') : []),
    ...(layout && found ? compareStructs(layout.value, found.value, 'value.') : []),
  ];
  const resized =
    info.maxEntries === wanted.maxEntries ? [] : [`${info.maxEntries} rows, expected ${wanted.maxEntries}`];
  if (differences.length === 0 && resized.length === 0) return { type: 'same' };
  // The kernel lists no sockets of a storage map and gives none of a hash of sockets, so these cannot be carried over.
  if (wanted.type === SK_STORAGE || wanted.type === SOCKHASH) return { type: 'impossible', differences };
  if (info.type !== wanted.type && wanted.type !== RINGBUF) return { type: 'impossible', differences };
  return { type: 'copy', differences: [...differences, ...resized], from: found };
}

function layoutOf(name: string, info: MapInfo, btf: Uint8Array | null): TableLayout | undefined {
  if (!btf || info.btfKeyTypeId === 0) return undefined;
  const types = parseBtf(btf);
  return { name, key: structOf(types, info.btfKeyTypeId), value: structOf(types, info.btfValueTypeId) };
}

/** A copy of one row's fields by name; fields that the new layout added are zero. */
export function convert(bytes: Uint8Array, from: Struct, to: Struct): Uint8Array {
  const converted = new Uint8Array(to.size);
  const theirs = new Map(from.fields.map((field) => [field.name, field]));
  for (const field of to.fields) {
    const source = theirs.get(field.name);
    if (!source || source.kind !== field.kind) continue;
    converted.set(bytes.subarray(source.offset, source.offset + Math.min(source.size, field.size)), field.offset);
  }
  return converted;
}

/** Copies all rows of a map into its successor. Counters of each CPU and rings of events are not carried over. Throws StartError when a row has no room. */
export function copyRows(
  from: NativeMap,
  old: TableLayout | undefined,
  to: NativeMap,
  layout: TableLayout | undefined,
): number {
  const source = from.info();
  const target = to.info();
  if (target.type === RINGBUF || target.type === PERCPU_ARRAY || !layout) return 0;
  const entries = from.entries();
  const batch = new Batch(target.keySize, target.valueSize, entries.count);
  for (let i = 0; i < entries.count; i++) {
    const key = entries.keys.subarray(i * source.keySize, (i + 1) * source.keySize);
    const value = entries.values.subarray(i * source.valueSize, (i + 1) * source.valueSize);
    const isZero = value.every((byte) => byte === 0);
    if (target.type === ARRAY) {
      if (isZero) continue;
      if (i >= target.maxEntries)
        throw new StartError(
          `${layout.name}: row ${i} is in use, but the table is to have ${target.maxEntries}`,
          'start with a larger --capacity',
        );
    }
    batch.addRow(old ? convert(key, old.key, layout.key) : key, old ? convert(value, old.value, layout.value) : value);
  }
  if (target.type !== ARRAY && batch.count > target.maxEntries) {
    throw new StartError(
      `${layout.name}: ${batch.count} rows are in use, but the table is to have ${target.maxEntries}`,
      'start with a larger --capacity',
    );
  }
  if (batch.count > 0) to.putBatch(batch.keys, batch.values, batch.count);
  return batch.count;
}
