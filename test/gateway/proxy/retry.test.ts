import test from 'ava';
import { defaultRetries } from '../../../agent/compile/http/retries.js';
import type { Retries } from '../../../agent/compile/snapshot.js';
import type { Failure, FieldLines } from '../../../agent/gateway/exchange.js';
import { keptBodyBytes, mostKeptBytes } from '../../../agent/gateway/proxy/request-body.js';
import { get, type World, worldRouting } from './world.js';

const retries: Retries = {
  attempts: 2,
  perTryTimeoutMs: undefined,
  on: [],
  statuses: [],
  backoffMs: 25,
  ignorePreviousHosts: true,
};

const retrying = (changes: Partial<Retries>): World => worldRouting({ retries: { ...retries, ...changes } });

const grpc: FieldLines = ['content-type', 'application/grpc'];

interface HeadRow {
  readonly on: string;
  readonly statuses?: readonly number[];
  readonly applies: readonly (readonly [number, FieldLines?])[];
  readonly not: readonly (readonly [number, FieldLines?])[];
}

const headRows: readonly HeadRow[] = [
  { on: '5xx', applies: [[500], [503], [599]], not: [[200], [499], [503, ['x-envoy-ratelimited', 'true']]] },
  { on: 'gateway-error', applies: [[502], [503], [504]], not: [[500], [501]] },
  { on: 'retriable-4xx', applies: [[409]], not: [[404], [400]] },
  { on: 'retriable-status-codes', statuses: [418, 503], applies: [[418], [503]], not: [[500]] },
  { on: 'envoy-ratelimited', applies: [[429, ['x-envoy-ratelimited', 'true']]], not: [[429]] },
  { on: 'cancelled', applies: [[200, ['grpc-status', '1']]], not: [[200, ['grpc-status', '2']]] },
  { on: 'deadline-exceeded', applies: [[200, ['grpc-status', '4']]], not: [[200, ['grpc-status', '1']]] },
  { on: 'resource-exhausted', applies: [[200, ['grpc-status', '8']]], not: [[200, ['grpc-status', '4']]] },
  { on: 'internal', applies: [[200, ['grpc-status', '13']]], not: [[200, ['grpc-status', '0']]] },
  { on: 'unavailable', applies: [[200, ['grpc-status', '14']]], not: [[200, ['grpc-status', '13']]] },
  { on: 'connect-failure', applies: [], not: [[503]] },
  { on: 'refused-stream', applies: [], not: [[503]] },
  { on: 'reset', applies: [], not: [[503]] },
];

for (const { on, statuses = [], applies, not } of headRows) {
  test(`retryOn ${on}: responses`, (t) => {
    const afterHead = ([status, fields = []]: readonly [number, FieldLines?]) => {
      const world = retrying({ on: [on], statuses });
      const exchange = world.send(get('/', { fields: grpc }));
      world.upstreams.last.answer(status, fields);
      world.clock.pass(40);
      return { attempts: world.upstreams.attempts.length, isAnswered: exchange.isEnded };
    };
    for (const row of applies) t.deepEqual(afterHead(row), { attempts: 2, isAnswered: false }, String(row));
    for (const row of not) t.deepEqual(afterHead(row), { attempts: 1, isAnswered: true }, String(row));
  });
}

const failureRows: readonly {
  readonly on: string;
  readonly applies: readonly Failure[];
  readonly not: readonly Failure[];
}[] = [
  { on: '5xx', applies: ['connect-failure', 'reset', 'protocol-error', 'reset-unsent'], not: ['overload'] },
  { on: 'gateway-error', applies: ['connect-timeout', 'reset'], not: ['overload'] },
  { on: 'reset', applies: ['reset', 'protocol-error', 'connect-failure', 'idle-timeout'], not: ['overload'] },
  { on: 'reset-before-request', applies: ['connect-failure', 'reset-unsent'], not: ['reset'] },
  { on: 'connect-failure', applies: ['connect-failure', 'connect-timeout'], not: ['reset', 'protocol-error'] },
  { on: 'refused-stream', applies: ['reset-unsent'], not: ['reset'] },
  { on: 'retriable-4xx', applies: [], not: ['reset', 'protocol-error'] },
  { on: 'unavailable', applies: [], not: ['reset'] },
];

for (const { on, applies, not } of failureRows) {
  test(`retryOn ${on}: failures`, (t) => {
    const heldAfter = (why: Failure) => {
      const world = retrying({ on: [on], attempts: 5 });
      const exchange = world.send();
      while (world.upstreams.retriesHeld === 0 && !exchange.isEnded) world.upstreams.last.receiver.fail(why);
      return world.upstreams.retriesHeld;
    };
    for (const why of applies) t.is(heldAfter(why), 1, why);
    for (const why of not) t.is(heldAfter(why), 0, why);
  });
}

