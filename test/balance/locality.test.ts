import test from 'ava';
import type { ClusterEndpoint, LocalityPolicy } from '../../agent/balance/cluster.js';
import { isWithin, type Origin, tierShares, tiersOf } from '../../agent/balance/locality.js';
import { warmupFactor } from '../../agent/balance/warmup.js';
import { endpoint, locality } from './endpoints.js';

const none: LocalityPolicy = { distribute: [], failover: [], failoverPriority: [] };
const here: Origin = {
  locality: locality('eu', 'a', '1'),
  node: 'n1',
  labels: { 'topology.istio.io/network': 'x', tier: 'gold' },
};

const at = (index: number, where: string, fields: Partial<ClusterEndpoint> = {}) => {
  const [region, zone, subzone] = where.split('/');
  return { endpoint: endpoint(index, { locality: locality(region!, zone, subzone), ...fields }) };
};

const shown = (
  members: readonly { readonly endpoint: ClusterEndpoint }[],
  policy: LocalityPolicy | undefined,
  failover = true,
  origin = here,
) =>
  tiersOf(members, policy, failover, origin).map(
    (tier) => `${tier.name} ${tier.weight}: ${tier.members.map((member) => member.endpoint.name.slice(9)).join()}`,
  );

const spread = [at(1, 'eu/a/1'), at(2, 'eu/a/2'), at(3, 'eu/b/1'), at(4, 'us/a/1'), at(5, 'asia/a/1')];

test('without a setting, without outlierDetection, or where nobody knows our place: one tier', (t) => {
  t.deepEqual(shown(spread, undefined), ['all 1: 1,2,3,4,5']);
  t.deepEqual(shown(spread, none, false), ['all 1: 1,2,3,4,5']);
  t.deepEqual(shown(spread, none, true, { ...here, locality: locality('') }), ['priority 0 1: 1,2,3,4,5']);
});

test('failover: subzone, zone, region, then the named region, then others', (t) => {
  t.deepEqual(shown(spread, none), ['priority 0 1: 1', 'priority 1 1: 2', 'priority 2 1: 3', 'priority 3 1: 4,5']);
  const failover = [{ from: 'eu', to: 'asia' }];
  t.deepEqual(shown(spread, { ...none, failover }).slice(3), ['priority 3 1: 5', 'priority 4 1: 4']);
  t.deepEqual(shown(spread.slice(2, 4), none), ['priority 0 1: 3', 'priority 1 1: 4']);
});

test('failoverPriority: by the first label that differs; a value may be written, topology counts as labels', (t) => {
  const labelled = [
    at(1, 'eu/a', { labels: { 'topology.istio.io/network': 'x', tier: 'gold' } }),
    at(2, 'eu/a', { labels: { 'topology.istio.io/network': 'x', tier: 'tin' } }),
    at(3, 'us/a', { labels: { 'topology.istio.io/network': 'y', tier: 'gold' } }),
  ];
  const failoverPriority = ['topology.istio.io/network', 'tier'];
  t.deepEqual(shown(labelled, { ...none, failoverPriority }), [
    'priority 0 1: 1',
    'priority 1 1: 2',
    'priority 2 1: 3',
  ]);
  t.deepEqual(shown(labelled, { ...none, failoverPriority: ['tier=tin'] }), ['priority 0 1: 2', 'priority 1 1: 1,3']);
  const byZone = { ...none, failoverPriority: ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'] };
  t.deepEqual(shown(spread, byZone), ['priority 0 1: 1,2', 'priority 1 1: 3', 'priority 2 1: 4,5']);
});

test('distribute: the first rule for our place; who is not named gets nothing; outlierDetection is not needed', (t) => {
  const distribute: LocalityPolicy['distribute'] = [
    { from: 'us/*', to: { 'us/*': 100 } },
    { from: 'eu/a/*', to: { 'eu/a/*': 80, 'eu/b/*': 15, 'us/*': 5 } },
  ];
  t.deepEqual(shown(spread, { ...none, distribute }, false), ['eu/a/* 80: 1,2', 'eu/b/* 15: 3', 'us/* 5: 4']);
  t.deepEqual(shown(spread, { ...none, distribute }, false, { ...here, locality: locality('asia') }), [
    'all 1: 1,2,3,4,5',
  ]);
});

test('localities and patterns', (t) => {
  const place = locality('eu', 'a', '1');
  t.deepEqual(
    ['*', 'eu', 'eu/*', 'eu/a', 'eu/a/*', 'eu/a/1', 'eu/b/*', 'us', 'eu/a/2'].map((pattern) =>
      isWithin(place, pattern),
    ),
    [true, true, true, true, true, true, false, false, false],
  );
});

test('priority load: Envoy’s table for an overprovisioning of 1.4', (t) => {
  const levels = (count: number) => Array.from({ length: count }, (_, priority) => ({ priority, weight: 1 }));
  const load = (...healthy: number[]) =>
    tierShares(levels(healthy.length), healthy).map((share) => Math.round(share * 100));
  t.deepEqual(load(1, 1), [100, 0]);
  t.deepEqual(load(0.72, 1), [100, 0]);
  t.deepEqual(load(0.71, 1), [99, 1]);
  t.deepEqual(load(0.5, 1), [70, 30]);
  t.deepEqual(load(0.25, 1), [35, 65]);
  t.deepEqual(load(0.25, 0.25), [50, 50]);
  t.deepEqual(load(0.2, 0.2, 0.2), [33, 33, 33]);
  t.deepEqual(load(0, 1), [0, 100]);
  t.deepEqual(load(0, 0), [0, 0]);
});

test('locality weights: a locality loses weight when less than 1/1.4 of it is healthy', (t) => {
  const tiers = [
    { priority: undefined, weight: 80 },
    { priority: undefined, weight: 20 },
  ];
  t.deepEqual(tierShares(tiers, [1, 1]), [0.8, 0.2]);
  t.deepEqual(tierShares(tiers, [0.75, 1]), [0.8, 0.2]);
  t.deepEqual(tierShares(tiers, [0, 1]), [0, 1]);
  t.true(Math.abs(tierShares(tiers, [0.5, 1])[0]! - 56 / 76) < 1e-9);
});

test('warm-up: linear, aggressive, with a minimum; the first second counts whole', (t) => {
  const warmup = { durationMs: 100_000, minimumPercent: 10, aggression: 1 };
  t.deepEqual(
    [0, 5_000, 10_000, 50_000, 99_999, 100_000].map((age) => Number(warmupFactor(warmup, age).toFixed(3))),
    [0.1, 0.1, 0.1, 0.5, 1, 1],
  );
  t.is(warmupFactor({ ...warmup, minimumPercent: 0 }, 0), 0.01);
  t.is(Number(warmupFactor({ ...warmup, aggression: 2 }, 25_000).toFixed(3)), 0.5);
  t.is(warmupFactor({ ...warmup, durationMs: 500 }, 400), 1);
});
