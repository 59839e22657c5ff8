import test from 'ava';
import type { Cluster } from '../../../agent/balance/cluster.js';
import { type ConnectionBounds, connectionBounds } from '../../../agent/gateway/upstream/budget.js';
import { UpstreamPools } from '../../../agent/gateway/upstream/pools.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetwork } from './fake-connections.js';
import { cluster, Ear, endpoint, outside, policy, query, request, snapshot } from './scene.js';

const client = { namespace: 'shop', labels: {}, addresses: [], workload: endpoint(1).workload };

/** Upstreams over fake sockets, with one cluster. */
function stage(web: Cluster = cluster([endpoint(1)]), streams?: number, bounds?: Partial<ConnectionBounds>) {
  const clock = new FakeClock();
  const network = new FakeNetwork(streams);
  const parts = { clock, random: () => 0, codecs: network.codecs, sockets: network.maker };
  const upstreams = new UpstreamPools({ ...parts, bounds: { ...connectionBounds, ...bounds } });
  let config = snapshot(web);
  upstreams.update(config);
  const begin = (fields: Parameters<typeof query>[1] = {}, ended = true) => {
    const ear = new Ear();
    const attempt = upstreams.begin(query(config, fields), ended, ear);
    return { ear, attempt };
  };
  const update = (next: Cluster) => {
    config = snapshot(next);
    upstreams.update(config);
  };
  return { clock, network, upstreams, begin, update };
}

test('a request makes a connection, the next one uses it again', (t) => {
  const { network, begin, upstreams } = stage();
  const first = begin();
  t.deepEqual(first.ear.said, ['chosen shop/web-1']);
  t.is(network.sockets[0]!.destination, '10.0.0.1:8080');
  network.acceptAll();
  network.connections[0]!.exchanges[0]!.respond(200);
  t.deepEqual(first.ear.said, ['chosen shop/web-1', 'head 200']);
  const second = begin();
  network.connections[0]!.exchanges[0]!.respond(204);
  t.deepEqual(second.ear.said, ['chosen shop/web-1', 'head 204']);
  t.is(network.connections.length, 1);
  t.is(upstreams.connections, 1);
  t.is(upstreams.states()[0]!.inFlight, 0);
  t.is(upstreams.states()[0]!.connections, 1);
});

test('the connection that was used last is used first', (t) => {
  const { network, begin } = stage();
  begin();
  begin();
  network.acceptAll();
  const [a, b] = network.connections;
  b!.exchanges[0]!.respond(200);
  a!.exchanges[0]!.respond(200);
  begin();
  t.is(a!.inFlight, 1);
  a!.exchanges[0]!.respond(200);
  begin();
  t.is(a!.inFlight, 1);
  t.is(b!.inFlight, 0);
});

test('a body that comes before the connection is kept, and its sender told when it may go on', (t) => {
  const { network, begin } = stage();
  const { ear, attempt } = begin({ head: request({ method: 'POST', length: undefined }) }, false);
  t.false(attempt.write(Buffer.from('one')));
  network.acceptAll();
  const exchange = network.connections[0]!.exchanges[0]!;
  t.deepEqual(exchange.written, ['one']);
  t.deepEqual(ear.said, ['chosen shop/web-1', 'drained']);
  t.true(attempt.write(Buffer.from('two')));
  attempt.end([]);
  t.deepEqual(exchange.written, ['one', 'two']);
  t.true(exchange.hasEnded);
});

test('a waiting request takes a connection that comes free before its own is made', (t) => {
  const { network, begin } = stage();
  begin();
  network.acceptAll();
  const second = begin();
  network.connections[0]!.exchanges[0]!.respond(200);
  t.is(network.connections[0]!.exchanges.length, 1);
  network.connections[0]!.exchanges[0]!.respond(201);
  t.is(second.ear.said.at(-1), 'head 201');
  network.acceptAll();
  t.is(network.open.length, 2);
});

test('a refused connection fails its request, nothing was sent; the endpoint is ejected at once', (t) => {
  const { network, begin, upstreams } = stage(cluster([endpoint(1), endpoint(2)]));
  const { ear } = begin();
  const name = ear.endpoint!.name;
  network.sockets[0]!.emit('error', new Error('ECONNREFUSED'));
  t.deepEqual(ear.said, [`chosen ${name}`, 'fail connect-failure']);
  const state = upstreams.states().find((each) => each.name === name)!;
  t.true(state.ejected);
  t.is(state.ejection, 'connect-failure');
  for (let i = 0; i < 4; i++) t.not(begin().ear.endpoint!.name, name);
});

