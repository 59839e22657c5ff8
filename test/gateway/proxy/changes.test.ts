import test from 'ava';
import type {
  HeaderChange,
  HttpMatch,
  PathChange,
  PathMatch,
  RedirectAction,
  Rewrite,
} from '../../../agent/compile/snapshot.js';
import type { Downstream, RequestHead } from '../../../agent/gateway/exchange.js';
import { action, get, meshClient, noChange, rule, toCluster, worldRouting, worldWith } from './world.js';

const change = (changes: Partial<HeaderChange>): HeaderChange => ({ ...noChange, ...changes });

test('request headers: remove, then set, then add', (t) => {
  const request = change({
    remove: ['X-Gone', 'x-absent'],
    set: [
      ['x-set', 'new'],
      ['x-gone', 'back'],
    ],
    add: [['x-add', 'two']],
  });
  const world = worldWith({ headers: { request, response: noChange } });
  world.send(get('/', { fields: ['x-gone', '1', 'X-Set', 'old', 'x-set', 'older', 'x-add', 'one', 'x-kept', 'k'] }));
  const { last } = world.upstreams;
  t.is(last.field('x-gone'), 'back');
  t.is(last.field('x-set'), 'new');
  t.is(last.field('x-add'), 'one | two');
  t.is(last.field('x-kept'), 'k');
});

test('response headers are changed the same way', (t) => {
  const response = change({ remove: ['server'], set: [['x-set', 'new']], add: [['x-add', 'two']] });
  const world = worldWith({ headers: { request: noChange, response } });
  const exchange = world.send();
  world.upstreams.last.answer(200, ['Server', 'gunicorn', 'X-Set', 'old', 'x-add', 'one']);
  t.is(exchange.field('server'), undefined);
  t.is(exchange.field('x-set'), 'new');
  t.is(exchange.field('x-add'), 'one | two');
});

test('a destination’s changes come before the rule’s, and only on its own requests', (t) => {
  const own = { request: change({ set: [['x-to', 'v2']] }), response: change({ set: [['x-from', 'v2']] }) };
  const destinations = [toCluster('v1'), { ...toCluster('v2'), headers: own }];
  const world = worldWith({
    action: { ...action, destinations },
    headers: { request: change({ add: [['x-to', 'rule']] }), response: noChange },
  });
  const seen = new Set<string>();
  for (let count = 0; count < 64; count++) {
    const exchange = world.send();
    const { last } = world.upstreams;
    last.answer(200);
    seen.add(`${last.query.cluster}: ${last.field('x-to')}, ${exchange.field('x-from')}`);
  }
  t.deepEqual([...seen].sort(), ['v1: rule, undefined', 'v2: v2 | rule, v2']);
});

test('Host and :authority in set become the authority, no header', (t) => {
  for (const name of ['Host', ':authority']) {
    const world = worldWith({ headers: { request: change({ set: [[name, 'other.example']] }), response: noChange } });
    world.send();
    t.is(world.upstreams.last.query.head.authority, 'other.example');
    t.is(world.upstreams.last.field('host'), undefined);
  }
});

test('what frames a message cannot be changed', (t) => {
  const request = change({ set: [['Content-Length', '0']], add: [['Transfer-Encoding', 'chunked']], remove: ['te'] });
  const world = worldWith({ headers: { request, response: noChange } });
  world.send(get('/', { fields: ['te', 'trailers'] }));
  t.is(world.upstreams.last.field('content-length'), undefined);
  t.is(world.upstreams.last.field('transfer-encoding'), undefined);
  t.is(world.upstreams.last.field('te'), 'trailers');
});

const formats: readonly (readonly [value: string, is: string | undefined])[] = [
  ['plain', 'plain'],
  ['100%%', '100%'],
  ['%REQ(X-User)%', 'jan'],
  ['user=%REQ(x-none?x-user)%;', 'user=jan;'],
  ['%REQ(x-user):2%', 'ja'],
  ['%REQ(:path)%', '/a?b'],
  ['%REQ(x-none)%', undefined],
  ['%PROTOCOL%', 'HTTP/1.1'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '10.1.0.9'],
  ['%DOWNSTREAM_REMOTE_ADDRESS%', '10.1.0.9:40000'],
  ['%START_TIME%', '2026-01-01T00:00:00.000Z'],
  ['%ROUTE_NAME%', rule.name],
  ['%UPSTREAM_CLUSTER%', 'v1'],
  ['%NO_SUCH_COMMAND%', '%NO_SUCH_COMMAND%'],
  ['50% of', '50% of'],
];

