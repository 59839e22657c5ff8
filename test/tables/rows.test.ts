import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { readAddress, showEndpoint, writeAddress } from '../../agent/tables/address.js';
import { Batch } from '../../agent/tables/batch.js';
import { readText, sameBytes, viewOf, writeText } from '../../agent/tables/bytes.js';
import * as layout from '../../agent/tables/layout.gen.js';
import { type Struct, tablesOf, typesOfObject } from '../../agent/tables/layout.js';

const pascal = (name: string): string =>
  name.replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const four = fc.ipV4().filter((text) => text !== '0.0.0.0');
/** Canonical text. */
const address = fc.oneof(
  fc.constant(''),
  four,
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => readAddress(bytes, 0)),
);
const text = (size: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'grapheme', maxLength: size })
    .filter((each) => !each.includes('\0') && Buffer.byteLength(each) < size);

/** A row of a struct with any contents. */
function rowOf(struct: Struct): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const fields = struct.fields.filter(({ name, kind }) => kind !== 'lock' && !/^pad\d*$/.test(name));
  return fc.record(
    Object.fromEntries(
      fields.map(({ name, kind, size }): [string, fc.Arbitrary<unknown>] => {
        const value = (): fc.Arbitrary<unknown> => {
          if (kind === 'u64') return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
          if (kind === 'address') return address;
          if (kind === 'text') return text(size);
          if (kind === 'bytes') return fc.uint8Array({ minLength: size, maxLength: size });
          return fc.integer({ min: 0, max: 2 ** (8 * size) - 1 });
        };
        return [camel(name), value()];
      }),
    ),
  );
}

type Reader = (view: DataView, at: number) => unknown;
type Writer = (row: unknown, view: DataView, at: number) => void;
const functions = layout as unknown as Readonly<Record<string, Reader & Writer>>;

const structs = new Map<string, Struct>();
for (const { key, value } of tablesOf(typesOfObject(readFileSync(new URL('../../bpf/weft.bpf.o', import.meta.url))))) {
  structs.set(key.name, key);
  structs.set(value.name, value);
}

for (const struct of structs.values()) {
  const name = pascal(struct.name) + (struct.name.endsWith('_key') ? '' : 'Row');
  const [read, write] = [functions[`read${name}`], functions[`write${name}`]];
  if (!read || !write) continue;
  test(`${struct.name}: what was written is read, at its place and nowhere else`, (t) => {
    fc.assert(
      fc.property(rowOf(struct), fc.nat(9), (row, at) => {
        const bytes = new Uint8Array(at + struct.size + 5).fill(0xee);
        write(row, viewOf(bytes), at);
        t.deepEqual(read(viewOf(bytes), at), row);
        const around = [...bytes.subarray(0, at), ...bytes.subarray(at + struct.size)];
        if (around.some((byte) => byte !== 0xee)) throw new Error('written outside');
      }),
      { numRuns: 50, includeErrorInReport: true },
    );
  });
}

test('every struct that is written has a test', (t) => {
  const written = Object.keys(layout).filter((name) => name.startsWith('write')).length;
  t.true(written >= 18, `${written} writers`);
  t.true(structs.size >= 18);
});

test('addresses: IPv4 is kept in its mapped form, whatever it was written as', (t) => {
  fc.assert(
    fc.property(four, (text) => {
      const [plain, mapped] = [new Uint8Array(16), new Uint8Array(16)];
      writeAddress(text, plain, 0);
      writeAddress(`::ffff:${text}`, mapped, 0);
      return sameBytes(plain, mapped) && readAddress(plain, 0) === text;
    }),
  );
  const bytes = new Uint8Array(16);
  writeAddress('2001:DB8:0::0001', bytes, 0);
  t.is(readAddress(bytes, 0), '2001:db8::1');
  t.is(showEndpoint('2001:db8::1', 80), '[2001:db8::1]:80');
  t.is(showEndpoint('10.0.0.1', 80), '10.0.0.1:80');
});

test('addresses: what is none is refused', (t) => {
  for (const text of [
    '10.0.0',
    '010.0.0.1',
    '0xa.0.0.1',
    '167772161',
    '10.0.0.256',
    '1.2.3.4.5',
    'fd00::g',
    'localhost',
    '1..2.3',
    ' 10.0.0.1',
    'fd00::1%eth0',
  ])
    t.throws(() => writeAddress(text, new Uint8Array(16), 0), undefined, text);
});

test('text is cut by its terminator, and never cut to fit', (t) => {
  const view = viewOf(new Uint8Array(8).fill(0x41));
  writeText('abc', view, 0, 8);
  t.is(readText(view, 0, 8), 'abc');
  t.is(readText(viewOf(new Uint8Array(8).fill(0x41)), 0, 8), 'AAAAAAAA');
  t.throws(() => writeText('12345678', view, 0, 8), { instanceOf: RangeError });
  t.is(readText(view, 0, 8), 'abc');
});

test('a batch keeps rows as they were added, however it grows', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)), { maxLength: 100 }),
      fc.nat(20),
      (rows, room) => {
        const batch = new Batch(4, 4, room);
        rows.forEach(([key, value], i) => {
          const bytes = [key, value].map((number) => new Uint8Array(Uint32Array.of(number).buffer));
          if (i % 3 === 0) batch.addRow(bytes[0]!, bytes[1]!);
          else if (i % 3 === 1) batch.addArray(key, bytes[1]!);
          else
            batch.add((keys, keyAt, values, valueAt) => {
              keys.setUint32(keyAt, key, true);
              values.setUint32(valueAt, value, true);
            });
        });
        const [keys, values] = [viewOf(batch.keys), viewOf(batch.values)];
        return (
          batch.count === rows.length &&
          rows.every(
            ([key, value], i) => keys.getUint32(i * 4, true) === key && values.getUint32(i * 4, true) === value,
          )
        );
      },
    ),
  );
  t.pass();
});
