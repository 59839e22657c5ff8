import test from 'ava';
import { FakeTunnel } from './fakes.js';
import { get, snapshotOf, tableOf, World, worldRouting, worldWith } from './world.js';

test('a request and its response pass through', (t) => {
  const world = worldRouting({});
  const exchange = world.send(get('/a?b=c', { fields: ['Accept', '*/*'] }));
  const { last } = world.upstreams;
  t.is(last.query.cluster, 'v1');
  t.true(last.hasNoBody);
  t.is(last.query.head.target, '/a?b=c');
  t.is(last.query.head.authority, 'reviews');
  t.is(last.field('accept'), '*/*');
  world.clock.pass(7);
  last.answer(200, ['server', 'gunicorn'], 'hello');
  t.is(exchange.response?.status, 200);
  t.is(exchange.body, 'hello');
  t.true(exchange.isEnded);
  t.is(exchange.field('server'), 'gunicorn');
  t.is(exchange.field('x-envoy-upstream-service-time'), '7');
  t.deepEqual(last.outcomes, [{ type: 'response', status: 200, grpcStatus: undefined }]);
  t.like(world.record, {
    target: 'shop/reviews',
    rule: 'VirtualService shop/reviews http[0]',
    cluster: 'v1',
    service: 'shop/reviews',
    backend: 'shop/10.0.0.1',
    backendAddress: '10.0.0.1:8080',
    status: 200,
    flags: '-',
    responseBytes: 5,
    attempts: 1,
    upstreamMs: 7,
    durationMs: 7,
    protocol: 'http',
  });
  t.is(world.proxy.load.requests, 0);
});

test('without a rule that the client sees, requests go to the addressee itself', (t) => {
  const world = new World(snapshotOf({ sets: [] }));
  world.send();
  t.is(world.upstreams.last.query.cluster, 'own');
  world.upstreams.last.answer(204);
  t.is(world.record.rule, '');
});

test('what no rule decides is retried as Istio does by default', (t) => {
  const world = new World(snapshotOf({ sets: [] }));
  world.send(get('/', { fields: ['content-type', 'application/grpc'] }));
  world.upstreams.last.answer(200, ['grpc-status', '14']);
  world.clock.pass(40);
  t.is(world.upstreams.attempts.length, 2);
});

test('where no rule matches the answer is 404', (t) => {
  const world = new World(snapshotOf(tableOf()));
  const exchange = world.send();
  t.is(exchange.response?.status, 404);
  t.like(world.record, { status: 404, flags: 'NR', attempts: 0 });
});

test('bodies stream with backpressure in both directions', (t) => {
  const world = worldRouting({});
  const exchange = world.send(get('/', { method: 'POST', length: undefined }));
  const { last } = world.upstreams;
  t.false(last.hasNoBody);
  last.takes = false;
  exchange.receiver!.data(Buffer.from('up'));
  t.true(exchange.isPaused);
  last.receiver.drained();
  t.false(exchange.isPaused);
  exchange.receiver!.end(['x-sum', '1']);
  t.is(last.body, 'up');
  t.deepEqual(last.trailers, ['x-sum', '1']);
  exchange.takes = false;
  last.receiver.head({ status: 200, fields: [], length: undefined }, false);
  last.receiver.data(Buffer.from('down'));
  t.true(last.isPaused);
  exchange.receiver!.drained();
  t.false(last.isPaused);
  last.receiver.end(['x-end', '2']);
  t.deepEqual(exchange.trailers, ['x-end', '2']);
  t.like(world.record, { requestBytes: 2, responseBytes: 4 });
});

test('the client goes before the answer: its backend is told, and nothing is blamed', (t) => {
  const world = worldRouting({});
  const exchange = world.send();
  exchange.receiver!.fail('reset');
  const { last } = world.upstreams;
  t.true(last.isAborted);
  t.deepEqual(last.outcomes, [{ type: 'cancelled' }]);
  t.like(world.record, { status: 0, flags: 'DC' });
  last.answer(200);
  t.is(world.records.length, 1);
});

