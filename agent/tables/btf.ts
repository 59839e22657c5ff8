/**
 * BTF, the type information of BPF objects and maps (Linux Documentation/bpf/btf.rst): as much as
 * is needed to know where each field of a table's key and value lies.
 */

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** In bytes. */
  readonly offset: number;
}

export type BtfType =
  | { readonly kind: 'int'; readonly name: string; readonly size: number; readonly signed: boolean }
  | { readonly kind: 'pointer'; readonly type: number }
  | { readonly kind: 'array'; readonly type: number; readonly length: number }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly size: number;
      readonly values: readonly (readonly [string, number])[];
    }
  | { readonly kind: 'typedef' | 'qualifier'; readonly name: string; readonly type: number }
  | { readonly kind: 'var'; readonly name: string; readonly type: number }
  | { readonly kind: 'datasec'; readonly name: string; readonly variables: readonly number[] }
  | { readonly kind: 'other'; readonly name: string };

const INT = 1;
const PTR = 2;
const ARRAY = 3;
const STRUCT = 4;
const UNION = 5;
const ENUM = 6;
const FWD = 7;
const TYPEDEF = 8;
const VOLATILE = 9;
const CONST = 10;
const RESTRICT = 11;
const FUNC = 12;
const FUNC_PROTO = 13;
const VAR = 14;
const DATASEC = 15;
const FLOAT = 16;
const DECL_TAG = 17;
const TYPE_TAG = 18;
const ENUM64 = 19;

/** All types by id; index 0 is void. Throws on a blob that is not little-endian BTF version 1. */
export function parseBtf(blob: Uint8Array): readonly BtfType[] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (blob.byteLength < 24 || view.getUint16(0, true) !== 0xeb9f) throw new Error('not a BTF blob');
  const header = view.getUint32(4, true);
  const types = header + view.getUint32(8, true);
  const typesEnd = types + view.getUint32(12, true);
  const strings = header + view.getUint32(16, true);
  if (typesEnd > blob.byteLength || strings > blob.byteLength) throw new Error('the BTF blob is cut off');

  const text = (offset: number): string => {
    const start = strings + offset;
    const end = blob.indexOf(0, start);
    if (end < 0) throw new Error('the BTF blob is cut off');
    return Buffer.from(blob.subarray(start, end)).toString('utf8');
  };

  const parsed: BtfType[] = [{ kind: 'other', name: 'void' }];
  let at = types;
  while (at < typesEnd) {
    const name = text(view.getUint32(at, true));
    const info = view.getUint32(at + 4, true);
    const sizeOrType = view.getUint32(at + 8, true);
    const count = info & 0xffff;
    const kind = (info >>> 24) & 0x1f;
    const bitfields = info >>> 31 === 1;
    at += 12;
    switch (kind) {
      case INT:
        parsed.push({ kind: 'int', name, size: sizeOrType, signed: ((view.getUint32(at, true) >>> 24) & 1) === 1 });
        at += 4;
        break;
      case PTR:
        parsed.push({ kind: 'pointer', type: sizeOrType });
        break;
      case ARRAY:
        parsed.push({ kind: 'array', type: view.getUint32(at, true), length: view.getUint32(at + 8, true) });
        at += 12;
        break;
      case STRUCT:
      case UNION: {
        const members: BtfMember[] = [];
        for (let i = 0; i < count; i++, at += 12) {
          const bits = view.getUint32(at + 8, true);
          members.push({
            name: text(view.getUint32(at, true)),
            type: view.getUint32(at + 4, true),
            offset: (bitfields ? bits & 0xffffff : bits) / 8,
          });
        }
        parsed.push({ kind: kind === STRUCT ? 'struct' : 'union', name, size: sizeOrType, members });
        break;
      }
      case ENUM: {
        const values: [string, number][] = [];
        for (let i = 0; i < count; i++, at += 8)
          values.push([text(view.getUint32(at, true)), view.getInt32(at + 4, true)]);
        parsed.push({ kind: 'enum', name, size: sizeOrType, values });
        break;
      }
      case TYPEDEF:
        parsed.push({ kind: 'typedef', name, type: sizeOrType });
        break;
      case VOLATILE:
      case CONST:
      case RESTRICT:
      case TYPE_TAG:
        parsed.push({ kind: 'qualifier', name, type: sizeOrType });
        break;
      case VAR:
        parsed.push({ kind: 'var', name, type: sizeOrType });
        at += 4;
        break;
      case DATASEC: {
        const variables: number[] = [];
        for (let i = 0; i < count; i++, at += 12) variables.push(view.getUint32(at, true));
        parsed.push({ kind: 'datasec', name, variables });
        break;
      }
      case FUNC_PROTO:
        at += 8 * count;
        parsed.push({ kind: 'other', name });
        break;
      case DECL_TAG:
        at += 4;
        parsed.push({ kind: 'other', name });
        break;
      case ENUM64:
        at += 12 * count;
        parsed.push({ kind: 'other', name });
        break;
      case FWD:
      case FUNC:
      case FLOAT:
        parsed.push({ kind: 'other', name });
        break;
      default:
        throw new Error(`BTF kind ${kind} is not known`);
    }
  }
  return parsed;
}

/** The type behind const, volatile and typedefs other than the ones that `keep` names. */
export function resolveType(types: readonly BtfType[], id: number, keep: ReadonlySet<string> = new Set()): BtfType {
  let type = types[id];
  while (type && (type.kind === 'qualifier' || type.kind === 'typedef')) {
    if (type.kind === 'typedef' && keep.has(type.name)) return type;
    type = types[type.type];
  }
  if (!type) throw new Error(`BTF type ${id} does not exist`);
  return type;
}
