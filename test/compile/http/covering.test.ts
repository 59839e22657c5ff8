import test from 'ava';
import fc from 'fast-check';
import { coversMatch } from '../../../agent/compile/http/covering.js';
import { shadowsIn } from '../../../agent/compile/http/shadow.js';
import { anyRequest } from '../../../agent/compile/http/virtual-match.js';
import { type ClientView, compileTable, matchHttp, type RequestView } from '../../../agent/compile/route.js';
import type { HttpMatch, HttpRule, PathMatch, StringMatch } from '../../../agent/compile/snapshot.js';

const paths = ['/', '/a', '/a/', '/A', '/a/b', '/ab', '/Ab', '/b', '/a/b/c'];
const text = fc.constantFrom('a', 'b', 'ab', 'A');

const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  text.map((value) => ({ type: 'exact', value }) as const),
  text.map((value) => ({ type: 'prefix', value }) as const),
  fc.constantFrom('a.*', '.*', '[ab]+').map((value) => ({ type: 'regex', value }) as const),
  fc.constant({ type: 'present' } as const),
);

const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  ...(['exact', 'prefix', 'elements'] as const).map((type) =>
    fc.constantFrom(...paths).map((value) => ({ type, value })),
  ),
  fc.constantFrom('/a.*', '.*', '/[ab]/?').map((value) => ({ type: 'regex', value }) as const),
);

const maybe = <T>(each: fc.Arbitrary<T>) => fc.option(each, { nil: undefined });
const named = fc.array(fc.tuple(fc.constantFrom('x', 'y'), stringMatch), { maxLength: 2 });

const anyMatch: fc.Arbitrary<HttpMatch> = fc
  .record({
    path: maybe(pathMatch),
    ignoreCase: fc.boolean(),
    method: maybe(fc.constantFrom<StringMatch>({ type: 'exact', value: 'GET' }, { type: 'prefix', value: 'P' })),
    headers: named,
    withoutHeaders: named,
    query: named,
    port: maybe(fc.constantFrom(80, 8080)),
    sourceNamespace: maybe(fc.constantFrom('a', 'b')),
    sourceLabels: maybe(fc.constantFrom<Record<string, string>>({ app: 'a' }, { app: 'a', tier: 'b' })),
    gateways: maybe(fc.constantFrom(['mesh'], ['mesh', 'default/gw'], ['default/gw'])),
  })
  .map((match): HttpMatch => ({ ...anyRequest, ...match }));

interface Asked {
  readonly path: string;
  readonly method: string;
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: string;
}

const asked: fc.Arbitrary<Asked> = fc.record({
  path: fc.constantFrom(...paths),
  method: fc.constantFrom('GET', 'POST'),
  port: fc.constantFrom(80, 8080),
  headers: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('a', 'b', 'ab', '', 'abc')),
  query: fc.constantFrom('', 'x=a', 'y=ab&x', 'x=b&y=a'),
});

const client: fc.Arbitrary<ClientView> = fc.record({
  namespace: fc.constantFrom('a', 'b'),
  labels: fc.constantFrom<Record<string, string>>({}, { app: 'a' }, { app: 'a', tier: 'b' }),
  gateway: fc.constantFrom('mesh', 'default/gw'),
});

function view({ headers, ...rest }: Asked): RequestView {
  const header = (name: string) => (Object.hasOwn(headers, name) ? headers[name] : undefined);
  return { scheme: 'http', authority: 'x', isGrpc: false, header, ...rest };
}

function ruleOf(name: string, ...matches: readonly HttpMatch[]): HttpRule {
  const nothing = { remove: [], set: [], add: [] };
  return {
    name,
    resource: 'VirtualService default/x',
    path: name,
    matches,
    grpcOnly: false,
    headers: { request: nothing, response: nothing },
    cors: undefined,
    fault: undefined,
    action: { type: 'direct', status: 200, body: '', contentType: '' },
  };
}

function matches(match: HttpMatch, request: Asked, from: ClientView): boolean {
  const table = compileTable({ sets: [{ resource: '', namespaces: undefined, rules: [ruleOf('r', match)] }] });
  return matchHttp(table, view(request), from).type === 'rule';
}