test('an ejection ends in what is told although nobody asked since; its reason stays for who counts it', (t) => {
  const { clock, network, begin, upstreams } = stage(cluster([endpoint(1), endpoint(2)]));
  begin();
  network.sockets[0]!.emit('error', new Error('ECONNREFUSED'));
  const told = () =>
    upstreams
      .states()
      .map(({ ejected, ejection }) => `${ejected} ${ejection}`.trim())
      .sort();
  t.deepEqual(told(), ['false', 'true connect-failure']);
  clock.advance(60_000);
  t.deepEqual(told(), ['false', 'false connect-failure']);
});

test('an endpoint that is used although it was ejected does not count as ejected', (t) => {
  const { network, begin, upstreams } = stage();
  begin();
  network.sockets[0]!.emit('error', new Error('ECONNREFUSED'));
  t.like(upstreams.states()[0], { ejected: false, ejection: 'connect-failure', ejections: 1 });
  t.deepEqual(begin().ear.said, ['chosen shop/web-1']);
});

test('a connection that nobody answers is given up after connectTimeout', (t) => {
  const { clock, network, begin, upstreams } = stage(cluster([endpoint(1)], {}, policy({}, { connectTimeoutMs: 500 })));
  const { ear } = begin();
  clock.advance(499);
  t.is(ear.said.length, 1);
  clock.advance(1);
  t.is(ear.said.at(-1), 'fail connect-timeout');
  t.true(network.sockets[0]!.destroyed);
  t.is(upstreams.connections, 0);
});

test('maxConnections: one connection more waits, until http1MaxPendingRequests are waiting', (t) => {
  const web = cluster([endpoint(1)], {}, policy({}, { maxConnections: 1, maxPendingRequests: 1 }));
  const { network, begin, upstreams } = stage(web);
  const first = begin();
  network.acceptAll();
  const second = begin();
  const third = begin();
  t.deepEqual(third.ear.said, ['refused overflow']);
  t.is(upstreams.overflows, 1);
  t.is(network.sockets.length, 0);
  network.connections[0]!.exchanges[0]!.respond(200);
  network.connections[0]!.exchanges[0]!.respond(200);
  t.is(first.ear.said.at(-1), 'head 200');
  t.is(second.ear.said.at(-1), 'head 200');
  t.is(upstreams.states()[0]!.inFlight, 0);
});

test('maxConnections: an endpoint without a connection gets one all the same', (t) => {
  const { network, begin } = stage(cluster([endpoint(1), endpoint(2)], {}, policy({}, { maxConnections: 1 })));
  begin();
  begin();
  t.is(network.sockets.length, 2);
});

test('http2MaxRequests: more requests in flight are refused, whatever the protocol', (t) => {
  const { network, begin } = stage(cluster([endpoint(1)], {}, policy({}, { maxRequests: 2 })));
  begin();
  begin();
  t.deepEqual(begin().ear.said, ['refused overflow']);
  network.acceptAll();
  network.connections[0]!.exchanges[0]!.respond(200);
  t.is(begin().ear.said[0], 'chosen shop/web-1');
});

test('maxRequestsPerConnection: the connection ends after its last request', (t) => {
  const { network, begin } = stage(cluster([endpoint(1)], {}, policy({}, { maxRequestsPerConnection: 2 })));
  begin();
  network.acceptAll();
  network.connections[0]!.exchanges[0]!.respond(200);
  begin();
  t.false(network.connections[0]!.isEnded);
  network.connections[0]!.exchanges[0]!.respond(200);
  t.true(network.connections[0]!.isEnded);
  begin();
  network.acceptAll();
  t.is(network.connections.length, 2);
});

test('http idleTimeout: idle connections end, busy ones do not', (t) => {
  const { clock, network, begin } = stage(cluster([endpoint(1)], {}, policy({}, { httpIdleTimeoutMs: 5000 })));
  begin();
  begin();
  network.acceptAll();
  network.connections[0]!.exchanges[0]!.respond(200);
  clock.advance(4000);
  t.is(network.open.length, 2);
  clock.advance(2000);
  t.deepEqual(network.open, [network.connections[1]!]);
});

test('maxConnectionDuration: an old connection takes no more, and ends after its request', (t) => {
  const { clock, network, begin } = stage(cluster([endpoint(1)], {}, policy({}, { maxConnectionDurationMs: 3000 })));
  begin();
  network.acceptAll();
  clock.advance(3000);
  t.false(network.connections[0]!.isEnded);
  begin();
  t.is(network.sockets.length, 1);
  network.connections[0]!.exchanges[0]!.respond(200);
  t.true(network.connections[0]!.isEnded);
});

