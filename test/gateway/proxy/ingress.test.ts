import test from 'ava';
import type { IngressListener, IngressServer, RouteTable } from '../../../agent/compile/snapshot.js';
import type { Downstream } from '../../../agent/gateway/exchange.js';
import { action, get, meshClient, rule, snapshotOf, tableOf, toCluster, World } from './world.js';

const to = (cluster: string): RouteTable =>
  tableOf({ ...rule, name: cluster, action: { ...action, destinations: [toCluster(cluster)] } });

function serverOf(hosts: readonly string[], cluster: string, changes: Partial<IngressServer> = {}): IngressServer {
  return {
    name: `Gateway shop/edge ${cluster}`,
    gateway: 'shop/edge',
    hosts,
    httpsRedirect: false,
    tls: undefined,
    virtualHosts: [{ domains: hosts, table: to(cluster) }],
    tlsRules: [],
    tcpRules: [],
    ...changes,
  };
}

function listening(...servers: readonly IngressServer[]): World {
  const listener: IngressListener = { port: 80, binds: [], protocol: 'http', servers };
  return new World(snapshotOf({ sets: [] }, { ingress: { 80: listener } }));
}

const outsider: Downstream = { ...meshClient, origin: 'ingress', pod: '', address: '192.0.2.7', target: '80' };

const hostRows: readonly (readonly [authority: string, cluster: string | undefined])[] = [
  ['a.example', 'v1'],
  ['A.EXAMPLE:8080', 'v1'],
  ['b.example', 'v2'],
  ['x.b.example', 'v3'],
  ['elsewhere', undefined],
];

for (const [authority, cluster] of hostRows) {
  test(`Host ${authority} leads to ${cluster ?? '404'}`, (t) => {
    const world = listening(
      serverOf(['a.example'], 'v1'),
      serverOf(['*.example'], 'v2'),
      serverOf(['*.b.example'], 'v3'),
    );
    for (const round of [1, 2]) {
      const exchange = world.send(get('/', { authority }), outsider);
      t.is(world.upstreams.attempts.at(-1)?.query.cluster, cluster, `round ${round}`);
      if (cluster === undefined) t.is(exchange.response?.status, 404);
    }
    t.is(world.upstreams.attempts.at(-1)?.query.client, undefined);
  });
}

test('httpsRedirect: 301 to the same place', (t) => {
  const world = listening(serverOf(['a.example'], 'v1', { httpsRedirect: true }));
  const exchange = world.send(get('/p?q', { authority: 'a.example' }), outsider);
  t.is(exchange.response?.status, 301);
  t.is(exchange.field('location'), 'https://a.example/p?q');
});

test('behind TLS only the servers of the handshake’s name count', (t) => {
  const world = listening(serverOf(['a.example'], 'v1'), serverOf(['b.example'], 'v2'));
  const secure = { ...outsider, tls: { sni: 'A.example' } };
  world.send(get('/', { authority: 'a.example', scheme: 'https' }), secure);
  t.is(world.upstreams.last.query.cluster, 'v1');
  t.is(world.upstreams.last.field('x-forwarded-proto'), 'https');
  t.is(world.send(get('/', { authority: 'b.example', scheme: 'https' }), secure).response?.status, 404);
});

test('a match names the Gateway that the request came in by', (t) => {
  const world = listening(serverOf(['*'], 'v1'));
  const http = world.snapshot.ingress[80]!.servers[0]!.virtualHosts[0]!.table.sets[0]!.rules[0]!;
  const match = {
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
    statPrefix: '',
  };
  for (const [gateway, status] of [
    ['shop/edge', undefined],
    ['mesh', 404],
  ] as const) {
    const table = tableOf({ ...http, matches: [{ ...match, gateways: [gateway] }] });
    const bound = listening(serverOf(['*'], 'v1', { virtualHosts: [{ domains: ['*'], table }] }));
    t.is(bound.send(get(), outsider).response?.status, status);
  }
});

test('a listener that is gone is 404, a Service port 503', (t) => {
  const world = new World(snapshotOf({ sets: [] }));
  t.is(world.send(get(), outsider).response?.status, 404);
  t.is(world.send(get(), { ...meshClient, target: 'shop/gone:80/TCP/4' }).response?.status, 503);
  t.is(world.record.flags, 'NC');
});

test('outside traffic has no pod and no target in its record', (t) => {
  const world = listening(serverOf(['*'], 'v1'));
  world.send(get(), outsider);
  world.upstreams.last.answer(200);
  t.like(world.record, { origin: 'ingress', pod: '', target: '', port: 80, clientAddress: '192.0.2.7', rule: 'v1' });
});
