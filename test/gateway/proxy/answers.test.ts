import test from 'ava';
import type { Failure, FieldLines } from '../../../agent/gateway/exchange.js';
import { grpcTimeoutMs, grpcTimeoutText } from '../../../agent/gateway/proxy/grpc.js';
import type { FirstMove } from './fakes.js';
import { action, get, toCluster, type World, worldRouting, worldWith } from './world.js';

const grpc: FieldLines = ['content-type', 'application/grpc+proto'];
const broken = 'upstream connect error or disconnect/reset before headers. reset reason:';

const rows: readonly {
  readonly move: FirstMove;
  readonly status: number;
  readonly flags: string;
  readonly body: string;
}[] = [
  { move: 'no-healthy-upstream', status: 503, flags: 'UH', body: 'no healthy upstream' },
  { move: 'no-cluster', status: 503, flags: 'NC', body: '' },
  { move: 'overflow', status: 503, flags: 'UO', body: `${broken} overflow` },
  { move: 'reset', status: 503, flags: 'UC', body: `${broken} connection termination` },
  { move: 'protocol-error', status: 502, flags: 'UPE', body: `${broken} protocol error` },
  { move: 'overload', status: 503, flags: 'UO', body: `${broken} overflow` },
  { move: 'idle-timeout', status: 504, flags: 'SI', body: 'stream timeout' },
];

const failing = (move: FirstMove): World => {
  const world = worldRouting({});
  world.upstreams.moves.push(move);
  return world;
};

for (const { move, status, flags, body } of rows) {
  test(`${move} is answered ${status} ${flags}`, (t) => {
    const world = failing(move);
    const exchange = world.send();
    t.is(exchange.response?.status, status);
    t.is(exchange.body, body);
    t.is(exchange.field('server'), 'weft');
    t.is(exchange.field('content-type'), body === '' ? undefined : 'text/plain');
    t.is(exchange.response?.length, body.length);
    t.like(world.record, { status, flags, responseBytes: body.length });
    const head = failing(move).send(get('/', { method: 'HEAD' }));
    t.like(head, { isEnded: true, body: '' });
    t.is(head.response?.length, body.length);
  });

  test(`${move} is answered with trailers only to gRPC`, (t) => {
    const world = failing(move);
    const exchange = world.send(get('/', { method: 'POST', fields: grpc }));
    t.is(exchange.response?.status, 200);
    t.is(exchange.field('content-type'), 'application/grpc');
    t.is(exchange.field('grpc-status'), '14');
    t.is(exchange.field('grpc-message'), body === '' ? undefined : body);
    t.like(exchange, { isEnded: true, body: '' });
    t.like(world.record, { status: 200, grpcStatus: 14, flags, protocol: 'grpc' });
  });
}

test('refused connections end in UF, which says that it was retried', (t) => {
  const world = worldRouting({});
  world.upstreams.moves.push(...Array<Failure>(5).fill('connect-failure'));
  const exchange = world.send();
  t.is(exchange.response?.status, 503);
  t.is(
    exchange.body,
    'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure',
  );
  t.like(world.record, { flags: 'UF', attempts: 5 });
});

test('when nobody is left to retry with, the answer tells the failure', (t) => {
  const world = worldRouting({});
  world.upstreams.moves.push('connect-failure', 'no-healthy-upstream');
  world.send();
  t.like(world.record, { status: 503, flags: 'UF' });
});

test('a rule that names an unknown cluster is answered 503 NC', (t) => {
  const world = worldRouting({ destinations: [toCluster('nobody')] });
  t.is(world.send().response?.status, 503);
  t.like(world.record, { flags: 'NC', cluster: 'nobody' });
  t.is(world.upstreams.attempts.length, 0);
});

test('the share of a reference that cannot be resolved is answered 500', (t) => {
  const world = worldRouting({ destinations: [{ ...toCluster('v1'), failWith: 500 }] });
  t.is(world.send().response?.status, 500);
  t.is(world.upstreams.attempts.length, 0);
});

test('no destination at all is 500', (t) => {
  t.is(worldRouting({ destinations: [] }).send().response?.status, 500);
  t.is(worldRouting({ destinations: [toCluster('v1', 0)] }).send().response?.status, 500);
});

test('timeout: 504 UT when it has passed, nothing before', (t) => {
  const world = worldRouting({ timeoutMs: 100 });
  const exchange = world.send();
  world.clock.pass(99);
  t.is(exchange.response, undefined);
  world.clock.pass(11);
  t.is(exchange.response?.status, 504);
  t.is(exchange.body, 'upstream request timeout');
  t.true(world.upstreams.last.isAborted);
  t.deepEqual(world.upstreams.last.outcomes, [{ type: 'failure', why: 'timeout' }]);
  t.like(world.record, { flags: 'UT', status: 504 });
});