for (const [value, is] of formats) {
  test(`a header’s value ${value}`, (t) => {
    const world = worldWith({ headers: { request: change({ set: [['x-out', value]] }), response: noChange } });
    world.send(get('/a?b', { fields: ['x-user', 'jan'] }));
    t.is(world.upstreams.last.field('x-out'), is);
  });
}

test('a response’s header names the backend and its own fields', (t) => {
  const response = change({ set: [['x-out', '%UPSTREAM_HOST% %RESP(server)%']] });
  const world = worldWith({ headers: { request: noChange, response } });
  const exchange = world.send();
  world.upstreams.last.answer(200, ['server', 'gunicorn']);
  t.is(exchange.field('x-out'), '10.0.0.1:8080 gunicorn');
});

function matching(path: PathMatch | undefined, ignoreCase = false): HttpMatch {
  return {
    name: '',
    path,
    ignoreCase,
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
}

const prefix = (value: string): PathMatch => ({ type: 'prefix', value });
const elements = (value: string): PathMatch => ({ type: 'elements', value });

const rewrites: readonly (readonly [PathMatch | undefined, PathChange, from: string, to: string])[] = [
  [prefix('/v1/'), { type: 'prefix', value: '/' }, '/v1/users?a=1', '/users?a=1'],
  [prefix('/v1'), { type: 'prefix', value: '/v2' }, '/v1users', '/v2users'],
  [{ type: 'exact', value: '/a' }, { type: 'prefix', value: '/b' }, '/a?q', '/b?q'],
  [{ type: 'regex', value: '/a.*' }, { type: 'prefix', value: '/b' }, '/abc', '/b'],
  [elements('/foo'), { type: 'prefix', value: '/xyz' }, '/foo/bar', '/xyz/bar'],
  [elements('/foo'), { type: 'prefix', value: '/' }, '/foo', '/'],
  [elements('/foo'), { type: 'full', value: '/one' }, '/foo/bar?x', '/one?x'],
  [undefined, { type: 'regex', match: '/id/([0-9]+)', value: '/user/\\1' }, '/id/42/id/7?id/1', '/user/42/user/7?id/1'],
];

for (const [path, pathChange, from, to] of rewrites) {
  test(`rewrite of ${from} by ${JSON.stringify(path)} and ${JSON.stringify(pathChange)}`, (t) => {
    const rewrite: Rewrite = { path: pathChange, authority: '' };
    const world = worldWith({ matches: [matching(path)], action: { ...action, rewrite } });
    world.send(get(from));
    t.is(world.upstreams.last.query.head.target, to);
    t.is(world.upstreams.last.field('x-envoy-original-path'), from);
    t.is(world.upstreams.last.query.head.authority, 'reviews');
    world.upstreams.last.answer(200);
    t.is(world.record.path, from);
  });
}

test('rewrite of the authority; the path stays', (t) => {
  const world = worldRouting({ rewrite: { path: undefined, authority: 'v2.example' } });
  world.send(get('/a'));
  t.is(world.upstreams.last.query.head.authority, 'v2.example');
  t.is(world.upstreams.last.query.head.target, '/a');
  t.is(world.upstreams.last.field('x-envoy-original-path'), undefined);
});

const redirect: RedirectAction = {
  type: 'redirect',
  path: undefined,
  authority: '',
  scheme: '',
  port: undefined,
  status: 301,
};

interface RedirectRow {
  readonly change: Partial<RedirectAction>;
  readonly match?: PathMatch;
  readonly head?: Partial<RequestHead>;
  readonly location: string;
}

const redirects: readonly RedirectRow[] = [
  { change: {}, location: 'http://reviews/a?q=1' },
  { change: { authority: 'other.example' }, location: 'http://other.example/a?q=1' },
  { change: { path: { type: 'full', value: '/b' } }, location: 'http://reviews/b?q=1' },
  { change: { path: { type: 'full', value: '/b?own' } }, location: 'http://reviews/b?own' },
  { change: { path: { type: 'prefix', value: '/z' } }, match: prefix('/a'), location: 'http://reviews/z?q=1' },
  { change: { path: { type: 'prefix', value: '/z/' } }, match: elements('/a'), location: 'http://reviews/z?q=1' },
  { change: { scheme: 'https' }, location: 'https://reviews/a?q=1' },
  { change: { scheme: 'https' }, head: { authority: 'reviews:80' }, location: 'https://reviews/a?q=1' },
  { change: { scheme: 'https' }, head: { authority: 'reviews:81' }, location: 'https://reviews:81/a?q=1' },
  { change: { scheme: 'https', port: 8443 }, location: 'https://reviews:8443/a?q=1' },
  { change: { scheme: 'https', port: 443 }, location: 'https://reviews/a?q=1' },
  { change: { port: 8080 }, head: { authority: 'reviews:81' }, location: 'http://reviews:8080/a?q=1' },
  { change: { port: 8080 }, head: { authority: '[fd00::1]:81' }, location: 'http://[fd00::1]:8080/a?q=1' },
  { change: { port: 'protocol' }, head: { authority: 'reviews:81' }, location: 'http://reviews/a?q=1' },
  { change: { port: 'request', scheme: 'https' }, location: 'https://reviews:80/a?q=1' },
  { change: { port: 'request' }, head: { authority: 'reviews:81' }, location: 'http://reviews/a?q=1' },
];

for (const { change: changes, match, head = {}, location } of redirects) {
  test(`redirect to ${location} for ${JSON.stringify({ ...changes, ...head })}`, (t) => {
    const world = worldWith({
      matches: match === undefined ? [] : [matching(match)],
      action: { ...redirect, ...changes },
    });
    const exchange = world.send(get('/a?q=1', head));
    t.is(exchange.response?.status, 301);
    t.is(exchange.field('location'), location);
    t.is(world.upstreams.attempts.length, 0);
  });
}

test('redirect: the status is the rule’s', (t) => {
  t.is(worldWith({ action: { ...redirect, status: 307 } }).send().response?.status, 307);
});

const outside: Downstream = { ...meshClient, origin: 'ingress', pod: '', target: '80' };

test('the client’s address, scheme and id go on', (t) => {
  const world = worldRouting({});
  world.send();
  const { last } = world.upstreams;
  t.is(last.field('x-forwarded-for'), '10.1.0.9');
  t.is(last.field('x-forwarded-proto'), 'http');
  t.is(last.field('x-envoy-attempt-count'), '1');
  t.regex(last.field('x-request-id')!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  last.answer(200);
  t.is(world.record.requestId, last.field('x-request-id')!);
});

const said = [
  'X-Forwarded-For',
  '1.2.3.4',
  'x-forwarded-proto',
  'https',
  'X-Request-Id',
  'mine',
  'x-envoy-attempt-count',
  '9',
  'x-envoy-retry-on',
  '5xx',
  'traceparent',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'via',
  '1.1 proxy',
];

test('what a mesh client says of itself is kept', (t) => {
  const world = worldRouting({});
  world.send(get('/', { fields: said }));
  const { last } = world.upstreams;
  t.is(last.field('x-forwarded-for'), '1.2.3.4,10.1.0.9');
  t.is(last.field('x-forwarded-proto'), 'https');
  t.is(last.field('x-request-id'), 'mine');
  t.is(last.field('x-envoy-attempt-count'), '1');
  t.is(last.field('x-envoy-retry-on'), '5xx');
  t.is(last.field('traceparent'), said[11]!);
  t.is(last.field('via'), '1.1 proxy');
});

test('what an outsider says of itself is not', (t) => {
  const world = worldRouting({});
  const { http } = world.snapshot.targets[meshClient.target]!;
  const server = {
    name: 'Gateway shop/edge servers[0]',
    gateway: 'shop/edge',
    hosts: ['*'],
    httpsRedirect: false,
    tls: undefined,
    virtualHosts: [{ domains: ['*'], table: http }],
    tlsRules: [],
    tcpRules: [],
  };
  world.snapshot = { ...world.snapshot, ingress: { 80: { port: 80, binds: [], protocol: 'http', servers: [server] } } };
  world.send(get('/', { fields: said }), outside);
  const { last } = world.upstreams;
  t.is(last.field('x-forwarded-for'), '1.2.3.4,10.1.0.9');
  t.is(last.field('x-forwarded-proto'), 'http');
  t.not(last.field('x-request-id'), 'mine');
  t.is(last.field('x-envoy-retry-on'), undefined);
  t.is(last.field('traceparent'), said[11]!);
});
