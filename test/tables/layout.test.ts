import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { native } from '../../agent/kernel/native.js';
import { parseBtf } from '../../agent/tables/btf.js';
import { tableLayouts } from '../../agent/tables/layout.gen.js';
import {
  compareStructs,
  elfSection,
  type Struct,
  structOf,
  tablesOf,
  typesOfObject,
} from '../../agent/tables/layout.js';
import { makeDirectory } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const object = readFileSync(join(root, 'dist/bpf/weft.bpf.o'));

const sample: Struct = {
  name: 'sample',
  size: 24,
  fields: [
    { name: 'address', kind: 'address', offset: 0, size: 16 },
    { name: 'port', kind: 'be16', offset: 16, size: 2 },
    { name: 'weight', kind: 'u32', offset: 20, size: 4 },
  ],
};

test('the object defines every table as the generated layout has it', (t) => {
  const found = new Map(tablesOf(typesOfObject(object)).map((table) => [table.name, table]));
  t.true(tableLayouts.length >= 16);
  for (const { name, key, value } of tableLayouts) {
    t.deepEqual(compareStructs(key, found.get(name)!.key), [], name);
    t.deepEqual(compareStructs(value, found.get(name)!.value), [], name);
  }
});

test('layout.gen.ts is what the generator writes now', (t) => {
  const output = join(makeDirectory(), 'layout.gen.ts');
  execFileSync(process.execPath, [join(root, 'dist/bpf/layout.js'), join(root, 'dist/bpf/parts/types.o'), output]);
  t.is(readFileSync(output, 'utf8'), readFileSync(join(root, 'agent/tables/layout.gen.ts'), 'utf8'));
});

test('equal layouts have no differences', (t) => {
  t.deepEqual(compareStructs(sample, structuredClone(sample)), []);
});

test('each difference is named: size, missing, moved, of another kind, unexpected', (t) => {
  const other: Struct = {
    name: 'sample',
    size: 28,
    fields: [
      { name: 'port', kind: 'u16', offset: 16, size: 2 },
      { name: 'weight', kind: 'u32', offset: 24, size: 4 },
      { name: 'zone', kind: 'u32', offset: 20, size: 4 },
    ],
  };
  t.deepEqual(compareStructs(sample, other, 'value.'), [
    'value.size 28, expected 24',
    'value.address is missing',
    'value.port is u16 of 2 bytes at 16, expected be16 of 2 bytes at 16',
    'value.weight is u32 of 4 bytes at 24, expected u32 of 4 bytes at 20',
    'value.zone is not expected',
  ]);
});

test('differences inside an array of structs are named with their path', (t) => {
  const list = (of: Struct): Struct => ({
    name: 'list',
    size: 48,
    fields: [{ name: 'peers', kind: 'structs', offset: 0, size: 48, of }],
  });
  const moved = {
    ...sample,
    fields: sample.fields.map((field) => (field.name === 'port' ? { ...field, offset: 18 } : field)),
  };
  t.deepEqual(compareStructs(list(sample), list(moved)), [
    'peers.port is be16 of 2 bytes at 18, expected be16 of 2 bytes at 16',
  ]);
});

test('byte order, addresses, text and locks are told from plain integers', (t) => {
  const kinds = (table: string, part: 'key' | 'value'): unknown =>
    tableLayouts.find(({ name }) => name === table)?.[part].fields.map(({ name, kind }) => `${name} ${kind}`);
  t.deepEqual(kinds('frontends', 'key'), ['address address', 'port be16', 'protocol u8', 'pad u8']);
  t.deepEqual(kinds('service_states', 'value'), ['lock lock', 'inflight u32', 'cursor u64']);
  t.deepEqual(kinds('overrides', 'value'), ['kind u32', 'weight u32', 'service text', 'backend text']);
});

kernelTest('the kernel tells the layout of a map as the object has it', (t) => {
  const opened = native().openObject(object, 'weft');
  t.teardown(() => opened.close());
  opened.load();
  for (const { name, key, value } of tableLayouts) {
    const map = opened.map(name);
    const { btfKeyTypeId, btfValueTypeId } = map.info();
    const btf = map.btf();
    map.close();
    if (name === 'gateway_listeners') {
      t.is(btf, null, 'the kernel takes none for hashes of sockets');
      continue;
    }
    const types = parseBtf(btf!);
    t.deepEqual(compareStructs(key, structOf(types, btfKeyTypeId)), [], name);
    t.deepEqual(compareStructs(value, structOf(types, btfValueTypeId)), [], name);
  }
});

test('what is no ELF file or no BTF is refused, cut off wherever it is', (t) => {
  t.throws(() => elfSection(new Uint8Array(64), '.BTF'), { message: 'not an ELF file' });
  t.throws(() => parseBtf(new Uint8Array(64)), { message: 'not a BTF blob' });
  t.is(elfSection(object, '.no-such-section'), undefined);
  const blob = elfSection(object, '.BTF')!;
  for (const length of [0, 1, 23, 24, 40])
    t.throws(() => parseBtf(blob.subarray(0, length)), undefined, `${length} bytes`);
});

test('an object without BTF says how to get it', (t) => {
  const renamed = Buffer.from(object);
  for (let at = renamed.indexOf('.BTF\0'); at >= 0; at = renamed.indexOf('.BTF\0')) renamed.write('.NOT', at);
  t.throws(() => typesOfObject(renamed), { message: /compile with -g/ });
});