test('HTTP/2: many requests share a connection in the making, and one that is there', (t) => {
  const { network, begin } = stage(cluster([endpoint(1)], {}, policy({ protocol: 'http2' })));
  for (let i = 0; i < 100; i++) begin();
  t.is(network.sockets.length, 1);
  network.acceptAll();
  t.is(network.connections[0]!.inFlight, 100);
  begin();
  t.is(network.sockets.length, 1);
});

test('HTTP/2: maxConcurrentStreams bounds each connection', (t) => {
  const { network, begin } = stage(
    cluster([endpoint(1)], {}, policy({ protocol: 'http2' }, { maxConcurrentStreams: 2 })),
  );
  for (let i = 0; i < 5; i++) begin();
  network.acceptAll();
  t.deepEqual(
    network.connections.map((each) => each.inFlight),
    [2, 2, 1],
  );
  network.connections[0]!.exchanges[0]!.respond(200);
  begin();
  begin();
  t.deepEqual(
    network.connections.map((each) => each.inFlight),
    [2, 2, 2],
  );
  t.is(network.sockets.length, 0);
});

test('protocol client: as the client speaks', (t) => {
  const { network, begin } = stage(cluster([endpoint(1)], {}, policy({ protocol: 'client' })), 7);
  begin({ head: request({ version: 'HTTP/2' }) });
  network.acceptAll();
  t.is(network.connections[0]!.capacity, 6);
  begin();
  network.acceptAll();
  t.is(network.connections[1]!.capacity, 0);
});

test('connections belong to the Pod they were made for', (t) => {
  const { network, begin, upstreams } = stage();
  begin({ downstream: { ...outside, origin: 'mesh', pod: 'shop/a' }, client });
  begin({ downstream: { ...outside, origin: 'mesh', pod: 'shop/b' }, client });
  t.deepEqual(
    network.sockets.map((socket) => socket.pod),
    ['shop/a', 'shop/b'],
  );
  network.acceptAll();
  for (const connection of network.connections) connection.exchanges[0]!.respond(200);
  begin({ downstream: { ...outside, origin: 'mesh', pod: 'shop/b' }, client });
  t.deepEqual(
    network.connections.map((each) => each.inFlight),
    [0, 1],
  );
  upstreams.forget('shop/a');
  t.deepEqual(network.open, [network.connections[1]!]);
});

test('at the bound of a worker an idle connection makes room; without one the request is refused', (t) => {
  const web = cluster([endpoint(1), endpoint(2)]);
  const { network, begin, upstreams } = stage(web, undefined, { total: 1, perPod: 1 });
  begin();
  network.acceptAll();
  t.is(begin().ear.said[0], 'refused overflow');
  network.connections[0]!.exchanges[0]!.respond(200);
  const names = [begin(), begin()].map(({ ear }) => ear.said[0]);
  t.is(names.filter((said) => said!.startsWith('chosen')).length, 1);
  t.true(upstreams.connections <= 1);
});

test('bounds of the gateway hold where connectionPool says nothing', (t) => {
  const { network, begin } = stage(undefined, undefined, { perEndpoint: 2, pending: 3 });
  const said = Array.from({ length: 5 }, () => begin().ear.said[0]);
  t.deepEqual(said, [...Array<string>(3).fill('chosen shop/web-1'), 'refused overflow', 'refused overflow']);
  t.is(network.sockets.length, 2);
});

test('a response that is complete before its request: the rest is given up, or sent', (t) => {
  const { network, begin } = stage();
  const head = request({ method: 'POST', length: undefined });
  const [given, sent] = [begin({ head }, false), begin({ head }, false)];
  network.acceptAll();
  const exchanges = network.connections.map((connection) => connection.exchanges[0]!);
  for (const exchange of exchanges) exchange.respond(413);
  given.attempt.abort();
  sent.attempt.end([]);
  t.deepEqual(
    exchanges.map(({ isAborted, hasEnded }) => [isAborted, hasEnded]),
    [
      [true, false],
      [false, true],
    ],
  );
  sent.attempt.abort();
  t.false(exchanges[1]!.isAborted);
});

