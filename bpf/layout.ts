import { readFileSync, writeFileSync } from 'node:fs';
import type { BtfType } from '../agent/tables/btf.js';
import { type Field, type Struct, structOf, tablesOf, typesOfObject } from '../agent/tables/layout.js';

/**
 * Writes agent/tables/layout.gen.ts from the BTF of types.bpf.o: an interface, a size, a reader and
 * a writer for each struct, the enums as constants, and the list of tables.
 *
 * Usage: layout.js OBJECT OUTPUT
 */

const pascal = (name: string): string =>
  name.replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const rowName = (struct: Struct): string => pascal(struct.name) + (struct.name.endsWith('_key') ? '' : 'Row');

/** Fields that a reader of rows sees: no padding, no lock. */
const visible = (struct: Struct): readonly Field[] =>
  struct.fields.filter((field) => field.kind !== 'lock' && !/^pad\d*$/.test(field.name));

const types: Readonly<Record<Field['kind'], string>> = {
  u8: 'number',
  u16: 'number',
  u32: 'number',
  u64: 'bigint',
  be16: 'number',
  be32: 'number',
  address: 'string',
  text: 'string',
  bytes: 'Uint8Array',
  lock: 'never',
  structs: 'readonly never[]',
};

function reader(field: Field): string {
  const at = `at + ${field.offset}`;
  switch (field.kind) {
    case 'u8':
      return `view.getUint8(${at})`;
    case 'u16':
      return `view.getUint16(${at}, true)`;
    case 'u32':
      return `view.getUint32(${at}, true)`;
    case 'u64':
      return `view.getBigUint64(${at}, true)`;
    case 'be16':
      return `view.getUint16(${at}, false)`;
    case 'be32':
      return `view.getUint32(${at}, false)`;
    case 'address':
      return `readAddress(bytesOf(view), ${at})`;
    case 'text':
      return `readText(view, ${at}, ${field.size})`;
    case 'bytes':
      return `bytesOf(view).slice(${at}, ${at} + ${field.size})`;
    case 'structs':
      return `Array.from({ length: ${field.size / field.of!.size} }, (_, i) => read${rowName(field.of!)}(view, ${at} + i * ${field.of!.size}))`;
    default:
      throw new Error(`${field.name} cannot be read`);
  }
}

function writer(field: Field): string {
  const at = `at + ${field.offset}`;
  const value = `row.${camel(field.name)}`;
  switch (field.kind) {
    case 'u8':
      return `view.setUint8(${at}, ${value});`;
    case 'u16':
      return `view.setUint16(${at}, ${value}, true);`;
    case 'u32':
      return `view.setUint32(${at}, ${value}, true);`;
    case 'u64':
      return `view.setBigUint64(${at}, ${value}, true);`;
    case 'be16':
      return `view.setUint16(${at}, ${value}, false);`;
    case 'be32':
      return `view.setUint32(${at}, ${value}, false);`;
    case 'address':
      return `writeAddress(${value}, bytesOf(view), ${at});`;
    case 'text':
      return `writeText(${value}, view, ${at}, ${field.size});`;
    case 'bytes':
      return `bytesOf(view).set(${value}.subarray(0, ${field.size}), ${at});`;
    default:
      throw new Error(`${field.name} cannot be written`);
  }
}

function structCode(struct: Struct): string {
  const fields = visible(struct);
  const name = rowName(struct);
  const type = (field: Field): string => (field.of ? `readonly ${rowName(field.of)}[]` : types[field.kind]);
  const lines = [
    `/** struct ${struct.name}, ${struct.size} bytes. */`,
    `export interface ${name} {`,
    ...fields.map((field) => `  readonly ${camel(field.name)}: ${type(field)};`),
    '}',
    `export const ${name}Size = ${struct.size};`,
    `export function read${name}(view: DataView, at: number): ${name} {`,
    '  return {',
    ...fields.map((field) => `    ${camel(field.name)}: ${reader(field)},`),
    '  };',
    '}',
  ];
  if (!fields.some((field) => field.kind === 'structs')) {
    lines.push(
      `export function write${name}(row: ${name}, view: DataView, at: number): void {`,
      ...fields.map((field) => `  ${writer(field)}`),
      '}',
    );
  }
  return lines.join('\n');
}

function enumCode(type: Extract<BtfType, { kind: 'enum' }>): string {
  const name = pascal(type.name.replace(/^weft_/, ''));
  const words = type.values.map(([value]) => value.split('_'));
  let shared = 0;
  while (words.length > 1 && words.every((w) => shared < w.length - 1 && w[shared] === words[0]![shared])) shared++;
  const entries = type.values.map(([value, number]) => `  ${value.split('_').slice(shared).join('_')}: ${number},`);
  return [`/** enum ${type.name}. */`, `export const ${name} = {`, ...entries, '} as const;'].join('\n');
}

const [object, output] = process.argv.slice(2);
if (!object || !output) throw new Error('usage: layout.js OBJECT OUTPUT');
const btf = typesOfObject(readFileSync(object));
const tables = tablesOf(btf);

const structs = new Map<string, Struct>();
const collect = (struct: Struct): void => {
  for (const field of struct.fields) if (field.of) collect(field.of);
  if (struct.fields.length > 1 || struct.fields[0]?.name !== 'value' || struct.name === 'counter')
    structs.set(struct.name, struct);
};
for (const table of tables) {
  collect(table.key);
  collect(table.value);
}
btf.forEach((type, id) => {
  if (type.kind === 'struct' && type.name === 'flow_event') collect(structOf(btf, id));
});
const enums = btf.filter((type) => type.kind === 'enum' && type.name.startsWith('weft_')) as Extract<
  BtfType,
  { kind: 'enum' }
>[];

const byName = <T extends { readonly name: string }>(list: Iterable<T>): readonly T[] =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
const source = [
  '// Generated from bpf/tables.h by bpf/layout.ts (`npm run build`). Do not edit.',
  "import { readAddress, writeAddress } from './address.js';",
  "import { bytesOf, readText, writeText } from './bytes.js';",
  "import type { TableLayout } from './layout.js';",
  '',
  ...byName(enums).map((type) => `${enumCode(type)}\n`),
  ...byName(structs.values()).map((struct) => `${structCode(struct)}\n`),
  `export type TableName = ${tables.map((table) => `'${table.name}'`).join(' | ')};`,
  '',
  `export const tableLayouts: readonly TableLayout[] = ${JSON.stringify(tables, null, 2)};`,
  '',
].join('\n');
writeFileSync(output, source);
