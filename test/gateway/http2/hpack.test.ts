import test from 'ava';
import fc from 'fast-check';
import type { FieldLines } from '../../../agent/gateway/exchange.js';
import { HpackDecoder } from '../../../agent/gateway/http2/hpack-decoder.js';
import { HpackEncoder } from '../../../agent/gateway/http2/hpack-encoder.js';
import { decodeHuffman } from '../../../agent/gateway/http2/huffman.js';

const limits = { listBytes: 32_768, fields: 200 };
const decoder = (): HpackDecoder => new HpackDecoder(limits, 4_096);
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

test('requests with Huffman coding (RFC 7541 C.4)', (t) => {
  const one = decoder();
  const first = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
  t.deepEqual(one.decode(hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'))!.fields, first);
  t.deepEqual(one.decode(hex('8286 84be 5886 a8eb 1064 9cbf'))!.fields, [...first, 'cache-control', 'no-cache']);
  const third = one.decode(hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'))!.fields;
  t.deepEqual(third.slice(-2), ['custom-key', 'custom-value']);
});

test('responses with eviction (RFC 7541 C.6)', (t) => {
  const one = new HpackDecoder(limits, 256);
  const first = one.decode(
    hex(
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    ),
  )!.fields;
  t.deepEqual(first.slice(0, 4), [':status', '302', 'cache-control', 'private']);
  t.deepEqual(one.decode(hex('4883 640e ffc1 c0bf'))!.fields.slice(0, 2), [':status', '307']);
  const third = one.decode(
    hex(
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ),
  )!.fields;
  t.is(third.at(-1), 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1');
});

const broken: readonly (readonly [name: string, block: string])[] = [
  ['index 0', '80'],
  ['an index beyond the tables', 'be'],
  ['an integer that is cut off', 'ff'],
  ['an integer beyond 2^28', 'ffffffffffff7f'],
  ['a string longer than the block', '0005 61'],
  ['a string that is missing', '00'],
  ['a table larger than allowed', '3fe2 1f'],
  ['a table size behind a field', '82 20'],
  ['EOS in a Huffman string', '0084 ffff ffff 00'],
  ['padding of a whole byte', '0082 1fff 00'],
  ['padding with zeroes', '0081 18 00'],
];

for (const [name, bytes] of broken) {
  test(`no section: ${name}`, (t) => {
    t.is(decoder().decode(hex(bytes)), undefined);
  });
}

test('names and values that HTTP forbids are noticed, also when they come by index', (t) => {
  const one = decoder();
  t.true(one.decode(hex('40 01 41 01 62'))!.malformed);
  t.true(one.decode(hex('be'))!.malformed);
  for (const value of ['a\nb', 'a\rb', 'a\0', ' a', 'a\t', '\x7f']) {
    const bytes = Buffer.concat([hex('00 01 61'), Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
    t.true(one.decode(bytes)!.malformed, JSON.stringify(value));
  }
  t.false(one.decode(hex('00 01 61 03 61 09 ff'))!.malformed);
  t.true(one.decode(hex('00 00 00'))!.malformed);
});

test('a small block that stands for a large section is cut off', (t) => {
  const one = decoder();
  const large = Buffer.concat([hex('40 01 61 7f a1 1e'), Buffer.alloc(4_000, 0x62)]);
  one.decode(large);
  const section = one.decode(Buffer.alloc(10_000, 0xbe))!;
  t.true(section.tooLarge);
  t.true(section.fields.length < 40);
});

test('secrets enter no table', (t) => {
  const encoder = new HpackEncoder(4_096);
  encoder.begin();
  encoder.field('authorization', 'secret');
  t.is(encoder.finish()[0]! & 0xf0, 0x10);
});

test('a smaller table of the peer is told before the next section', (t) => {
  const encoder = new HpackEncoder(4_096);
  encoder.allow(0);
  encoder.allow(100);
  encoder.begin();
  encoder.field('x-a', 'b');
  const bytes = Buffer.from(encoder.finish());
  t.deepEqual([...bytes.subarray(0, 3)], [0x20, 0x3f, 0x45]);
  t.deepEqual(new HpackDecoder(limits, 4_096).decode(bytes)!.fields, ['x-a', 'b']);
});

const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,40}[!-~])?)?$/);

test('what is encoded is decoded, whatever table sizes the peer asks for', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          size: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
          fields: fc.array(fc.tuple(fc.oneof(name, fc.constantFrom(':path', 'date', 'x-request-id', 'cookie')), value)),
        }),
        { maxLength: 20 },
      ),
      (sections) => {
        const encoder = new HpackEncoder(4_096);
        const one = decoder();
        for (const { size, fields } of sections) {
          if (size !== undefined) encoder.allow(size);
          encoder.begin();
          const flat: FieldLines = fields.flat();
          for (const [key, text] of fields) encoder.field(key, text);
          t.deepEqual(one.decode(Buffer.from(encoder.finish()))!.fields, flat);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('random bytes never throw', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
      const one = decoder();
      for (const bytes of blocks) if (!one.decode(Buffer.from(bytes))) return;
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('a Huffman string longer than its target is refused', (t) => {
  t.is(decodeHuffman(hex('1ce7'), 0, 2, Buffer.alloc(1)), -1);
});
