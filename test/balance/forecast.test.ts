import test from 'ava';
import { type BalancerPolicy, ClusterBalancer } from '../../agent/balance/balancer.js';
import { forecast, type Seen } from '../../agent/balance/forecast.js';
import { endpoint, locality } from './endpoints.js';

const origin = { locality: locality(''), node: '', labels: {} };
const policy = (type: 'adaptive' | 'round-robin'): BalancerPolicy => ({
  balancing: { type },
  locality: undefined,
  warmup: undefined,
  outlier: undefined,
});

const fine: Seen = { inFlight: 0, latencyMs: 10, ejection: undefined };

function shown(type: 'adaptive' | 'round-robin', ...processes: readonly Readonly<Record<string, Seen>>[]): string[] {
  const endpoints = [endpoint(1), endpoint(2), endpoint(3, { weight: 2 })];
  const seen = processes.map((each) => new Map(Object.entries(each)));
  return forecast(policy(type), endpoints, origin, seen).map(
    ({ probability, state }) => `${probability.toFixed(3)} ${state}`,
  );
}

test('who has seen nothing goes by weights', (t) => {
  t.deepEqual(shown('adaptive'), ['0.250 ready', '0.250 ready', '0.500 ready']);
  t.deepEqual(shown('round-robin'), ['0.250 ready', '0.250 ready', '0.500 ready']);
});

test('slow and ejected endpoints get nothing next', (t) => {
  const slow = { ...fine, latencyMs: 80 };
  const ejected = { ...fine, ejection: 'connect-failure' as const };
  const seen = { '10.0.0.1:8080': slow, '10.0.0.2:8080': fine, '10.0.0.3:8080': ejected };
  t.deepEqual(shown('adaptive', seen), ['0.000 ready', '1.000 ready', '0.000 ejected']);
  t.deepEqual(shown('round-robin', seen), ['0.500 ready', '0.500 ready', '0.000 ejected']);
});

test('several processes: the mean of what each does', (t) => {
  const ejected = { '10.0.0.1:8080': { ...fine, ejection: 'consecutive-5xx' as const } };
  t.deepEqual(shown('round-robin', {}, ejected), ['0.125 ejected', '0.292 ready', '0.583 ready']);
});

test('a pick by a hash that is known', (t) => {
  const algorithm = { type: 'ringHash', minimumRingSize: 1024 } as const;
  const balancing = { type: 'hash', key: { type: 'sourceIp' }, algorithm } as const;
  const hashed: BalancerPolicy = { ...policy('adaptive'), balancing };
  const endpoints = [endpoint(1), endpoint(2), endpoint(3)];
  for (let hash = 0; hash < 2 ** 32; hash += 2 ** 27 - 1) {
    const worker = new ClusterBalancer(hashed, origin, () => 0, 0);
    worker.update(endpoints, hashed, 0);
    const picked = worker.pick({ hash, tried: [], now: 0 })!.member.endpoint;
    t.deepEqual(
      forecast(hashed, endpoints, origin, [], hash).map(({ probability }) => probability),
      endpoints.map((each) => (each === picked ? 1 : 0)),
    );
  }
  t.true(forecast(hashed, endpoints, origin, []).every(({ probability }) => probability > 0.2));
  const plain = forecast(policy('round-robin'), endpoints, origin, [], 7);
  t.true(
    plain.every(({ probability }) => Math.abs(probability - 1 / 3) < 1e-9),
    'no hash, no key',
  );
});
