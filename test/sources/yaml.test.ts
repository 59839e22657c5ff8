import test from 'ava';
import fc from 'fast-check';
import { faultOfJson, offsetInJson } from '../../agent/sources/json.js';
import { readDocument, splitDocuments } from '../../agent/sources/yaml.js';

function chunks(text: string): string[] {
  return splitDocuments(text).map(({ start, end }) => text.slice(start, end));
}

const split: readonly (readonly [string, readonly string[]])[] = [
  ['a: 1\n---\nb: 2\n', ['a: 1\n', '---\nb: 2\n']],
  ['# c\n---\na: 1\n', ['# c\n---\na: 1\n']],
  ['%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2\n', ['%YAML 1.2\n---\na: 1\n...\n', '%YAML 1.2\n---\nb: 2\n']],
  ['--- a\n--- b\n', ['--- a\n', '--- b\n']],
  ['a: |\n  ---\n  x\n', ['a: |\n  ---\n  x\n']],
  ['a: ---b\n----\n', ['a: ---b\n----\n']],
  ['a: 1\r\n---\r\nb: 2\r\n', ['a: 1\r\n', '---\r\nb: 2\r\n']],
  ['\uFEFFa: 1\n', ['a: 1\n']],
  ['', ['']],
];

for (const [text, expected] of split) {
  test(`documents of ${JSON.stringify(text)}`, (t) => {
    t.deepEqual(chunks(text), [...expected]);
  });
}

const values: readonly (readonly [string, unknown])[] = [
  ['{"a": [1, {"b": null}]}', { a: [1, { b: null }] }],
  ['a: &x {b: 1}\nc: *x\n', { a: { b: 1 }, c: { b: 1 } }],
  ['a: !!binary aGk=\nb: !custom c\n', { a: 'aGk=', b: 'c' }],
  ['a: 2026-01-01\nb: yes\nc: 0o17\n', { a: '2026-01-01', b: 'yes', c: 15 }],
  ['80: x\n', { 80: 'x' }],
  ['# nothing\n', null],
  ['{"a": 1,}', { a: 1 }],
];

for (const [text, value] of values) {
  test(`the value of ${JSON.stringify(text)}`, (t) => {
    t.deepEqual(readDocument(text), { value });
  });
}

const bomb = [
  'a: &a [x,x,x,x,x,x,x,x,x]',
  'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
  'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
  'd: [*c,*c,*c,*c,*c]',
].join('\n');
const faults: readonly (readonly [string, string, string, number])[] = [
  ['a tab', 'a:\n\tb: 1\n', 'WEFT0101', 3],
  ['an open bracket', 'a: [1\n', 'WEFT0101', 6],
  ['an open quote', 'a: "x\n', 'WEFT0101', 6],
  ['an unknown alias', 'a: *b\n', 'WEFT0101', 0],
  ['a key that is a list', '? [a]\n: b\n', 'WEFT0101', 2],
  ['a key twice', 'a: 1\nb: 2\na: 3\n', 'WEFT0102', 10],
  ['a key twice in JSON', '{"a": 1, "b": {"c": 1, "c": 2}}', 'WEFT0102', 23],
  ['an alias bomb', bomb, 'WEFT0104', 0],
  ['an anchor in itself', 'a: &a [*a]\n', 'WEFT0104', 0],
  [
    'thousands of anchors',
    Array.from({ length: 2_000 }, (_, index) => `k${index}: &a${index} x`).join('\n'),
    'WEFT0104',
    13_787,
  ],
  ['deep flow collections', '['.repeat(100_000), 'WEFT0105', 66],
  ['deep JSON', '['.repeat(100_000) + ']'.repeat(100_000), 'WEFT0105', 64],
  ['deep sequences', `${'- '.repeat(100_000)}a`, 'WEFT0105', 131],
];

for (const [title, text, code, offset] of faults) {
  test(`a fault: ${title}`, (t) => {
    const read = readDocument(text);
    t.true('fault' in read);
    if ('fault' in read) t.deepEqual([read.fault.code, read.fault.offset], [code, offset] as never);
  });
}

test('a file named .json is JSON and nothing else', (t) => {
  const read = readDocument('{"a": 1,}', true);
  t.deepEqual('fault' in read && [read.fault.code, read.fault.offset], ['WEFT0101', 8]);
  t.true('fault' in readDocument('a: 1\n', true));
});

test('20 000 keys of one mapping are read in less than 5 s', (t) => {
  const start = performance.now();
  const text = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1.5`).join('\n');
  t.true('value' in readDocument(text));
  t.true(performance.now() - start < 5_000);
});

test('reading never throws', (t) => {
  const pieces = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '- ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '&a',
    '*a',
    '!',
    '|',
    '>',
    '#',
    '?',
    '%',
    '\t',
    '---',
    '...',
    '\\',
    '0',
    '<<: ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join('')),
      ),
      fc.boolean(),
      (text, strictly) => {
        for (const { start, end } of splitDocuments(text)) readDocument(text.slice(start, end), strictly);
        t.pass();
      },
    ),
    { numRuns: 5_000 },
  );
});

test('JSON: keys that repeat are found and no others', (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      t.is(faultOfJson(JSON.stringify(JSON.parse(text)), 64), undefined);
    }),
    { numRuns: 2_000 },
  );
  t.is(faultOfJson('{"a\\"":1,"b":"a","c":["a","a"],"a\\\\":2}', 64), undefined);
  t.like(faultOfJson('{"a":1,"\\u0061":2}', 64), { kind: 'duplicate', offset: 7, key: 'a' });
});

test('JSON: the place of a value is where it was written', (t) => {
  const text = '{"a": {"x": "}\\"", "b": [1, {"c": 2}]}, "d": 3}';
  const at = (...path: (string | number)[]) => text.slice(offsetInJson(text, path)).slice(0, 4);
  t.is(at('a', 'b', 1, 'c'), '"c":');
  t.is(at('a', 'b', 0), '1, {');
  t.is(at('d'), '"d":');
  t.is(at('a', 'nothing'), '"a":');
  t.is(at('a', 'b', 7), '"b":');
});
