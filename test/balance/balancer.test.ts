import test from 'ava';
import { type BalancerPolicy, ClusterBalancer } from '../../agent/balance/balancer.js';
import type { ClusterEndpoint } from '../../agent/balance/cluster.js';
import type { Outcome } from '../../agent/balance/outcome.js';
import { endpoint, locality, seeded } from './endpoints.js';

const plain: BalancerPolicy = {
  balancing: { type: 'round-robin' },
  locality: undefined,
  warmup: undefined,
  outlier: undefined,
};
const origin = { locality: locality('eu', 'a'), node: 'n1', labels: {} };
const outlier = {
  consecutive5xx: 1,
  consecutiveGatewayErrors: 0,
  splitExternalLocalOriginErrors: false,
  consecutiveLocalOriginFailures: 5,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionPercent: 100,
  minHealthPercent: 0,
};

function balancer(endpoints: readonly ClusterEndpoint[], policy: BalancerPolicy = plain) {
  const made = new ClusterBalancer(policy, origin, seeded(3), 0);
  made.update(endpoints, policy, 0);
  /** Names of the picks, each settled at once with `outcome`. */
  const picks = (
    count: number,
    now = 0,
    outcome: Outcome = { type: 'response', status: 200 },
    tried: readonly string[] = [],
  ) =>
    Array.from({ length: count }, () => {
      const lease = made.pick({ hash: undefined, tried, now });
      lease?.settle(outcome, 1, now);
      return lease?.member.endpoint.name.slice(5) ?? 'nobody';
    });
  const shares = (now = 0) =>
    made
      .probabilities(now)
      .map(({ endpoint: { name }, probability, state }) => `${name.slice(5)} ${probability.toFixed(2)} ${state}`);
  return { made, picks, shares };
}

const count = (names: readonly string[], name: string) => names.filter((each) => each === name).length;

test('standby endpoints serve only while nobody is ready', (t) => {
  const { made, picks, shares } = balancer([endpoint(1), endpoint(2, { state: 'standby' })]);
  t.is(count(picks(20), 'web-1'), 20);
  t.deepEqual(shares(), ['web-1 1.00 ready', 'web-2 0.00 standby']);
  made.update([endpoint(1, { weight: 0 }), endpoint(2, { state: 'standby' })], plain, 0);
  t.is(count(picks(20), 'web-2'), 20);
  made.update([], plain, 0);
  t.deepEqual(picks(1), ['nobody']);
});

test('weight 0 is never', (t) => {
  for (const type of ['adaptive', 'least-request', 'round-robin', 'random'] as const) {
    const { picks, shares } = balancer([endpoint(1, { weight: 0 }), endpoint(2), endpoint(3)], {
      ...plain,
      balancing: { type },
    });
    t.is(count(picks(200), 'web-1'), 0);
    t.is(shares()[0], 'web-1 0.00 ready');
  }
});

test('an ejected endpoint gets nothing, and comes back by itself', (t) => {
  const { made, picks, shares } = balancer([endpoint(1), endpoint(2)], { ...plain, outlier });
  made.pick({ hash: undefined, tried: ['10.0.0.1:8080'], now: 0 })!.settle({ type: 'response', status: 500 }, 1, 0);
  t.is(count(picks(10, 29_000), 'web-1'), 10);
  t.deepEqual(shares(29_000), ['web-1 1.00 ready', 'web-2 0.00 ejected']);
  t.is(count(picks(10, 30_000), 'web-2'), 5);
});

test('what is avoided is told as it is now, also where nobody has picked since', (t) => {
  const { made, picks } = balancer([endpoint(1), endpoint(2)], { ...plain, outlier });
  const avoided = (now: number) => [...made.avoided(now)].map(({ address }) => address);
  t.deepEqual(avoided(0), []);
  made.pick({ hash: undefined, tried: ['10.0.0.1:8080'], now: 0 })!.settle({ type: 'response', status: 500 }, 1, 0);
  t.deepEqual(avoided(0), ['10.0.0.2:8080']);
  t.deepEqual(avoided(29_999), ['10.0.0.2:8080']);
  t.deepEqual(avoided(30_000), []);
  t.is(count(picks(10, 30_000), 'web-2'), 5);
  const own = balancer([endpoint(1)]);
  own.picks(3, 0, { type: 'connect-failure' });
  t.deepEqual([...own.made.avoided(0)], [], 'the only one is used although it is ejected');
});

test('all ejected: nobody, unless below minHealthPercent all are used', (t) => {
  const strict = balancer([endpoint(1), endpoint(2)], { ...plain, outlier });
  t.deepEqual(strict.picks(3, 0, { type: 'response', status: 500 }).slice(2), ['nobody']);
  const lenient = balancer([endpoint(1), endpoint(2)], { ...plain, outlier: { ...outlier, minHealthPercent: 60 } });
  t.is(count(lenient.picks(10, 0, { type: 'response', status: 500 }), 'web-1'), 5);
  const own = balancer([endpoint(1), endpoint(2)]);
  t.is(count(own.picks(10, 0, { type: 'connect-failure' }), 'nobody'), 0);
  t.deepEqual(own.shares(), ['web-1 0.50 ready', 'web-2 0.50 ready']);
});

