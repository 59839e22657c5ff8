import test from 'ava';
import type { Outcome, Refusal } from '../../agent/api/view.js';
import { shop, World } from './world.js';

const service = 'shop/user-service';

function weightsOf(world: World): Readonly<Record<string, number>> {
  return Object.fromEntries(
    world.reconciler.plansOf(service).flatMap(({ plan }) => plan.backends.map(({ name, weight }) => [name, weight])),
  );
}

function refusal(outcome: Outcome<unknown>): Pick<Refusal, 'type' | 'message'> | undefined {
  if (outcome.ok) return undefined;
  const { type, message } = outcome.refusal;
  return { type, message };
}

test('weights are in the tables when the call returns, replace each other, and can be cleared', async (t) => {
  const world = await World.of(t, shop);
  t.deepEqual(await world.view.setWeights(service, new Map([['shop/user-1', 5]])), {
    ok: true,
    value: { service, weights: { 'shop/user-1': 5, 'shop/user-2': 1 } },
  });
  t.deepEqual(weightsOf(world), { 'shop/user-1': 5, 'shop/user-2': 1 });
  await world.view.setWeights(service, new Map([['shop/user-2', 0]]));
  t.deepEqual(weightsOf(world), { 'shop/user-1': 1, 'shop/user-2': 0 });
  t.deepEqual(await world.view.clearWeights(service), {
    ok: true,
    value: { service, weights: { 'shop/user-1': 1, 'shop/user-2': 1 } },
  });
  t.deepEqual(weightsOf(world), { 'shop/user-1': 1, 'shop/user-2': 1 });
  t.is(world.store.read('overrides').count, 0);
});

test('a backend may be named by its address', async (t) => {
  const world = await World.of(t, shop);
  t.deepEqual(await world.view.setWeights(service, new Map([['10.1.0.2', 4]])), {
    ok: true,
    value: { service, weights: { 'shop/user-1': 1, 'shop/user-2': 4 } },
  });
  t.deepEqual(weightsOf(world), { 'shop/user-1': 1, 'shop/user-2': 4 });
});

test('all unknown backends are named, and nothing changes', async (t) => {
  const world = await World.of(t, shop);
  const outcome = await world.view.setWeights(
    service,
    new Map([
      ['shop/zed', 1],
      ['shop/user-1', 2],
      ['shop/ann', 1],
    ]),
  );
  t.deepEqual(refusal(outcome), {
    type: 'invalid',
    message: 'Service shop/user-service has no backend shop/ann, shop/zed',
  });
  t.deepEqual(weightsOf(world), { 'shop/user-1': 1, 'shop/user-2': 1 });
});

for (const weight of [-1, 65_536, 0.5, Number.NaN]) {
  test(`${weight} is no weight`, async (t) => {
    const world = await World.of(t, shop);
    t.deepEqual(refusal(await world.view.setWeights(service, new Map([['shop/user-1', weight]]))), {
      type: 'invalid',
      message: `weights are whole numbers from 0 to 65535, not shop/user-1=${weight}`,
    });
  });
}

test('an unknown Service, and one of sources that have not synced', async (t) => {
  const world = await World.of(t, shop);
  t.deepEqual(refusal(await world.view.setWeights('shop/none', new Map())), {
    type: 'unknown',
    message: 'there is no Service shop/none',
  });
  world.sources = [{ name: '/manifests', synced: false, trouble: '', objects: 0 }];
  t.is(refusal(await world.view.setWeights('shop/none', new Map()))?.type, 'not-ready');
  t.is(refusal(await world.view.drain('shop/none'))?.type, 'not-ready');
});

test('no room for the overrides: the old weights stay', async (t) => {
  const world = await World.of(t, shop, { capacities: { overrides: 1 } });
  await world.view.setWeights(service, new Map([['shop/user-1', 2]]));
  const two = new Map([
    ['shop/user-1', 3],
    ['shop/user-2', 3],
  ]);
  t.deepEqual(refusal(await world.view.setWeights(service, two)), {
    type: 'full',
    message: 'table overrides is full: 1 rows',
  });
  t.deepEqual(weightsOf(world), { 'shop/user-1': 2, 'shop/user-2': 1 });
  t.is(refusal(await world.view.drain('shop/user-1'))?.type, 'full');
  t.deepEqual(weightsOf(world), { 'shop/user-1': 2, 'shop/user-2': 1 });
});

test('no room for the slots of new weights: the old weights stay', async (t) => {
  const world = await World.of(t, shop, { capacities: { slots: 2 } });
  t.deepEqual(refusal(await world.view.setWeights(service, new Map([['shop/user-1', 3]]))), {
    type: 'full',
    message: 'the table slots has no room for shop/user-service with these weights; the old ones stay',
  });
  t.deepEqual(weightsOf(world), { 'shop/user-1': 1, 'shop/user-2': 1 });
  t.is(world.store.read('overrides').count, 0);
  t.deepEqual([...world.view.problems().items], []);
});

test('a drained Pod gets weight 0 in every Service that lists it', async (t) => {
  const world = await World.of(t, shop);
  await world.put(`
apiVersion: v1
kind: Service
metadata: { name: twin, namespace: shop }
spec: { clusterIP: 10.96.0.11, selector: { app: user }, ports: [{ port: 80 }] }
`);
  t.deepEqual(await world.view.drain('shop/user-1'), { ok: true, value: { pod: 'shop/user-1', drained: true } });
  t.deepEqual(
    [...world.view.backends().items].map(({ service, backend, state, weight }) => [service, backend, state, weight]),
    [
      ['shop/twin', 'shop/user-1', 'drained', 0],
      ['shop/twin', 'shop/user-2', 'ready', 1],
      ['shop/user-service', 'shop/user-1', 'drained', 0],
      ['shop/user-service', 'shop/user-2', 'ready', 1],
    ],
  );
  t.deepEqual(await world.view.undrain('shop/user-1'), { ok: true, value: { pod: 'shop/user-1', drained: false } });
  t.deepEqual(weightsOf(world), { 'shop/user-1': 1, 'shop/user-2': 1 });
});

test('a Pod that only an endpoint names can be drained; nobody cannot; a drain outlives its Pod', async (t) => {
  const world = await World.of(
    t,
    `
apiVersion: v1
kind: Service
metadata: { name: user-service, namespace: shop }
spec: { clusterIP: 10.96.0.10, ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: user-a, namespace: shop, labels: { kubernetes.io/service-name: user-service } }
addressType: IPv4
ports: [{ port: 80 }]
endpoints: [{ addresses: [10.2.0.1], targetRef: { kind: Pod, name: away, namespace: shop } }]
`,
  );
  t.true((await world.view.drain('shop/away')).ok);
  t.deepEqual(weightsOf(world), { 'shop/away': 0 });
  t.deepEqual(refusal(await world.view.drain('shop/nobody')), {
    type: 'unknown',
    message: 'there is no Pod shop/nobody',
  });
  world.remove('EndpointSlice', 'shop/user-a');
  t.true((await world.view.undrain('shop/away')).ok);
  t.is(refusal(await world.view.undrain('shop/away'))?.type, 'unknown');
});