test('attempts are counted for the backend, go elsewhere, and end in the last answer', (t) => {
  const world = retrying({ on: ['5xx'] });
  const exchange = world.send();
  for (let attempt = 1; attempt <= 3; attempt++) {
    t.is(world.upstreams.attempts.length, attempt);
    t.is(world.upstreams.last.field('x-envoy-attempt-count'), String(attempt));
    t.is(world.upstreams.last.query.isRetry, attempt > 1);
    world.upstreams.last.answer(503, [], `answer ${attempt}`);
    world.clock.pass(260);
  }
  t.is(new Set(world.upstreams.attempts.map(({ endpoint }) => endpoint)).size, 3);
  t.is(exchange.response?.status, 503);
  t.is(exchange.body, 'answer 3');
  t.like(world.record, { attempts: 3, flags: 'URX', status: 503 });
  t.is(world.upstreams.retriesHeld, 0);
  for (const { outcomes } of world.upstreams.attempts) {
    t.deepEqual(outcomes, [{ type: 'response', status: 503, grpcStatus: undefined }]);
  }
});

test('without ignorePreviousHosts the same backend may be asked again', (t) => {
  const world = retrying({ on: ['5xx'], ignorePreviousHosts: false });
  world.send();
  world.upstreams.last.answer(503);
  world.clock.pass(40);
  t.deepEqual(world.upstreams.last.query.tried, []);
});

test('the wait before a retry is anything up to the base, doubled each time, at most ten bases', (t) => {
  const world = retrying({ on: ['5xx'], attempts: 6, backoffMs: 100 });
  world.draws = [0.999];
  world.send();
  for (const most of [100, 200, 400, 800, 1000, 1000]) {
    const before = world.upstreams.attempts.length;
    world.upstreams.last.answer(503);
    world.clock.pass(most * 0.999 - 1);
    t.is(world.upstreams.attempts.length, before, `not before ${most}`);
    world.clock.pass(12);
    t.is(world.upstreams.attempts.length, before + 1, `after ${most}`);
  }
});

test('a budget that is used up ends the retries', (t) => {
  const world = retrying({ on: ['5xx'] });
  world.upstreams.retriesAllowed = false;
  const exchange = world.send();
  world.upstreams.last.answer(503);
  t.is(exchange.response?.status, 503);
  t.like(world.record, { flags: 'UO', attempts: 1 });
});

test('perTryTimeout ends one attempt, and is retried where 5xx is', (t) => {
  const world = retrying({ on: ['5xx'], perTryTimeoutMs: 50, attempts: 1 });
  const exchange = world.send();
  world.clock.pass(60);
  t.true(world.upstreams.last.isAborted);
  t.deepEqual(world.upstreams.last.outcomes, [{ type: 'failure', why: 'timeout' }]);
  world.clock.pass(40);
  t.is(world.upstreams.attempts.length, 2);
  world.clock.pass(60);
  t.is(exchange.response?.status, 504);
  t.like(world.record, { flags: 'URX,UT', attempts: 2 });
});

test('perTryTimeout does not cut a response that has begun', (t) => {
  const world = retrying({ on: ['5xx'], perTryTimeoutMs: 50 });
  const exchange = world.send();
  world.upstreams.last.receiver.head({ status: 200, fields: [], length: 4 }, false);
  world.clock.pass(1000);
  t.is(exchange.aborted, undefined);
});

test('a body of up to 64 KiB is sent again, a larger one is not', (t) => {
  for (const [size, attempts] of [
    [64 * 1024, 2],
    [64 * 1024 + 1, 1],
  ] as const) {
    const world = retrying({ on: ['5xx'] });
    const exchange = world.send(get('/', { method: 'POST', length: size }));
    exchange.receiver!.data(Buffer.alloc(1, 'a'));
    exchange.receiver!.data(Buffer.alloc(size - 1, 'b'));
    exchange.receiver!.end(['x-sum', '1']);
    world.upstreams.last.answer(503);
    world.clock.pass(40);
    t.is(world.upstreams.attempts.length, attempts);
    t.is(world.upstreams.last.body, `a${'b'.repeat(size - 1)}`);
    t.deepEqual(world.upstreams.last.trailers, ['x-sum', '1']);
    t.is(exchange.isEnded, attempts === 1);
  }
});

test('bodies are kept within a bound of all requests together', (t) => {
  const world = retrying({ on: ['5xx'] });
  const count = mostKeptBytes / keptBodyBytes;
  for (let number = 0; number < count; number++) {
    world.send(get('/', { method: 'POST', length: undefined })).receiver!.data(Buffer.alloc(keptBodyBytes));
  }
  t.is(world.proxy.load.keptBytes, mostKeptBytes);
  world.send(get('/', { method: 'POST', length: undefined })).receiver!.data(Buffer.from('a'));
  t.is(world.proxy.load.keepsSkipped, 1);
  world.upstreams.last.answer(503);
  t.is(world.record.attempts, 1);
  t.is(world.proxy.load.keptBytes, mostKeptBytes);
});