test('what was tried is avoided while there is another, in other localities too', (t) => {
  const near = { locality: locality('eu', 'a') };
  const far = { locality: locality('us', 'a') };
  const policy = { ...plain, outlier, locality: { distribute: [], failover: [], failoverPriority: [] } };
  const { picks } = balancer([endpoint(1, near), endpoint(2, far)], policy);
  t.is(count(picks(10), 'web-1'), 10);
  t.deepEqual(picks(1, 0, { type: 'cancelled' }, ['10.0.0.1:8080']), ['web-1']);
  const two = balancer([endpoint(1), endpoint(2)]);
  t.deepEqual(two.picks(2, 0, { type: 'cancelled' }, ['10.0.0.1:8080']), ['web-2', 'web-2']);
  t.is(two.picks(1, 0, { type: 'cancelled' }, ['10.0.0.1:8080', '10.0.0.2:8080']).length, 1);
});

test('failover: when the near ones are ejected, the far ones serve', (t) => {
  const policy = { ...plain, outlier, locality: { distribute: [], failover: [], failoverPriority: [] } };
  const endpoints = [1, 2].map((i) => endpoint(i, { locality: locality('eu', 'a') }));
  const { made, picks, shares } = balancer([...endpoints, endpoint(3, { locality: locality('us', 'a') })], policy);
  t.deepEqual(shares(), ['web-1 0.50 ready', 'web-2 0.50 ready', 'web-3 0.00 other-locality']);
  made.pick({ hash: undefined, tried: ['10.0.0.2:8080'], now: 0 })!.settle({ type: 'response', status: 500 }, 1, 0);
  t.deepEqual(shares(), ['web-1 0.00 ejected', 'web-2 0.70 ready', 'web-3 0.30 ready']);
  made.pick({ hash: undefined, tried: ['10.0.0.3:8080'], now: 0 })!.settle({ type: 'response', status: 500 }, 1, 0);
  t.is(count(picks(10), 'web-3'), 10);
});

test('distribute: shares as written, weights within', (t) => {
  const distribute = [{ from: 'eu/*', to: { 'eu/*': 80, 'us/*': 20 } }];
  const policy = { ...plain, locality: { distribute, failover: [], failoverPriority: [] } };
  const { picks, shares } = balancer(
    [
      endpoint(1, { locality: locality('eu'), weight: 3 }),
      endpoint(2, { locality: locality('eu') }),
      endpoint(3, { locality: locality('us') }),
      endpoint(4, { locality: locality('asia') }),
    ],
    policy,
  );
  t.deepEqual(shares(), ['web-1 0.60 ready', 'web-2 0.20 ready', 'web-3 0.20 ready', 'web-4 0.00 other-locality']);
  const got = picks(5000);
  t.true(Math.abs(count(got, 'web-3') - 1000) < 120);
  t.is(count(got, 'web-4'), 0);
});

test('warm-up: who joins later begins with a small share that grows', (t) => {
  const policy = { ...plain, warmup: { durationMs: 100_000, minimumPercent: 10, aggression: 1 } };
  const { made, picks, shares } = balancer([endpoint(1)], policy);
  t.deepEqual(shares(1000), ['web-1 1.00 ready']);
  made.update([endpoint(1), endpoint(2)], policy, 1000);
  t.is(count(picks(110, 1000), 'web-2'), 10);
  t.deepEqual(shares(51_000), ['web-1 0.67 ready', 'web-2 0.33 warming']);
  t.is(count(picks(150, 51_000), 'web-2'), 50);
  t.deepEqual(shares(101_000), ['web-1 0.50 ready', 'web-2 0.50 ready']);
});

test('consistent hash: the same request the same endpoint, across updates that change nothing for it', (t) => {
  for (const algorithm of [
    { type: 'ringHash', minimumRingSize: 1024 },
    { type: 'maglev', tableSize: 65537 },
  ] as const) {
    const policy: BalancerPolicy = { ...plain, balancing: { type: 'hash', key: { type: 'sourceIp' }, algorithm } };
    const { made } = balancer(
      [1, 2, 3].map((i) => endpoint(i)),
      policy,
    );
    const owner = (hash: number) => made.pick({ hash, tried: [], now: 0 })!.member.address;
    const before = Array.from({ length: 100 }, (_, i) => owner(i * 40_000_003));
    made.update(
      [3, 2, 1].map((i) => endpoint(i, { labels: { a: 'b' } })),
      policy,
      5,
    );
    t.deepEqual(
      Array.from({ length: 100 }, (_, i) => owner(i * 40_000_003)),
      before,
    );
  }
});

test('statistics are kept by address; who is gone is told', (t) => {
  const { made, picks } = balancer([endpoint(1), endpoint(2)], { ...plain, balancing: { type: 'adaptive' } });
  picks(10);
  const lease = made.pick({ hash: undefined, tried: ['10.0.0.2:8080'], now: 0 })!;
  const gone = made.update([endpoint(1, { name: 'shop/other', weight: 7 })], plain, 1);
  t.deepEqual(
    gone.map((member) => member.address),
    ['10.0.0.2:8080'],
  );
  const [kept] = made.members;
  t.is(kept!.inFlight, 1);
  t.is(kept!.latency.value, 1);
  t.is(kept!.endpoint.name, 'shop/other');
  lease.settle({ type: 'cancelled' }, undefined, 2);
  lease.settle({ type: 'cancelled' }, undefined, 2);
  t.is(kept!.inFlight, 0);
});

test('one address twice counts with both weights', (t) => {
  const { shares } = balancer([endpoint(1), endpoint(2), endpoint(1, { weight: 2 })]);
  t.deepEqual(shares(), ['web-1 0.75 ready', 'web-2 0.25 ready']);
});
