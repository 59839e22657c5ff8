import test from 'ava';
import fc from 'fast-check';
import { type ClientView, compileTable, matchHttp, queryValue, type RequestView } from '../../agent/compile/route.js';
import type { HttpMatch, HttpRule, PathMatch, RouteTable, StringMatch } from '../../agent/compile/snapshot.js';
import { compileRegex } from '../../agent/model/regex.js';

const anything: HttpMatch = {
  name: '',
  path: undefined,
  ignoreCase: false,
  scheme: undefined,
  method: undefined,
  authority: undefined,
  headers: [],
  withoutHeaders: [],
  query: [],
  port: undefined,
  sourceLabels: undefined,
  sourceNamespace: undefined,
  gateways: undefined,
  statPrefix: '',
};

const nothing = { remove: [], set: [], add: [] };

function rule(name: string, matches: readonly Partial<HttpMatch>[], grpcOnly = false): HttpRule {
  return {
    name,
    resource: 'VirtualService default/x',
    path: name,
    matches: matches.map((each) => ({ ...anything, ...each })),
    grpcOnly,
    headers: { request: nothing, response: nothing },
    cors: undefined,
    fault: undefined,
    action: { type: 'direct', status: 200, body: '', contentType: 'text/plain' },
  };
}

function tableOf(rules: readonly HttpRule[], namespaces?: readonly string[]): RouteTable {
  return { sets: [{ resource: 'VirtualService default/x', namespaces, rules }] };
}

interface Sent extends Partial<Omit<RequestView, 'header'>> {
  readonly headers?: Readonly<Record<string, string>>;
}

function request(sent: Sent): RequestView {
  const { headers = {}, ...rest } = sent;
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'reviews:8080',
    path: '/',
    query: '',
    port: 8080,
    isGrpc: (headers['content-type'] ?? '').startsWith('application/grpc'),
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
    ...rest,
  };
}

const pod: ClientView = { namespace: 'default', labels: { app: 'web' }, gateway: 'mesh' };

function decided(table: RouteTable, sent: Sent, client: ClientView = pod): string {
  const verdict = matchHttp(compileTable(table), request(sent), client);
  return verdict.type === 'rule' ? verdict.rule.name : verdict.type;
}

interface Row {
  readonly match: Partial<HttpMatch>;
  readonly yes: readonly Sent[];
  readonly no: readonly Sent[];
}

const exact = (value: string): StringMatch => ({ type: 'exact', value });
const prefix = (value: string): StringMatch => ({ type: 'prefix', value });
const regex = (value: string): StringMatch => ({ type: 'regex', value });
const elements = (value: string): PathMatch => ({ type: 'elements', value });
const present: StringMatch = { type: 'present' };

