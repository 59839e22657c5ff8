import test from 'ava';
import type { ExplainQuery } from '../../agent/api/items.js';
import { shop, World } from './world.js';

function query(from: string, to: string, protocol: ExplainQuery['protocol'] = 'TCP'): ExplainQuery {
  return { from, to, protocol, method: '', path: '', headers: [] };
}

test('answers by the rows that are in the tables', async (t) => {
  const world = await World.of(t, shop);
  await world.view.setWeights('shop/user-service', new Map([['shop/user-1', 3]]));
  for (const to of ['user-service', 'user-service.shop.svc.cluster.local:8080', '10.96.0.10:8080']) {
    const outcome = await world.view.explain(query('shop/client', to));
    t.true(outcome.ok);
    if (!outcome.ok) continue;
    const { verdict, path, service, port, rule, candidates } = outcome.value;
    t.deepEqual(
      { verdict, path, service, port, rule },
      { verdict: 'redirect', path: 'l4', service: 'shop/user-service', port: 8080, rule: 'default' },
    );
    t.deepEqual(
      candidates.map(({ backend, address, probability, state }) => [backend, address, probability, state]),
      [
        ['shop/user-1', '10.1.0.1:80', 0.75, 'ready'],
        ['shop/user-2', '10.1.0.2:80', 0.25, 'ready'],
      ],
    );
  }
});

test('a row that is gone changes the answer, whatever is desired', async (t) => {
  const world = await World.of(t, shop);
  const rows = world.store.read('frontends');
  world.store.remove('frontends', rows.keys, rows.count);
  const outcome = await world.view.explain(query('shop/client', '10.96.0.10:8080'));
  t.like(outcome, { ok: true, value: { verdict: 'pass', reason: 'no_service' } });
});

test('a Pod that is not captured passes, and the first step says why', async (t) => {
  const world = await World.of(t, shop);
  const outcome = await world.view.explain(query('shop/user-1', 'user-service'));
  t.like(outcome, { ok: true, value: { verdict: 'pass', reason: 'not_meshed' } });
  t.is(
    outcome.ok ? outcome.value.steps[0] : '',
    'shop/user-1 is not meshed: no annotation weft.dev/netns says where it lives',
  );
});

test('of two Services with one address the first by name is meant', async (t) => {
  const world = await World.of(t, shop);
  const claim = (name: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: 10.96.0.30, selector: { app: user }, ports: [{ port: 80 }] }
`;
  await world.put(claim('b'));
  await world.put(claim('a'));
  t.like(await world.view.explain(query('shop/client', '10.96.0.30')), { ok: true, value: { service: 'shop/a' } });
});

const refusals: readonly (readonly [string, string, string, string])[] = [
  ['shop/nobody', 'user-service', 'unknown', 'there is no Pod shop/nobody'],
  ['shop/client', 'nothing', 'unknown', 'nothing would be Service shop/nothing, which does not exist'],
  ['shop/client', 'user-service:99999', 'malformed', '"99999" is no port between 1 and 65535'],
  ['shop/client', '[::1', 'malformed', '"[::1" is no HOST, HOST:PORT, IPv6 address or [IPv6]:PORT'],
  ['shop/client', 'two', 'invalid', 'say which TCP port of Service shop/two: it has 80/TCP, 81/TCP'],
];

for (const [from, to, type, message] of refusals) {
  test(`${from} to ${to} is ${type}`, async (t) => {
    const world = await World.of(
      t,
      `${shop}
---
apiVersion: v1
kind: Service
metadata: { name: two, namespace: shop }
spec: { clusterIP: 10.96.0.40, selector: { app: user }, ports: [{ name: a, port: 80 }, { name: b, port: 81 }] }
`,
    );
    const outcome = await world.view.explain(query(from, to));
    t.deepEqual(outcome, { ok: false, refusal: { type: type as 'unknown', message, problems: [] } });
  });
}