test('timeout begins with the end of the request, and cuts a response that has begun', (t) => {
  const world = worldRouting({ timeoutMs: 100 });
  const exchange = world.send(get('/', { method: 'POST', length: 1 }));
  world.clock.pass(500);
  t.is(exchange.response, undefined);
  exchange.receiver!.data(Buffer.from('a'));
  exchange.receiver!.end([]);
  world.clock.pass(50);
  world.upstreams.last.receiver.head({ status: 200, fields: [], length: 10 }, false);
  world.clock.pass(60);
  t.is(exchange.aborted, 'cancelled');
  t.like(world.record, { flags: 'UT', status: 200 });
});

test('an answer in time leaves no timer behind', (t) => {
  const world = worldRouting({ timeoutMs: 100 });
  const exchange = world.send();
  world.upstreams.last.answer(200);
  world.clock.pass(1000);
  t.is(exchange.response?.status, 200);
  t.is(world.clock.waiting, 0);
});

test('a gRPC deadline is kept here, and told to the backend; the shorter one wins', (t) => {
  const call = (timeoutMs: number | undefined, deadline: string) => {
    const world = worldRouting({ timeoutMs });
    const exchange = world.send(get('/', { method: 'POST', fields: [...grpc, 'grpc-timeout', deadline] }));
    return { world, exchange, told: world.upstreams.last.field('grpc-timeout') };
  };
  const own = call(1000, '50m');
  t.is(own.told, '50m');
  own.world.clock.pass(60);
  t.is(own.exchange.field('grpc-status'), '4');
  t.like(own.world.record, { flags: 'UT', grpcStatus: 4 });
  const rules = call(50, '1S');
  t.is(rules.told, '50m');
  rules.world.clock.pass(60);
  t.is(rules.exchange.field('grpc-status'), '4');
  const none = call(undefined, '1S');
  none.world.clock.pass(990);
  t.is(none.exchange.response, undefined);
});

test('grpc-timeout of a request that is not gRPC means nothing', (t) => {
  const world = worldRouting({});
  world.send(get('/', { fields: ['grpc-timeout', '1m'] }));
  world.clock.pass(1000);
  t.is(world.records.length, 0);
});

test('grpc-timeout is read and written in its units', (t) => {
  for (const [text, ms] of [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['5000u', 5],
    ['6000000n', 6],
  ] as const) {
    t.is(Math.round(grpcTimeoutMs(text)!), ms, text);
  }
  for (const text of ['', '1', 'm', '-1m', '123456789m', '1x']) t.is(grpcTimeoutMs(text), undefined, text);
  t.is(grpcTimeoutText(1500), '1500m');
  t.is(grpcTimeoutText(200_000_000), '200000S');
});

test('gRPC statuses come from trailers, and from a head without a body', (t) => {
  const world = worldRouting({});
  world.send(get('/', { method: 'POST', fields: grpc, length: 0 }));
  world.upstreams.last.receiver.head({ status: 200, fields: [], length: undefined }, false);
  world.upstreams.last.receiver.end(['grpc-status', '5']);
  t.like(world.record, { status: 200, grpcStatus: 5 });
  t.deepEqual(world.upstreams.last.outcomes, [{ type: 'response', status: 200, grpcStatus: 5 }]);
  world.send(get('/', { method: 'POST', fields: grpc, length: 0 }));
  world.upstreams.last.answer(200, ['grpc-status', '7']);
  t.is(world.record.grpcStatus, 7);
});

test('directResponse: its status, body and type, and the rule’s response headers', (t) => {
  const body = Buffer.from('teapot').toString('base64');
  const response = { remove: [], set: [['x-by', 'rule'] as const], add: [] };
  const world = worldWith({
    action: { type: 'direct', status: 418, body, contentType: 'text/html' },
    headers: { request: { remove: [], set: [], add: [] }, response },
  });
  const exchange = world.send();
  t.is(exchange.response?.status, 418);
  t.is(exchange.body, 'teapot');
  t.is(exchange.field('content-type'), 'text/html');
  t.is(exchange.field('x-by'), 'rule');
  t.is(world.upstreams.attempts.length, 0);
  t.like(world.record, { status: 418, flags: '-' });
});

test('an answer of the gateway’s own has no response headers of the rule', (t) => {
  const response = { remove: [], set: [['x-by', 'rule'] as const], add: [] };
  const world = worldWith({ headers: { request: { remove: [], set: [], add: [] }, response }, action });
  world.upstreams.moves.push('no-healthy-upstream');
  t.is(world.send().field('x-by'), undefined);
});