test('a body of many small chunks is sent again whole', (t) => {
  const world = retrying({ on: ['5xx'] });
  const exchange = world.send(get('/', { method: 'POST', length: undefined }));
  for (let number = 0; number < 1000; number++) exchange.receiver!.data(Buffer.from(String(number % 10)));
  world.upstreams.last.receiver.fail('reset');
  world.clock.pass(40);
  t.is(world.upstreams.last.body, '0123456789'.repeat(100));
});

test('a body that is still coming goes on into the next attempt', (t) => {
  const world = retrying({ on: ['5xx'] });
  const exchange = world.send(get('/', { method: 'POST', length: undefined }));
  exchange.receiver!.data(Buffer.from('a'));
  world.upstreams.last.receiver.fail('reset');
  t.true(exchange.isPaused);
  world.clock.pass(40);
  t.false(exchange.isPaused);
  exchange.receiver!.data(Buffer.from('b'));
  exchange.receiver!.end([]);
  t.is(world.upstreams.attempts.length, 2);
  t.is(world.upstreams.last.body, 'ab');
});

test('without a rule, what was surely not processed is sent elsewhere', (t) => {
  for (const why of ['connect-failure', 'connect-timeout', 'reset-unsent'] as const) {
    const world = worldRouting({});
    world.upstreams.moves.push(why, why);
    const exchange = world.send();
    t.is(world.upstreams.attempts.length, 3, why);
    t.is(new Set(world.upstreams.attempts.map(({ endpoint }) => endpoint)).size, 3);
    world.upstreams.last.answer(200);
    t.is(exchange.response?.status, 200);
    t.like(world.record, { attempts: 3, flags: '-', backendAddress: '10.0.0.2:8080' });
    const [first] = world.upstreams.attempts;
    t.deepEqual(first!.outcomes, [{ type: 'failure', why }]);
  }
});

test('without a rule, what may have been processed is not sent again', (t) => {
  for (const why of ['reset', 'protocol-error', 'idle-timeout', 'overload'] as const) {
    const world = worldRouting({});
    const exchange = world.send();
    world.upstreams.last.receiver.fail(why);
    t.is(world.upstreams.attempts.length, 1, why);
    t.true(exchange.isEnded);
  }
});

test('what was surely not processed is sent elsewhere at once; after that the rule’s attempts wait', (t) => {
  const world = retrying({ on: ['connect-failure'], attempts: 1, backoffMs: 100 });
  world.upstreams.moves.push(...Array<Failure>(6).fill('connect-failure'));
  const exchange = world.send();
  t.is(world.upstreams.attempts.length, 5);
  t.is(world.upstreams.retriesHeld, 1);
  world.clock.pass(1000);
  t.is(world.upstreams.attempts.length, 6);
  t.is(exchange.response?.status, 503);
  t.like(world.record, { attempts: 6, flags: 'URX,UF' });
});

test('by default, what a connection’s end cut off is sent again when its method is idempotent', (t) => {
  for (const [method, attempts] of [
    ['GET', 2],
    ['DELETE', 2],
    ['POST', 1],
    ['PATCH', 1],
  ] as const) {
    const world = retrying(defaultRetries);
    world.send(get('/', { method }));
    world.upstreams.last.receiver.fail('reset');
    world.clock.pass(100);
    t.is(world.upstreams.attempts.length, attempts, method);
  }
});

test('a client that goes while a retry waits is not tried for again', (t) => {
  const world = retrying({ on: ['5xx'] });
  const exchange = world.send();
  world.upstreams.last.receiver.fail('reset');
  exchange.receiver!.fail('reset');
  world.clock.pass(1000);
  t.is(world.upstreams.attempts.length, 1);
  t.like(world.record, { status: 0, flags: 'DC' });
  t.is(world.upstreams.retriesHeld, 0);
  t.is(world.clock.waiting, 0);
});

test('what remains of an answer that is not used is read when short, and cut when long', (t) => {
  for (const [length, isAborted] of [
    [100, false],
    [100_000, true],
  ] as const) {
    const world = retrying({ on: ['5xx'] });
    world.send();
    const first = world.upstreams.last;
    first.receiver.head({ status: 503, fields: [], length }, false);
    t.is(first.isAborted, isAborted);
    first.receiver.data(Buffer.alloc(50));
    first.receiver.fail('reset');
    t.deepEqual(first.outcomes, [{ type: 'response', status: 503, grpcStatus: undefined }]);
  }
});