test('an endpoint that is gone: idle connections end at once, a request in flight is finished', (t) => {
  const { network, begin, update } = stage();
  begin();
  const busy = begin();
  network.acceptAll();
  network.connections[0]!.exchanges[0]!.respond(200);
  update(cluster([endpoint(2)]));
  t.true(network.connections[0]!.isEnded);
  t.false(network.connections[1]!.isEnded);
  t.is(begin().ear.endpoint!.name, 'shop/web-2');
  network.connections[1]!.exchanges[0]!.respond(200);
  t.is(busy.ear.said.at(-1), 'head 200');
  t.true(network.connections[1]!.isEnded);
});

test('an endpoint that stays keeps its connections and what is known of it', (t) => {
  const { clock, network, begin, update, upstreams } = stage();
  begin();
  network.acceptAll();
  clock.advance(40);
  network.connections[0]!.exchanges[0]!.respond(200);
  const before = upstreams.states()[0]!;
  t.is(before.latencyMs, 40);
  update(cluster([endpoint(1, { weight: 5, state: 'standby' })]));
  t.deepEqual(upstreams.states()[0], before);
  begin();
  t.is(network.sockets.length, 0);
});

test('a cluster that is gone: its connections end, a request of an older snapshot is still served', (t) => {
  const { clock, network, upstreams, begin } = stage();
  begin();
  network.acceptAll();
  network.connections[0]!.exchanges[0]!.respond(200);
  upstreams.update(snapshot());
  t.is(network.open.length, 0);
  const late = begin();
  network.acceptAll();
  network.connections[1]!.exchanges[0]!.respond(200);
  t.is(late.ear.said.at(-1), 'head 200');
  network.connections[1]!.close();
  clock.advance(2000);
  t.deepEqual(upstreams.states(), []);
});

test('no such cluster, no endpoint', (t) => {
  const { begin } = stage(cluster([]));
  t.deepEqual(begin({ cluster: 'nowhere:80' }).ear.said, ['refused no-cluster']);
  t.deepEqual(begin().ear.said, ['refused no-healthy-upstream']);
});

test('an attempt that was given up does not wait any more, and counts for nothing', (t) => {
  const { network, begin, upstreams } = stage();
  const { ear, attempt } = begin();
  attempt.abort();
  network.acceptAll();
  t.is(network.connections[0]!.inFlight, 0);
  t.deepEqual(ear.said, ['chosen shop/web-1']);
  t.is(upstreams.states()[0]!.inFlight, 0);
  const second = begin();
  second.attempt.settle({ type: 'failure', why: 'timeout' });
  second.attempt.abort();
  t.is(upstreams.states()[0]!.inFlight, 0);
  t.true(upstreams.states()[0]!.latencyMs >= 4);
});

test('maxRetries and retryBudget bound retries in flight', (t) => {
  const limited = stage(cluster([endpoint(1)], {}, policy({}, { maxRetries: 2 })));
  limited.begin();
  const ask = { snapshot: snapshot(), cluster: 'web.shop.svc.cluster.local:80', client: undefined };
  t.deepEqual(
    [1, 2, 3].map(() => limited.upstreams.beginRetry(ask)),
    [true, true, false],
  );
  limited.upstreams.endRetry(ask.cluster);
  t.true(limited.upstreams.beginRetry(ask));

  const budget = stage(cluster([endpoint(1)], {}, policy({ retryBudget: { percent: 20, minimum: 1 } })));
  for (let i = 0; i < 10; i++) budget.begin();
  t.deepEqual(
    [1, 2, 3].map(() => budget.upstreams.beginRetry(ask)),
    [true, true, false],
  );
});

test('the policy is the first that fits the client', (t) => {
  const slow = policy({ balancing: { type: 'random' } });
  const variants = [
    { when: { namespaces: ['bank'], labels: undefined }, policy: slow, members: [1] },
    { when: { namespaces: undefined, labels: { app: 'shop' } }, policy: slow, members: [0] },
    { when: { namespaces: undefined, labels: undefined }, policy: slow, members: [] },
  ];
  const { begin } = stage(cluster([endpoint(1), endpoint(2)], { variants }));
  t.is(begin({ client: { ...client, namespace: 'bank' } }).ear.endpoint!.name, 'shop/web-2');
  t.is(begin({ client: { ...client, labels: { app: 'shop' } } }).ear.endpoint!.name, 'shop/web-1');
  t.is(begin().ear.said[0], 'refused no-healthy-upstream');
});

test('closing ends everything', (t) => {
  const { network, begin, upstreams } = stage();
  const { ear } = begin();
  network.acceptAll();
  const second = begin();
  upstreams.close();
  t.is(ear.said.at(-1), 'fail reset');
  t.is(second.ear.said.at(-1), 'fail connect-failure');
  t.is(network.open.length, 0);
  t.is(upstreams.connections, 0);
});