/** A match, and one that says a little more or something else. */
const related = fc
  .tuple(anyMatch, anyMatch, fc.subarray(Object.keys(anyRequest) as (keyof HttpMatch)[], { maxLength: 4 }))
  .map(([outer, other, fields]): readonly [HttpMatch, HttpMatch] => [
    outer,
    { ...outer, ...Object.fromEntries(fields.map((field) => [field, other[field]])) },
  ]);

test('what is covered never gets past what covers it', (t) => {
  let covered = 0;
  fc.assert(
    fc.property(related, fc.array(fc.tuple(asked, client), { minLength: 20, maxLength: 20 }), ([a, b], all) => {
      if (!coversMatch(a, b)) return;
      covered++;
      for (const [request, from] of all) {
        if (matches(b, request, from)) t.true(matches(a, request, from), JSON.stringify({ a, b, request, from }));
      }
    }),
    { numRuns: 5_000 },
  );
  t.true(covered > 500);
});

const path = (
  type: 'exact' | 'prefix' | 'elements' | 'regex',
  value: string,
  more: Partial<HttpMatch> = {},
): HttpMatch => ({
  ...anyRequest,
  path: { type, value },
  ...more,
});

const pairs: readonly (readonly [outer: HttpMatch, inner: HttpMatch, covers: boolean])[] = [
  [anyRequest, path('exact', '/a'), true],
  [path('prefix', '/'), anyRequest, true],
  [path('prefix', '/a'), path('prefix', '/ab'), true],
  [path('prefix', '/ab'), path('prefix', '/a'), false],
  [path('prefix', '/a'), path('elements', '/ab'), true],
  [path('elements', '/a'), path('prefix', '/a'), false],
  [path('elements', '/a'), path('prefix', '/a/'), true],
  [path('elements', '/a'), path('exact', '/ab'), false],
  [path('elements', '/a/'), path('exact', '/a'), true],
  [path('regex', '/a.*'), path('exact', '/ab'), true],
  [path('regex', '/a.*'), path('prefix', '/ab'), false],
  [path('exact', '/a', { ignoreCase: true }), path('exact', '/A'), true],
  [path('exact', '/a'), path('exact', '/a', { ignoreCase: true }), false],
  [path('prefix', '/a', { headers: [['x', { type: 'present' }]] }), path('exact', '/a'), false],
  [
    { ...anyRequest, headers: [['x', { type: 'present' }]] },
    { ...anyRequest, headers: [['x', { type: 'exact', value: 'a' }]] },
    true,
  ],
  [
    { ...anyRequest, withoutHeaders: [['x', { type: 'exact', value: 'a' }]] },
    { ...anyRequest, withoutHeaders: [['x', { type: 'present' }]] },
    true,
  ],
  [{ ...anyRequest, sourceLabels: { a: 'b' } }, { ...anyRequest, sourceLabels: { a: 'b', c: 'd' } }, true],
  [{ ...anyRequest, sourceLabels: { a: 'b', c: 'd' } }, { ...anyRequest, sourceLabels: { a: 'b' } }, false],
];

for (const [index, [outer, inner, covers]] of pairs.entries()) {
  test(`covering, case ${index + 1}`, (t) => {
    t.is(coversMatch(outer, inner), covers);
  });
}

test('shadows are told with the rule that casts them', (t) => {
  const first = ruleOf('first', path('prefix', '/a'), path('exact', '/b'));
  const second = ruleOf('second', path('exact', '/a/x'), path('exact', '/c'));
  const third = ruleOf('third', path('exact', '/b'), path('prefix', '/a/y'));
  const rest = ruleOf('rest');
  const late = ruleOf('late', path('exact', '/z'));
  const shadows = shadowsIn([first, second, third, rest, late]);
  t.deepEqual(
    shadows.map(({ rule, match, by }) => [rule.name, match, by.name]),
    [
      ['second', 0, 'first'],
      ['third', undefined, 'first'],
      ['late', undefined, 'rest'],
    ],
  );
});

test('a rule’s own earlier match casts a shadow on that match alone', (t) => {
  const [shadow, ...others] = shadowsIn([ruleOf('one', path('prefix', '/a'), path('exact', '/ab'))]);
  t.is(others.length, 0);
  t.is(shadow?.match, 1);
});

test('thousands of exact paths are looked at in no time', (t) => {
  const rules = Array.from({ length: 20_000 }, (_, index) => ruleOf(`${index}`, path('exact', `/${index}`)));
  t.deepEqual(shadowsIn(rules), []);
});