const rows: Readonly<Record<string, Row>> = {
  'an exact path': { match: { path: exact('/a') }, yes: [{ path: '/a' }], no: [{ path: '/a/' }, { path: '/A' }] },
  'an exact path in any case': {
    match: { path: exact('/aB'), ignoreCase: true },
    yes: [{ path: '/Ab' }, { path: '/aB' }],
    no: [{ path: '/abc' }],
  },
  'a prefix is plain text': {
    match: { path: prefix('/v2') },
    yes: [{ path: '/v2' }, { path: '/v2example' }, { path: '/v2/x' }],
    no: [{ path: '/v' }, { path: '/V2' }, { path: '/x/v2' }],
  },
  'a prefix in any case': { match: { path: prefix('/v2'), ignoreCase: true }, yes: [{ path: '/V2x' }], no: [{}] },
  'path elements': {
    match: { path: elements('/v2') },
    yes: [{ path: '/v2' }, { path: '/v2/' }, { path: '/v2/x' }],
    no: [{ path: '/v2example' }, { path: '/v' }],
  },
  'path elements with a final slash': {
    match: { path: elements('/v2/') },
    yes: [{ path: '/v2' }, { path: '/v2/x' }],
    no: [{ path: '/v2x' }],
  },
  'all paths are below /': { match: { path: elements('/') }, yes: [{ path: '/' }, { path: '/a//b' }], no: [] },
  'a regex matches the whole path': {
    match: { path: regex('/v[12]/.*') },
    yes: [{ path: '/v1/' }, { path: '/v2/x/y' }],
    no: [{ path: '/v1' }, { path: '/x/v1/' }, { path: '/v3/' }],
  },
  'ignoreCase is nothing to a regex': {
    match: { path: regex('/a'), ignoreCase: true },
    yes: [{ path: '/a' }],
    no: [{ path: '/A' }],
  },
  'any path that is present': { match: { path: present }, yes: [{}, { path: '/a' }], no: [] },
  'a method, in its case': { match: { method: exact('GET') }, yes: [{}], no: [{ method: 'get' }, { method: 'POST' }] },
  'a scheme': { match: { scheme: exact('https') }, yes: [{ scheme: 'https' }], no: [{}] },
  'an authority, as it was sent': {
    match: { authority: exact('reviews') },
    yes: [{ authority: 'reviews' }],
    no: [{ authority: 'reviews:8080' }, { authority: 'Reviews' }],
  },
  'a header': {
    match: { headers: [['x-user', exact('a')]] },
    yes: [{ headers: { 'x-user': 'a' } }],
    no: [{}, { headers: { 'x-user': 'A' } }, { headers: { 'x-user': 'a,a' } }],
  },
  'a header is there': {
    match: { headers: [['x', present]] },
    yes: [{ headers: { x: '' } }, { headers: { x: '1' } }],
    no: [{ headers: { y: '' } }],
  },
  'a regex matches the whole header': {
    match: { headers: [['cookie', regex('(.*?; )?user=j.*')]] },
    yes: [{ headers: { cookie: 'a=b; user=jason' } }],
    no: [{ headers: { cookie: 'superuser=jason' } }, {}],
  },
  'every header': {
    match: {
      headers: [
        ['a', exact('1')],
        ['b', prefix('2')],
      ],
    },
    yes: [{ headers: { a: '1', b: '23' } }],
    no: [{ headers: { a: '1' } }, { headers: { a: '1', b: '3' } }],
  },
  'without a header': {
    match: { withoutHeaders: [['x', present]] },
    yes: [{}, { headers: { y: '' } }],
    no: [{ headers: { x: '' } }],
  },
  'without a value of a header': {
    match: { withoutHeaders: [['x', exact('1')]] },
    yes: [{}, { headers: { x: '2' } }],
    no: [{ headers: { x: '1' } }],
  },
  'an absent header is an empty one to withoutHeaders': {
    match: { withoutHeaders: [['x', regex('.*')]] },
    yes: [],
    no: [{}, { headers: { x: '2' } }],
  },
  'a query parameter, as it was sent': {
    match: { query: [['q', exact('a')]] },
    yes: [{ query: 'q=a' }, { query: 'p=1&q=a&q=b' }],
    no: [{}, { query: 'q=b&q=a' }, { query: 'q=%61' }, { query: 'qq=a' }, { query: 'Q=a' }],
  },
  'a query parameter without a value': {
    match: { query: [['q', present]] },
    yes: [{ query: 'q' }, { query: 'a&q=' }],
    no: [{ query: 'p=q' }],
  },
  'the port that was addressed': { match: { port: 8080 }, yes: [{}], no: [{ port: 80 }] },
};

for (const [name, { match, yes, no }] of Object.entries(rows)) {
  test(`matches ${name}`, (t) => {
    const table = tableOf([rule('r', [match])]);
    for (const sent of yes) t.is(decided(table, sent), 'r', JSON.stringify(sent));
    for (const sent of no) t.is(decided(table, sent), 'no-match', JSON.stringify(sent));
    t.true(yes.length + no.length > 0);
  });
}

test('the client counts', (t) => {
  const labels = tableOf([rule('r', [{ sourceLabels: { app: 'web' } }])]);
  t.is(decided(labels, {}), 'r');
  t.is(decided(labels, {}, { ...pod, labels: { app: 'other' } }), 'no-match');
  t.is(decided(labels, {}, { namespace: '', labels: {}, gateway: 'default/gw' }), 'no-match');
  const namespace = tableOf([rule('r', [{ sourceNamespace: 'default' }])]);
  t.is(decided(namespace, {}), 'r');
  t.is(decided(namespace, {}, { ...pod, namespace: 'other' }), 'no-match');
  const proto = tableOf([rule('r', [{ sourceLabels: { constructor: 'x' } }])]);
  t.is(decided(proto, {}), 'no-match');
});