test('an answer before the end of the request ends the request', (t) => {
  const world = worldRouting({});
  const exchange = world.send(get('/', { method: 'POST', length: 100 }));
  world.upstreams.last.answer(413);
  t.is(exchange.response?.status, 413);
  t.true(world.upstreams.last.isAborted);
  t.deepEqual(world.upstreams.last.outcomes, [{ type: 'response', status: 413, grpcStatus: undefined }]);
  exchange.receiver!.data(Buffer.from('late'));
  t.is(world.upstreams.last.body, '');
});

test('a backend that breaks off in its body breaks the response off', (t) => {
  const world = worldRouting({});
  const exchange = world.send();
  const { last } = world.upstreams;
  last.receiver.head({ status: 200, fields: [], length: 10 }, false);
  last.receiver.fail('reset');
  t.is(exchange.aborted, 'reset');
  t.like(world.record, { status: 200, flags: 'UC' });
  t.deepEqual(last.outcomes, [{ type: 'failure', why: 'reset' }]);
});

test('early hints pass, and Expect is answered here', (t) => {
  const world = worldRouting({});
  const exchange = world.send(get('/', { method: 'PUT', length: 3, expectContinue: true }));
  t.deepEqual(exchange.informationals, [100]);
  t.false(world.upstreams.last.query.head.expectContinue);
  world.upstreams.last.receiver.informational(103, ['link', '</a>']);
  world.upstreams.last.receiver.informational(100, []);
  t.deepEqual(exchange.informationals, [100, 103]);
});

test('an upgrade becomes a tunnel', (t) => {
  const world = worldRouting({ timeoutMs: 100 });
  const exchange = world.send(get('/ws', { upgrade: 'websocket' }));
  const backend = new FakeTunnel();
  world.upstreams.last.receiver.upgraded({ status: 101, fields: [], length: undefined }, backend);
  t.is(exchange.response?.status, 101);
  exchange.tunnel!.receiver!.data(Buffer.from('ping'));
  backend.takes = false;
  exchange.tunnel!.receiver!.data(Buffer.from('!'));
  t.deepEqual(backend.written, ['ping', '!']);
  t.true(exchange.tunnel!.isPaused);
  backend.receiver!.drained();
  t.false(exchange.tunnel!.isPaused);
  backend.receiver!.data(Buffer.from('pong'));
  t.deepEqual(exchange.tunnel!.written, ['pong']);
  world.clock.pass(1000);
  t.is(world.records.length, 0, 'the timeout is over with the handshake');
  exchange.tunnel!.receiver!.end([]);
  t.true(backend.isEnded);
  backend.receiver!.end([]);
  t.like(world.record, { status: 101, requestBytes: 5, responseBytes: 4, flags: '-' });
});

test('a tunnel ends when nothing moves: after an hour, or after a minute with one direction ended', (t) => {
  for (const [ends, ms] of [
    [false, 3_600_000],
    [true, 60_000],
  ] as const) {
    const world = worldRouting({});
    const exchange = world.send(get('/ws', { upgrade: 'websocket' }));
    const backend = new FakeTunnel();
    world.upstreams.last.receiver.upgraded({ status: 101, fields: [], length: undefined }, backend);
    if (ends) exchange.tunnel!.receiver!.end([]);
    world.clock.pass(ms - 500);
    backend.receiver!.data(Buffer.from('a'));
    world.clock.pass(ms - 1);
    t.is(world.records.length, 0);
    world.clock.pass(20);
    t.true(exchange.tunnel!.isAborted);
    t.true(backend.isAborted);
    t.like(world.record, { status: 101, flags: 'SI', responseBytes: 1 });
  }
});

test('a tunnel breaks at both ends', (t) => {
  for (const [side, flags] of [
    ['client', 'DC'],
    ['backend', 'UC'],
  ] as const) {
    const world = worldRouting({});
    const exchange = world.send(get('/ws', { upgrade: 'websocket' }));
    const backend = new FakeTunnel();
    world.upstreams.last.receiver.upgraded({ status: 101, fields: [], length: undefined }, backend);
    const [broken, other] = side === 'client' ? [exchange.tunnel!, backend] : [backend, exchange.tunnel!];
    broken.receiver!.fail('reset');
    t.true(other.isAborted);
    t.is(world.record.flags, flags);
  }
});

test('CONNECT is refused', (t) => {
  const exchange = worldWith({}).send(get('example.org:443', { method: 'CONNECT' }));
  t.is(exchange.response?.status, 405);
});
