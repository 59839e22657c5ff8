import test from 'ava';
import type { CorsPolicy, Fault, Snapshot } from '../../../agent/compile/snapshot.js';
import { mostDelayed } from '../../../agent/gateway/proxy/parts.js';
import { WeightedDeck } from '../../../agent/gateway/proxy/weighted-deck.js';
import { FakeExchange } from './fakes.js';
import { clusterOf, get, meshClient, toCluster, type World, worldRouting, worldWith } from './world.js';

/** Numbers in [0, 1) that look random (Park and Miller's generator). */
function seeded(): () => number {
  let state = 12_345;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

/** Weights, and the cards of their deck; 0: there is none. */
const decks: readonly (readonly [weights: readonly number[], cards: number])[] = [
  [[1, 1], 64],
  [[90, 10], 70],
  [[1, 2, 4], 70],
  [[300, 700], 70],
  [[65_535, 1], 0],
];

for (const [weights, cards] of decks) {
  test(`weights ${weights}: ${cards === 0 ? 'shares' : 'exact shares in each deck'}`, (t) => {
    const deck = new WeightedDeck(weights, seeded());
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const drawn = weights.map(() => 0);
    const rounds = cards === 0 ? 65_536 : cards * 10;
    for (let count = 0; count < rounds; count++) drawn[deck.draw()]!++;
    for (const [index, weight] of weights.entries()) {
      const expected = (rounds * weight) / total;
      t.true(Math.abs(drawn[index]! - expected) <= (cards === 0 ? 10 : 0), `${drawn[index]} of ${expected}`);
    }
  });
}

test('a deck has no fixed order', (t) => {
  const deck = new WeightedDeck([1, 1], seeded());
  const order = () => Array.from({ length: 64 }, () => deck.draw()).join('');
  t.not(order(), order());
});

test('a destination of weight 0 is never taken', (t) => {
  const world = worldRouting({ destinations: [toCluster('v1', 0), toCluster('v2', 3), toCluster('v3', 1)] });
  const taken = new Map<string, number>();
  for (let count = 0; count < 64; count++) {
    world.send();
    const { cluster } = world.upstreams.last.query;
    taken.set(cluster, (taken.get(cluster) ?? 0) + 1);
  }
  t.deepEqual(Object.fromEntries(taken), { v2: 48, v3: 16 });
});

const faulty = (fault: Partial<Fault>): World => worldWith({ fault: { delay: undefined, abort: undefined, ...fault } });

test('fault abort: its share, by the draw', (t) => {
  const world = faulty({ abort: { percent: 10, status: 555, grpcStatus: undefined } });
  world.draws = [0.099];
  const aborted = world.send();
  t.is(aborted.response?.status, 555);
  t.is(aborted.body, 'fault filter abort');
  t.like(world.record, { flags: 'FI', attempts: 0 });
  world.draws = [0.1];
  world.send();
  t.is(world.upstreams.attempts.length, 1);
});

test('fault abort with a gRPC status', (t) => {
  const world = faulty({ abort: { percent: 100, status: undefined, grpcStatus: 8 } });
  const call = world.send(get('/', { fields: ['content-type', 'application/grpc'] }));
  t.is(call.response?.status, 200);
  t.is(call.field('grpc-status'), '8');
  t.is(call.field('grpc-message'), 'fault filter abort');
  t.is(world.send().response?.status, 429, 'what the status means in HTTP');
});

test('fault delay: the body waits with it', (t) => {
  const world = faulty({ delay: { percent: 100, delayMs: 200 } });
  const exchange = world.send(get('/', { method: 'POST', length: undefined }));
  t.true(exchange.isPaused);
  exchange.receiver!.data(Buffer.from('early'));
  world.clock.pass(199);
  t.is(world.upstreams.attempts.length, 0);
  world.clock.pass(11);
  t.is(world.upstreams.last.body, 'early');
  t.false(exchange.isPaused);
  exchange.receiver!.end([]);
  world.upstreams.last.answer(200);
  t.like(world.record, { flags: 'DI', status: 200, requestBytes: 5 });
});

test('fault delay and abort: first the one, then the other', (t) => {
  const abort = { percent: 100, status: 503, grpcStatus: undefined };
  const world = faulty({ delay: { percent: 100, delayMs: 50 }, abort });
  const exchange = world.send();
  t.is(exchange.response, undefined);
  world.clock.pass(60);
  t.like(world.record, { flags: 'DI,FI', status: 503 });
});

test('fault delay: none for the other share, and none beyond the bound', (t) => {
  const world = faulty({ delay: { percent: 50, delayMs: 50 } });
  world.draws = [0.5];
  world.send();
  t.is(world.upstreams.attempts.length, 1);
  world.draws = [0];
  for (let count = 0; count < mostDelayed; count++) world.send();
  t.is(world.upstreams.attempts.length, 1);
  t.is(world.proxy.load.delayed, mostDelayed);
  world.send();
  t.is(world.upstreams.attempts.length, 2);
  t.is(world.proxy.load.delaysSkipped, 1);
});

test('a client that goes during a delay', (t) => {
  const world = faulty({ delay: { percent: 100, delayMs: 50 } });
  world.send().receiver!.fail('reset');
  world.clock.pass(100);
  t.is(world.upstreams.attempts.length, 0);
  t.like(world.record, { flags: 'DI,DC', status: 0 });
  t.is(world.proxy.load.delayed, 0);
});

test('a mirror gets the request and its body, and nobody hears of its answer', (t) => {
  const world = worldRouting({ mirrors: [{ cluster: 'v2', percent: 100 }] });
  const exchange = world.send(get('/a', { method: 'POST', length: 2, authority: 'reviews:80' }));
  const [mirror, main] = world.upstreams.attempts;
  t.is(mirror!.query.cluster, 'v2');
  t.is(mirror!.query.head.authority, 'reviews-shadow:80');
  t.is(main!.query.head.authority, 'reviews:80');
  exchange.receiver!.data(Buffer.from('hi'));
  exchange.receiver!.end([]);
  t.is(mirror!.body, 'hi');
  t.is(main!.body, 'hi');
  mirror!.answer(500, [], 'no');
  t.is(exchange.response, undefined);
  t.deepEqual(mirror!.outcomes, [{ type: 'response', status: 500, grpcStatus: undefined }]);
  main!.answer(200, [], 'yes');
  t.is(exchange.body, 'yes');
  t.is(world.records.length, 1);
  t.is(world.proxy.load.mirrored, 0);
});

test('a mirror’s percentage', (t) => {
  const world = worldRouting({ mirrors: [{ cluster: 'v2', percent: 25 }] });
  world.draws = [0.2499];
  world.send(get('/', { fields: ['x-request-id', 'a'] }));
  t.is(world.upstreams.attempts.length, 2);
  world.draws = [0.25];
  world.send(get('/', { fields: ['x-request-id', 'a'] }));
  t.is(world.upstreams.attempts.length, 3);
});

test('a slow mirror is cut and the request goes on', (t) => {
  const world = worldRouting({ mirrors: [{ cluster: 'v2', percent: 100 }] });
  const exchange = world.send(get('/', { method: 'POST', length: undefined }));
  const [mirror, main] = world.upstreams.attempts;
  mirror!.takes = false;
  for (let count = 0; count < 10; count++) exchange.receiver!.data(Buffer.alloc(10_000));
  t.true(mirror!.isAborted);
  t.false(exchange.isPaused);
  t.is(main!.body.length, 100_000);
  t.is(world.proxy.load.mirrorsCut, 1);
});

test('a mirror that fails, is refused, or never answers does no harm', (t) => {
  for (const move of ['no-healthy-upstream', 'connect-failure', undefined] as const) {
    const world = worldRouting({ mirrors: [{ cluster: 'v2', percent: 100 }] });
    world.upstreams.moves.push(move);
    const exchange = world.send();
    world.upstreams.last.answer(200);
    world.clock.pass(16_000);
    t.is(exchange.response?.status, 200);
    t.is(world.proxy.load.mirrored, 0);
  }
});

const policy: CorsPolicy = {
  allowOrigins: [
    { type: 'exact', value: 'https://a.example' },
    { type: 'prefix', value: 'https://b.' },
    { type: 'regex', value: 'https://c[0-9]\\.example' },
  ],
  allowMethods: ['GET', 'PUT'],
  allowHeaders: ['x-one', 'x-two'],
  exposeHeaders: ['x-seen'],
  maxAgeSeconds: 60,
  allowCredentials: true,
  unmatchedPreflights: 'forward',
};

const withCors = (changes: Partial<CorsPolicy> = {}): World => worldWith({ cors: { ...policy, ...changes } });
const preflight = (origin: string) =>
  get('/', {
    method: 'OPTIONS',
    fields: ['Origin', origin, 'Access-Control-Request-Method', 'PATCH', 'Access-Control-Request-Headers', 'x-asked'],
  });

test('CORS: a preflight from an allowed origin is answered here', (t) => {
  for (const origin of ['https://a.example', 'https://b.anything', 'https://c7.example']) {
    const world = withCors();
    const exchange = world.send(preflight(origin));
    t.is(exchange.response?.status, 200);
    t.is(exchange.field('access-control-allow-origin'), origin);
    t.is(exchange.field('access-control-allow-methods'), 'GET,PUT');
    t.is(exchange.field('access-control-allow-headers'), 'x-one,x-two');
    t.is(exchange.field('access-control-max-age'), '60');
    t.is(exchange.field('access-control-allow-credentials'), 'true');
    t.is(world.upstreams.attempts.length, 0);
  }
});

test('CORS: * stands for what was asked for', (t) => {
  const world = withCors({ allowOrigins: [{ type: 'exact', value: '*' }], allowMethods: ['*'], allowHeaders: ['*'] });
  const exchange = world.send(preflight('https://any'));
  t.is(exchange.field('access-control-allow-origin'), 'https://any');
  t.is(exchange.field('access-control-allow-methods'), 'PATCH');
  t.is(exchange.field('access-control-allow-headers'), 'x-asked');
});

test('CORS: a preflight from elsewhere is forwarded, or answered without a word', (t) => {
  for (const origin of ['https://a.example.evil', 'http://b.x', 'https://c77.example']) {
    const forwarding = withCors();
    forwarding.send(preflight(origin));
    t.is(forwarding.upstreams.attempts.length, 1);
    const ignoring = withCors({ unmatchedPreflights: 'ignore' });
    const exchange = ignoring.send(preflight(origin));
    t.is(exchange.response?.status, 200);
    t.is(exchange.field('access-control-allow-origin'), undefined);
    t.is(ignoring.upstreams.attempts.length, 0);
  }
});

test('CORS: OPTIONS without a requested method is no preflight', (t) => {
  const world = withCors();
  world.send(get('/', { method: 'OPTIONS', fields: ['origin', 'https://a.example'] }));
  t.is(world.upstreams.attempts.length, 1);
});

test('CORS: responses to allowed origins are marked, and local answers too', (t) => {
  const world = withCors();
  const exchange = world.send(get('/', { fields: ['origin', 'https://a.example'] }));
  world.upstreams.last.answer(200, ['access-control-allow-origin', '*']);
  t.is(exchange.field('access-control-allow-origin'), 'https://a.example');
  t.is(exchange.field('access-control-expose-headers'), 'x-seen');
  t.is(exchange.field('access-control-allow-credentials'), 'true');
  world.upstreams.moves.push('no-healthy-upstream');
  const local = world.send(get('/', { fields: ['origin', 'https://a.example'] }));
  t.is(local.field('access-control-allow-origin'), 'https://a.example');
});

test('CORS: other responses are not touched', (t) => {
  for (const fields of [[], ['origin', 'https://evil.example']]) {
    const world = withCors();
    const exchange = world.send(get('/', { fields }));
    world.upstreams.last.answer(200, ['access-control-allow-origin', '*']);
    t.is(exchange.field('access-control-allow-origin'), '*');
    t.is(exchange.field('access-control-expose-headers'), undefined);
  }
});

test('CORS: with credentials, exposing * lists the response’s own names', (t) => {
  const world = withCors({ exposeHeaders: ['*'] });
  const exchange = world.send(get('/', { fields: ['origin', 'https://a.example'] }));
  world.upstreams.last.answer(200, ['X-One', '1', 'etag', '2']);
  t.is(exchange.field('access-control-expose-headers'), 'x-one,etag,x-envoy-upstream-service-time');
});

type Key = (ReturnType<typeof clusterOf>['variants'][0]['policy']['balancing'] & { type: 'hash' })['key'];

function hashing(key: Key): World {
  const world = worldRouting({});
  const algorithm = { type: 'maglev', tableSize: 1021 } as const;
  const clusters = { ...world.snapshot.clusters, v1: clusterOf('v1', { type: 'hash', key, algorithm }) };
  world.snapshot = { ...world.snapshot, clusters } satisfies Snapshot;
  return world;
}

const hashOf = (world: World, target: string, fields: string[] = [], address = '10.1.0.9') => {
  const exchange = new FakeExchange(get(target, { fields }), { ...meshClient, address });
  world.proxy.onRequest(exchange);
  return world.upstreams.last.query.hash;
};

test('hash keys: equal values give equal hashes, other values others, none none', (t) => {
  const header = hashing({ type: 'header', name: 'X-User' });
  t.is(hashOf(header, '/', ['x-user', 'jan']), hashOf(header, '/b', ['X-USER', 'jan']));
  t.not(hashOf(header, '/', ['x-user', 'jan']), hashOf(header, '/', ['x-user', 'eva']));
  t.is(hashOf(header, '/'), undefined);
  const query = hashing({ type: 'query', name: 'id' });
  t.is(hashOf(query, '/a?id=1'), hashOf(query, '/b?x=2&id=1'));
  t.not(hashOf(query, '/?id=1'), hashOf(query, '/?id=2'));
  t.is(hashOf(query, '/?idx=1'), undefined);
  const source = hashing({ type: 'sourceIp' });
  t.is(hashOf(source, '/'), hashOf(source, '/'));
  t.not(hashOf(source, '/'), hashOf(source, '/', [], '10.1.0.10'));
});

test('hash key of a header, rewritten before', (t) => {
  const world = hashing({ type: 'header', name: 'x-user', rewrite: { match: '@.*', value: '' } });
  t.is(hashOf(world, '/', ['x-user', 'jan@a']), hashOf(world, '/', ['x-user', 'jan@b']));
});

test('a session cookie is made where there is none, and names its endpoint afterwards', (t) => {
  const attributes = [
    ['SameSite', 'Strict'],
    ['Secure', ''],
  ] as const;
  const world = hashing({ type: 'cookie', name: 'sid', path: '/shop', ttlMs: 3_600_000, attributes });
  const exchange = world.send();
  const { last } = world.upstreams;
  last.answer(200);
  const cookie = exchange.field('set-cookie')!;
  t.regex(cookie, /^sid="[0-9a-f]{16}"; Max-Age=3600; Path=\/shop; SameSite=Strict; Secure; HttpOnly$/);
  const value = /"(.*?)"/.exec(cookie)![1]!;
  const again = world.send(get('/', { fields: ['Cookie', `a=b; sid=${value}`] }));
  t.is(world.upstreams.last.query.hash, last.query.hash);
  world.upstreams.last.answer(200);
  t.is(again.field('set-cookie'), undefined);
});

test('a cookie of ttl 0 ends with the session; without ttl none is made', (t) => {
  const session = hashing({ type: 'cookie', name: 'sid', path: '', ttlMs: 0, attributes: [] });
  const exchange = session.send();
  session.upstreams.last.answer(200);
  t.regex(exchange.field('set-cookie')!, /^sid="[0-9a-f]{16}"; HttpOnly$/);
  const own = hashing({ type: 'cookie', name: 'sid', path: '', ttlMs: undefined, attributes: [] });
  const without = own.send();
  own.upstreams.last.answer(200);
  t.is(without.field('set-cookie'), undefined);
  t.is(own.upstreams.last.query.hash, undefined);
});

test('a request keeps the snapshot that it began with', (t) => {
  const world = worldRouting({
    retries: {
      attempts: 1,
      perTryTimeoutMs: undefined,
      on: ['5xx'],
      statuses: [],
      backoffMs: 25,
      ignorePreviousHosts: true,
    },
  });
  const before = world.snapshot;
  world.send();
  world.snapshot = { ...before, generation: 2, clusters: {} };
  world.upstreams.last.answer(503);
  world.clock.pass(40);
  t.is(world.upstreams.attempts.length, 2);
  t.is(world.upstreams.last.query.snapshot, before);
});