test('gateways say by which way a request came; source fields then mean Pods only', (t) => {
  const table = tableOf([rule('r', [{ gateways: ['mesh', 'default/gw'], sourceLabels: { app: 'web' } }])]);
  t.is(decided(table, {}), 'r');
  t.is(decided(table, {}, { ...pod, labels: {} }), 'no-match');
  t.is(decided(table, {}, { namespace: '', labels: {}, gateway: 'default/gw' }), 'r');
  t.is(decided(table, {}, { namespace: '', labels: {}, gateway: 'default/other' }), 'no-match');
});

test('the first rule wins, whichever way it is found', (t) => {
  const table = tableOf([
    rule('post', [{ path: exact('/a'), method: exact('POST') }]),
    rule('prefix', [{ path: prefix('/a/') }, { path: prefix('/b') }]),
    rule('exact', [{ path: exact('/a') }, { path: exact('/b') }]),
    rule('rest', []),
  ]);
  t.is(decided(table, { path: '/a' }), 'exact');
  t.is(decided(table, { path: '/a', method: 'POST' }), 'post');
  t.is(decided(table, { path: '/b' }), 'prefix');
  t.is(decided(table, { path: '/c' }), 'rest');
});

test('gRPC rules take gRPC requests only', (t) => {
  const table = tableOf([rule('grpc', [], true), rule('rest', [])]);
  t.is(decided(table, { headers: { 'content-type': 'application/grpc+proto' } }), 'grpc');
  t.is(decided(table, {}), 'rest');
});

test('the first visible set decides alone', (t) => {
  const table: RouteTable = {
    sets: [
      { resource: 'a', namespaces: ['a'], rules: [rule('a', [{ path: exact('/a') }])] },
      { resource: 'b', namespaces: ['a', 'b'], rules: [rule('b', [])] },
    ],
  };
  t.is(decided(table, { path: '/a' }, { ...pod, namespace: 'a' }), 'a');
  t.is(decided(table, { path: '/x' }, { ...pod, namespace: 'a' }), 'no-match');
  t.is(decided(table, { path: '/a' }, { ...pod, namespace: 'b' }), 'b');
  t.is(decided(table, { path: '/a' }, { ...pod, namespace: 'c' }), 'default');
});

test('a table is compiled once', (t) => {
  const table = tableOf([]);
  t.is(compileTable(table), compileTable(table));
});

/** As the API says it, with nothing prepared. */
function reference(table: RouteTable, sent: RequestView, client: ClientView): string {
  const set = table.sets.find(({ namespaces }) => namespaces === undefined || namespaces.includes(client.namespace));
  if (set === undefined) return 'default';
  for (const each of set.rules) {
    if (each.grpcOnly && !sent.isGrpc) continue;
    if (each.matches.length === 0 || each.matches.some((match) => holds(match, sent, client))) return each.name;
  }
  return 'no-match';
}

function holds(match: HttpMatch, sent: RequestView, client: ClientView): boolean {
  const first = new Map<string, string>();
  for (const part of sent.query.split('&')) {
    const [name, ...value] = part.split('=');
    if (part !== '' && !first.has(name!)) first.set(name!, value.join('='));
  }
  const insensitive = match.ignoreCase && (match.path?.type === 'exact' || match.path?.type === 'prefix');
  const path = insensitive ? { ...match.path!, value: match.path!.value.toLowerCase() } : match.path;
  return (
    (path === undefined || fits(path as PathMatch, insensitive ? sent.path.toLowerCase() : sent.path)) &&
    (match.method === undefined || fits(match.method, sent.method)) &&
    (match.port === undefined || match.port === sent.port) &&
    (match.sourceNamespace === undefined || match.sourceNamespace === client.namespace) &&
    match.headers.every(([name, wanted]) => fits(wanted, sent.header(name))) &&
    match.withoutHeaders.every(([name, wanted]) =>
      wanted.type === 'present' ? sent.header(name) === undefined : !fits(wanted, sent.header(name) ?? ''),
    ) &&
    match.query.every(([name, wanted]) => fits(wanted, first.get(name)))
  );
}

function fits(wanted: PathMatch, text: string | undefined): boolean {
  if (text === undefined) return false;
  if (wanted.type === 'present') return true;
  if (wanted.type === 'exact') return text === wanted.value;
  if (wanted.type === 'prefix') return text.startsWith(wanted.value);
  if (wanted.type === 'regex') return new RegExp(`^(?:${wanted.value})$`).test(text);
  const want = wanted.value.split('/').filter((part, index, all) => !(part === '' && index === all.length - 1));
  const have = text.split('/');
  return want.every((part, index) => have[index] === part);
}

