import test from 'ava';
import type { EdgeMeasure } from '../../agent/api/measures.js';
import { EdgeLedger } from '../../agent/view/edges.js';
import { shop, World } from './world.js';

function edgesOf(world: World): readonly EdgeMeasure[] {
  return [...world.view.measures().edges];
}

function opened(edges: Iterable<EdgeMeasure>): readonly string[] {
  return [...edges]
    .map(({ source, destination, service, opened }) => {
      return `${source.workload} > ${destination.workload} ${destination.version} (${service || '-'}) ${opened}`;
    })
    .sort();
}

test('an edge has the identities of both ends', async (t) => {
  const world = await World.of(t, shop);
  world.edge(
    { pod: 1, ...world.idsOf('shop/user-service', 'shop/user-1') },
    {
      opened: 3,
      closed: 2,
      failed: 1,
      sentBytes: 10,
      receivedBytes: 20,
    },
  );
  const [edge, ...others] = edgesOf(world);
  t.deepEqual(others, []);
  t.like(edge, {
    source: {
      workload: 'client',
      namespace: 'shop',
      app: 'client',
      version: 'unknown',
      canonicalService: 'client',
      canonicalRevision: 'latest',
    },
    destination: {
      workload: 'user',
      namespace: 'shop',
      app: 'user',
      version: 'v1',
      canonicalService: 'user',
      canonicalRevision: 'v1',
    },
    service: 'user-service',
    serviceNamespace: 'shop',
    opened: 3,
    closed: 2,
    failed: 1,
    sentBytes: 10,
    receivedBytes: 20,
  });
});

test('what is reported is not the ledger itself', async (t) => {
  const world = await World.of(t, shop);
  const key = { pod: 1, ...world.idsOf('shop/user-service', 'shop/user-1') };
  world.edge(key, { opened: 1 });
  const before = edgesOf(world);
  world.edge(key, { opened: 9 });
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 9']);
  t.deepEqual(opened(before), ['client > user v1 (user-service) 1']);
});

test('sums outlive the backend whose id is given to somebody else', async (t) => {
  const world = await World.of(t, shop);
  const ids = world.idsOf('shop/user-service', 'shop/user-1');
  world.edge({ pod: 1, ...ids }, { opened: 5 });
  edgesOf(world);
  world.edge({ pod: 1, ...ids }, { opened: 7 });
  world.remove('Pod', 'shop/user-1');
  world.settle();
  t.is(world.store.read('edges').count, 0);
  await world.put(`
apiVersion: v1
kind: Pod
metadata: { name: user-3, namespace: shop, labels: { app: user, version: v3 } }
status: { podIP: 10.1.0.3 }
`);
  const heir = world.idsOf('shop/user-service', 'shop/user-3');
  t.is(heir.backend, ids.backend);
  t.not(heir.generation, ids.generation);
  world.edge({ pod: 1, ...heir }, { opened: 2 });
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 7', 'client > user v3 (user-service) 2']);
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 7', 'client > user v3 (user-service) 2']);
});

test('sums outlive the Pod whose id is given to somebody else at once', async (t) => {
  const world = await World.of(t, shop);
  const ids = world.idsOf('shop/user-service', 'shop/user-1');
  world.clock.advance(100);
  world.edge({ pod: 1, ...ids }, { opened: 4 });
  world.sync.change([{ type: 'remove', kind: 'Pod', key: 'shop/client' }]);
  await world.put(`
apiVersion: v1
kind: Pod
metadata: { name: other, namespace: shop, labels: { app: other }, annotations: { weft.dev/netns: other } }
status: { podIP: 10.1.0.8 }
`);
  t.is(world.pods.get('shop/other')?.id, 1);
  world.edge({ pod: 1, ...ids }, { opened: 1 });
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 4', 'other > user v1 (user-service) 1']);
});

test('a Service that is gone keeps its name; one with its id gets only what is new', async (t) => {
  const world = await World.of(t, shop);
  await world.put(`
apiVersion: v1
kind: Service
metadata: { name: stays, namespace: shop }
spec: { clusterIP: 10.96.0.11, selector: { app: user }, ports: [{ port: 80, targetPort: 80 }] }
`);
  const key = { pod: 1, ...world.idsOf('shop/user-service', 'shop/user-1') };
  world.edge(key, { opened: 4 });
  edgesOf(world);
  world.remove('Service', 'shop/user-service');
  world.edge(key, { opened: 5 });
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 5']);
  world.settle();
  await world.put(`
apiVersion: v1
kind: Service
metadata: { name: heir, namespace: shop }
spec: { clusterIP: 10.96.0.12, selector: { app: user }, ports: [{ port: 80, targetPort: 80 }] }
`);
  t.is(world.idsOf('shop/heir', 'shop/user-1').service, key.service);
  world.edge(key, { opened: 8 });
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (heir) 3', 'client > user v1 (user-service) 5']);
});

test('a Pod that gets other labels takes nothing back', async (t) => {
  const world = await World.of(t, shop);
  const key = { pod: 1, ...world.idsOf('shop/user-service', 'shop/user-1') };
  world.edge(key, { opened: 4 });
  edgesOf(world);
  await world.put(`
apiVersion: v1
kind: Pod
metadata: { name: user-1, namespace: shop, labels: { app: user, version: v9 } }
status: { podIP: 10.1.0.1 }
`);
  world.edge(key, { opened: 6 });
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 4', 'client > user v9 (user-service) 2']);
});

test('a row that was removed and made anew counts from the start', async (t) => {
  const world = await World.of(t, shop);
  const key = { pod: 1, ...world.idsOf('shop/user-service', 'shop/user-1') };
  world.edge(key, { opened: 10 });
  edgesOf(world);
  world.edge(key, { opened: 2 });
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 12']);
});

test('the canary is no edge, ids of nobody are unknown', async (t) => {
  const world = await World.of(t, shop);
  world.edge({ pod: 0, service: 1, backend: 1, generation: 1 }, { opened: 1 });
  world.edge({ pod: 77, service: 777, backend: 7, generation: 9 }, { opened: 2 });
  t.deepEqual(opened(edgesOf(world)), ['unknown > unknown unknown (-) 2']);
});

test('rows of an earlier agent wait until ids have names', async (t) => {
  const world = await World.of(t, shop, { started: false });
  world.edge({ pod: 1, service: 1, backend: 1, generation: 1 }, { opened: 3 });
  t.deepEqual(edgesOf(world), []);
  world.sync.start();
  t.deepEqual(opened(edgesOf(world)), ['client > user v1 (user-service) 3']);
});

test('label sets are bounded: those that grew least recently go', async (t) => {
  const world = await World.of(t, shop);
  const ledger = new EdgeLedger(world, 1);
  const one = { pod: 1, ...world.idsOf('shop/user-service', 'shop/user-1') };
  const two = { pod: 1, ...world.idsOf('shop/user-service', 'shop/user-2') };
  world.edge(one, { opened: 1 });
  t.deepEqual(opened(ledger.read().edges), ['client > user v1 (user-service) 1']);
  world.edge(two, { opened: 5 });
  t.deepEqual(opened(ledger.read().edges), ['client > user v2 (user-service) 5']);
  world.edge(one, { opened: 3 });
  const { edges, rows } = ledger.read();
  t.deepEqual(opened(edges), ['client > user v1 (user-service) 2']);
  t.is(rows, 2);
});
