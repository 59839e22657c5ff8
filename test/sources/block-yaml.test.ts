import test from 'ava';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { readBlockYaml } from '../../agent/sources/block-yaml.js';
import { composeYaml } from '../../agent/sources/yaml.js';

/** What the complete parser reads; undefined when it refuses. */
function complete(text: string): { readonly value: unknown } | undefined {
  const composed = composeYaml(text);
  return 'fault' in composed ? undefined : { value: composed.document?.toJS() ?? null };
}

const read: readonly (readonly [string, unknown])[] = [
  ['a: 1\nb:\n  c: x\n', { a: 1, b: { c: 'x' } }],
  ['a:\n- x\n- 2\n', { a: ['x', 2] }],
  ['a:\n  - b: 1\n    c: 2\n  - b: 3\n', { a: [{ b: 1, c: 2 }, { b: 3 }] }],
  ['- a:\n    b: 1\n- c: 10.0.0.1\n', [{ a: { b: 1 } }, { c: '10.0.0.1' }]],
  ['---\n# comment\na: "x"\nb: \'y\'\n\nc:\n', { a: 'x', b: 'y', c: null }],
  ['a: true\nb: {}\nc: []\nd: a:b\ne: "1"\n', { a: true, b: {}, c: [], d: 'a:b', e: '1' }],
  ['kubernetes.io/service-name: web\n"x y": z\n', { 'kubernetes.io/service-name': 'web', 'x y': 'z' }],
];

for (const [text, value] of read) {
  test(`reads ${JSON.stringify(text)}`, (t) => {
    t.deepEqual(readBlockYaml(text, 64), { value });
    t.deepEqual(complete(text), { value });
  });
}

const left = [
  '',
  'a',
  'a: |\n  x\n',
  'a: &x 1\n',
  'a: *x\n',
  'a: b\n  c\n',
  'a: 1 # x\n',
  'a: 1\na: 2\n',
  'a: 1.5\n',
  'a: 007\n',
  'a: ~\n',
  '- - a\n',
  'a:\tb\n',
  'a: {b: 1}\n',
  'a: "\\n"\n',
  '{"a": 1}',
  'a: b: c\n',
  'a: !t b\n',
  '__proto__: 1\n',
  'a: 1\n...\n',
  'a:\n    b: 1\n  c: 2\n',
];

test('leaves everything else to the complete parser', (t) => {
  t.deepEqual(
    left.filter((text) => readBlockYaml(text, 64) !== undefined),
    [],
  );
});

test('leaves what is nested too deeply', (t) => {
  const nested = (levels: number) => Array.from({ length: levels }, (_, index) => `${' '.repeat(index)}a:\n`).join('');
  t.truthy(readBlockYaml(nested(3), 4));
  t.is(readBlockYaml(nested(6), 4), undefined);
});

test('reads what the complete parser reads: lines made of pieces', (t) => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'b',
      '- ',
      '-',
      'a: ',
      'b: ',
      'c:',
      '"x"',
      "'y'",
      '"a": ',
      ': ',
      ' #c',
      '#',
      '1',
      '007',
      '1.5',
      '0x1',
      '1e3',
    ],
    ...[
      'true',
      'null',
      '~',
      '{}',
      '[]',
      '  ',
      '    ',
      ' ',
      '\n',
      '\n',
      '\n  ',
      '\n- ',
      '\n    ',
      '---',
      '...',
      '|',
      '>',
      '&a',
    ],
    ...[
      '*a',
      '!t',
      '%',
      '@',
      '`',
      'a:b',
      'a b',
      '10.0.0.1',
      ',',
      '?',
      '? ',
      '://',
      '=',
      '(',
      "''",
      '-1',
      '+2',
      '.5',
      '.inf',
    ],
    ...['- a: 1\n', '  b: 2\n', 'a:\n', 'x-y', '\n\n', 'é', '_', '\u00a0'],
  );
  let agreed = 0;
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
      const text = parts.join('');
      const quick = readBlockYaml(text, 64);
      if (quick === undefined) return;
      agreed++;
      t.deepEqual(quick, complete(text), JSON.stringify(text));
    }),
    { numRuns: 30_000 },
  );
  t.true(agreed > 300);
});

test('reads what the complete parser reads: values that were written by it', (t) => {
  const key = fc.oneof(fc.constantFrom('a', 'app', 'x/y', 'a b', '1', 'true', ''), fc.string({ maxLength: 5 }));
  const leaf = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.double(),
    fc.constantFrom('10.0.0.1', 'http://x', '1', 'yes', 'a: b'),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 3 }),
    ),
  }));
  let agreed = 0;
  fc.assert(
    fc.property(fc.dictionary(key, tree, { maxKeys: 3 }), fc.boolean(), (value, indentSeq) => {
      const text = stringify(value, { indentSeq, lineWidth: 0 });
      const quick = readBlockYaml(text, 64);
      if (quick === undefined) return;
      agreed++;
      t.deepEqual(quick, complete(text), text);
    }),
    { numRuns: 5_000 },
  );
  t.true(agreed > 300);
});