test('is what a slow reading of the rules says', (t) => {
  const paths = ['/', '/a', '/a/', '/A', '/a/b', '/ab', '/b', '/a/b/c', '/a//b'];
  const text = fc.constantFrom('a', 'b', 'ab', '', 'A');
  const stringMatch = fc.oneof(
    text.map(exact),
    text.map(prefix),
    fc
      .constantFrom('a.*', '[ab]+', '')
      .filter((each) => compileRegex(each).ok)
      .map(regex),
    fc.constant(present),
  );
  const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
    fc.constantFrom(...paths).map(exact),
    fc.constantFrom(...paths).map(prefix),
    fc.constantFrom(...paths).map(elements),
    fc.constantFrom('/a.*', '/[ab]/?').map(regex),
  );
  const named = fc.array(fc.tuple(fc.constantFrom('x', 'y'), stringMatch), { maxLength: 2 });
  const maybe = <T>(each: fc.Arbitrary<T>) => fc.option(each, { nil: undefined });
  const match = fc.record({
    path: maybe(pathMatch),
    ignoreCase: fc.boolean(),
    method: maybe(fc.constantFrom('GET', 'POST').map(exact)),
    headers: named,
    withoutHeaders: named,
    query: named,
    port: maybe(fc.constantFrom(80, 8080)),
    sourceNamespace: maybe(fc.constantFrom('a', 'b')),
  });
  const rules = fc.array(fc.tuple(fc.array(match, { maxLength: 3 }), fc.boolean()), {
    minLength: 1,
    maxLength: 40,
    size: 'max',
  });
  const sets = fc.array(fc.tuple(rules, maybe(fc.subarray(['a', 'b']))), { maxLength: 3 });
  const headers = fc.dictionary(fc.constantFrom('x', 'y'), text);
  const query = fc
    .array(fc.constantFrom('x', 'x=a', 'y=ab', 'y=', 'x=b=c', 'xy=a', ''), { maxLength: 3 })
    .map((parts) => parts.join('&'));
  const sent = fc.record({
    path: fc.constantFrom(...paths),
    method: fc.constantFrom('GET', 'POST'),
    port: fc.constantFrom(80, 8080),
    isGrpc: fc.boolean(),
    query,
    headers,
  });
  fc.assert(
    fc.property(
      sets,
      fc.array(sent, { minLength: 1, maxLength: 6 }),
      fc.constantFrom('a', 'b', 'c'),
      (shape, all, namespace) => {
        const table: RouteTable = {
          sets: shape.map(([list, namespaces], index) => ({
            resource: `set ${index}`,
            namespaces,
            rules: list.map(([matches, grpc], at) => rule(`${index}.${at}`, matches, grpc)),
          })),
        };
        for (const each of all) {
          const client = { ...pod, namespace };
          t.is(decided(table, each, client), reference(table, request(each), client));
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('among many prefixes the first in order wins, not the longest', (t) => {
  const many = Array.from({ length: 100 }, (_, index) => rule(`${index}`, [{ path: prefix(`/p${index}/`) }]));
  const table = tableOf([
    ...many,
    rule('regex', [{ path: regex('/p7.*/x') }]),
    rule('short', [{ path: prefix('/p') }]),
    rule('long', [{ path: elements('/p/long') }]),
    rule('root', [{ path: elements('/') }]),
    rule('late', [{ path: exact('/') }]),
  ]);
  t.is(decided(table, { path: '/p42/x' }), '42');
  t.is(decided(table, { path: '/p700/x' }), 'regex');
  t.is(decided(table, { path: '/p700' }), 'short');
  t.is(decided(table, { path: '/p/long' }), 'short');
  t.is(decided(table, { path: '/' }), 'root');
  t.is(decided(table, { path: '/x' }), 'root');
});

test('query values are read without decoding', (t) => {
  t.is(queryValue('a=1&b=%20&a=2', 'a'), '1');
  t.is(queryValue('a=1&b=%20', 'b'), '%20');
  t.is(queryValue('a&b', 'b'), '');
  t.is(queryValue('a=b=c', 'a'), 'b=c');
  t.is(queryValue('', 'a'), undefined);
  t.is(queryValue('ab=1', 'a'), undefined);
});
