import { type BtfType, parseBtf, resolveType } from './btf.js';

/**
 * How a field is kept and read. `address` is 16 bytes (IPv4 in mapped form) read as text, `text` zero-terminated
 * characters, `bytes` raw ones; `lock` is a bpf_spin_lock, which belongs to the kernel.
 */
export type FieldKind =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'be16'
  | 'be32'
  | 'address'
  | 'text'
  | 'bytes'
  | 'lock'
  | 'structs';

export interface Field {
  /** As in tables.h. */
  readonly name: string;
  readonly kind: FieldKind;
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
  /** Elements, for `structs`. */
  readonly of?: Struct;
}

export interface Struct {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly fields: readonly Field[];
}

const networkOrder = new Set(['__be16', '__be32']);
const integers: Readonly<Record<number, FieldKind>> = { 1: 'u8', 2: 'u16', 4: 'u32', 8: 'u64' };

function fieldOf(types: readonly BtfType[], name: string, id: number, offset: number): Field {
  const type = resolveType(types, id, networkOrder);
  if (type.kind === 'typedef') {
    const kind = type.name === '__be16' ? 'be16' : 'be32';
    return { name, kind, offset, size: kind === 'be16' ? 2 : 4 };
  }
  if (type.kind === 'int' || type.kind === 'enum') {
    const kind = integers[type.size];
    if (!kind) throw new Error(`field ${name}: an integer of ${type.size} bytes`);
    return { name, kind, offset, size: type.size };
  }
  if (type.kind === 'struct' && type.name === 'weft_address') return { name, kind: 'address', offset, size: 16 };
  if (type.kind === 'struct' && type.name === 'bpf_spin_lock') return { name, kind: 'lock', offset, size: 4 };
  if (type.kind === 'array') {
    const element = resolveType(types, type.type);
    if (element.kind === 'int' && element.size === 1) {
      return { name, kind: element.name === 'char' ? 'text' : 'bytes', offset, size: type.length };
    }
    if (element.kind === 'int') return { name, kind: 'bytes', offset, size: type.length * element.size };
    const of = structOf(types, type.type);
    return { name, kind: 'structs', offset, size: type.length * of.size, of };
  }
  throw new Error(`field ${name}: a ${type.kind} has no place in a table`);
}

/** Where the fields of a struct lie; an integer is a struct of one field `value`. */
export function structOf(types: readonly BtfType[], id: number): Struct {
  const type = resolveType(types, id, networkOrder);
  if (type.kind === 'struct') {
    return {
      name: type.name,
      size: type.size,
      fields: type.members.map((m) => fieldOf(types, m.name, m.type, m.offset)),
    };
  }
  const field = fieldOf(types, 'value', id, 0);
  return { name: field.kind, size: field.size, fields: [field] };
}

export interface TableLayout {
  readonly name: string;
  readonly key: Struct;
  readonly value: Struct;
}

/** The key and value layouts of every map that the object's BTF defines (section .maps); maps without both are left out. */
export function tablesOf(types: readonly BtfType[]): readonly TableLayout[] {
  const tables: TableLayout[] = [];
  for (const section of types) {
    if (section.kind !== 'datasec' || section.name !== '.maps') continue;
    for (const id of section.variables) {
      const variable = types[id];
      if (variable?.kind !== 'var') continue;
      const definition = resolveType(types, variable.type);
      if (definition.kind !== 'struct') continue;
      const target = (name: string): number | undefined => {
        const member = definition.members.find((m) => m.name === name);
        const pointer = member && resolveType(types, member.type);
        return pointer?.kind === 'pointer' ? pointer.type : undefined;
      };
      const key = target('key');
      const value = target('value');
      if (key === undefined || value === undefined) continue;
      tables.push({ name: variable.name, key: structOf(types, key), value: structOf(types, value) });
    }
  }
  return tables.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every difference between two layouts, one line each; empty when rows of one can be read as the other. */
export function compareStructs(expected: Struct, found: Struct, prefix = ''): readonly string[] {
  const differences: string[] = [];
  if (expected.size !== found.size) differences.push(`${prefix}size ${found.size}, expected ${expected.size}`);
  const theirs = new Map(found.fields.map((field) => [field.name, field]));
  for (const field of expected.fields) {
    const other = theirs.get(field.name);
    theirs.delete(field.name);
    if (!other) {
      differences.push(`${prefix}${field.name} is missing`);
    } else if (other.offset !== field.offset || other.size !== field.size || other.kind !== field.kind) {
      const show = (f: Field): string => `${f.kind} of ${f.size} bytes at ${f.offset}`;
      differences.push(`${prefix}${field.name} is ${show(other)}, expected ${show(field)}`);
    } else if (field.of && other.of) {
      differences.push(...compareStructs(field.of, other.of, `${prefix}${field.name}.`));
    }
  }
  for (const name of theirs.keys()) differences.push(`${prefix}${name} is not expected`);
  return differences;
}

/** The bytes of an ELF section (64-bit, little-endian), or undefined when there is none of that name. */
export function elfSection(elf: Uint8Array, wanted: string): Uint8Array | undefined {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  if (view.getUint32(0, false) !== 0x7f454c46) throw new Error('not an ELF file');
  const table = Number(view.getBigUint64(0x28, true));
  const entrySize = view.getUint16(0x3a, true);
  const count = view.getUint16(0x3c, true);
  const extent = (index: number): [number, number] => {
    const at = table + index * entrySize;
    return [Number(view.getBigUint64(at + 0x18, true)), Number(view.getBigUint64(at + 0x20, true))];
  };
  const [names] = extent(view.getUint16(0x3e, true));
  for (let i = 0; i < count; i++) {
    const start = names + view.getUint32(table + i * entrySize, true);
    const name = Buffer.from(elf.subarray(start, elf.indexOf(0, start))).toString('latin1');
    if (name !== wanted) continue;
    const [offset, size] = extent(i);
    return elf.subarray(offset, offset + size);
  }
  return undefined;
}

/** The types of an object file. Throws when it has no BTF. */
export function typesOfObject(elf: Uint8Array): readonly BtfType[] {
  const section = elfSection(elf, '.BTF');
  if (!section) throw new Error('the object has no BTF: compile with -g');
  return parseBtf(section);
}
