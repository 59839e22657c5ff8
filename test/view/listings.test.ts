import test from 'ava';
import { frontendKey } from '../../agent/kernel/frontends.js';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  BackendStateRowSize,
  Protocol,
  readFrontendRow,
  ServiceStateRowSize,
  writeBackendStateRow,
} from '../../agent/tables/layout.gen.js';
import { shop, World } from './world.js';

/** As the programs count. */
function count(world: World, backend: number, inflight: number, opened: number, failed: number): void {
  const values = new Uint8Array(BackendStateRowSize);
  const row = { inflight, opened: BigInt(opened), failed: BigInt(failed), connectNs: 0n };
  writeBackendStateRow(row, viewOf(values), 0);
  world.store.update('backend_states', { keys: indexKey(backend), values, count: 1 });
}

test('Services with their ports, weights and connections in flight', async (t) => {
  const world = await World.of(t, shop);
  await world.view.setWeights('shop/user-service', new Map([['shop/user-2', 0]]));
  const values = new Uint8Array(ServiceStateRowSize);
  viewOf(values).setUint32(4, 3, true);
  world.store.update('service_states', {
    keys: indexKey(world.idsOf('shop/user-service', 'shop/user-1').service),
    values,
    count: 1,
  });
  await world.put(`
apiVersion: v1
kind: Service
metadata: { name: headless, namespace: shop }
spec: { clusterIP: None, selector: { app: user }, ports: [{ port: 80 }] }
`);
  const { generation, items } = world.view.services();
  t.is(generation, world.sync.generation);
  t.deepEqual(
    [...items],
    [
      {
        service: 'shop/headless',
        namespace: 'shop',
        name: 'headless',
        addresses: [],
        ports: [
          {
            name: '',
            port: 80,
            protocol: 'TCP',
            policy: 'PASSTHROUGH',
            policySource: 'default',
            backends: 0,
            usable: 0,
            inflight: 0,
            maxConnections: 0,
            affinitySeconds: 0,
          },
        ],
        weights: {},
        file: 'mesh.yaml',
      },
      {
        service: 'shop/user-service',
        namespace: 'shop',
        name: 'user-service',
        addresses: ['10.96.0.10'],
        ports: [
          {
            name: 'http',
            port: 8080,
            protocol: 'TCP',
            policy: 'LEAST_REQUEST',
            policySource: 'default',
            backends: 2,
            usable: 1,
            inflight: 3,
            maxConnections: 0,
            affinitySeconds: 0,
          },
        ],
        weights: { 'shop/user-2': 0 },
        file: 'mesh.yaml',
      },
    ],
  );
});

test('backends of both families, sorted by name, with what the kernel counted', async (t) => {
  const world = await World.of(
    t,
    `
apiVersion: v1
kind: Service
metadata: { name: dual, namespace: shop }
spec: { clusterIPs: [10.96.0.10, 'fd00:96::10'], clusterIP: 10.96.0.10, ipFamilyPolicy: RequireDualStack, selector: { app: user }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: b, namespace: shop, labels: { app: user } }
spec: { nodeName: here }
status: { podIP: 10.1.0.1, podIPs: [{ ip: 10.1.0.1 }, { ip: 'fd00::1' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: a, namespace: shop, labels: { app: user } }
status: { podIP: 10.1.0.2, podIPs: [{ ip: 10.1.0.2 }, { ip: 'fd00::2' }] }
`,
  );
  await world.view.setWeights('shop/dual', new Map([['shop/a', 3]]));
  const { backend } = world.idsOf('shop/dual', 'shop/a');
  count(world, backend, 2, 9, 1);
  const rows = [...world.view.backends().items].map(
    ({ backend, address, port, node, weight, probability, inflight, opened, failed }) =>
      [backend, address, port, node, weight, probability, inflight, opened, failed].join(' '),
  );
  t.deepEqual(rows, [
    'shop/a 10.1.0.2 80  3 0.75 2 9 1',
    'shop/a fd00::2 80  3 0.75 0 0 0',
    'shop/b 10.1.0.1 80 here 1 0.25 0 0 0',
    'shop/b fd00::1 80 here 1 0.25 0 0 0',
  ]);
});

test('a listing stays as it was while the mesh changes', async (t) => {
  const world = await World.of(t, shop);
  const { generation, items } = world.view.backends();
  world.remove('Service', 'shop/user-service');
  t.true(world.sync.generation > generation);
  t.deepEqual(
    [...items].map(({ backend }) => backend),
    ['shop/user-1', 'shop/user-2'],
  );
  t.deepEqual([...world.view.backends().items], []);
});

const service = (name: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: 10.96.0.20, selector: { app: user }, ports: [{ port: 80 }] }
`;

test('of two Services with one address the route is that of the one whose row is in the table', async (t) => {
  const world = await World.of(t, shop);
  await world.put(service('late'));
  await world.put(service('early'));
  const key = frontendKey({ address: '10.96.0.20', port: 80, protocol: Protocol.TCP });
  const row = readFrontendRow(viewOf(world.store.lookup('frontends', key)!), 0);
  const owner = [...world.reconciler.programmed()].find((each) => each.service === row.service)!.plan.service;
  const routes = [...world.view.routes().items].map(
    ({ address, port, service, path, backends, usable }) =>
      `${address}:${port} ${service} ${path} ${backends} ${usable}`,
  );
  t.deepEqual(routes, [`10.96.0.20:80 ${owner} l4 2 2`, '10.96.0.10:8080 shop/user-service l4 2 2']);
});

test('a Service that does not fit is left alone: its endpoints are counted, none is used', async (t) => {
  const world = await World.of(t, shop, { capacities: { slots: 1 } });
  const [item] = world.view.services().items;
  t.like(item!.ports[0], { backends: 2, usable: 0, policy: 'LEAST_REQUEST' });
  t.deepEqual([...world.view.backends().items], []);
  t.deepEqual([...world.view.routes().items], []);
});

test('Pods say whether they are captured, and why not', async (t) => {
  const world = await World.of(
    t,
    `${shop}
---
apiVersion: v1
kind: Pod
metadata: { name: off, namespace: shop, labels: { weft.dev/mesh: disabled }, annotations: { weft.dev/netns: off } }
status: { podIP: 10.1.0.10 }
---
apiVersion: v1
kind: Pod
metadata: { name: host, namespace: shop }
spec: { hostNetwork: true }
status: { podIP: 10.1.0.11 }
---
apiVersion: v1
kind: Pod
metadata: { name: done, namespace: shop }
status: { podIP: 10.1.0.12, phase: Succeeded }
---
apiVersion: v1
kind: Pod
metadata: { name: quiet, namespace: off, annotations: { weft.dev/netns: quiet } }
status: { podIP: 10.1.0.13 }
---
apiVersion: v1
kind: Namespace
metadata: { name: off, labels: { weft.dev/mesh: disabled } }
`,
  );
  await world.view.drain('shop/user-1');
  const pods = [...world.view.pods().items];
  t.deepEqual(
    pods.map(({ pod, captured, why, drained }) => `${pod} ${captured} ${drained} ${why}`),
    [
      'off/quiet false false label weft.dev/mesh of Namespace off is disabled',
      'shop/client true false ',
      'shop/done false false it has ended',
      "shop/host false false it is in the host's network",
      'shop/off false false label weft.dev/mesh is disabled',
      'shop/user-1 false true no annotation weft.dev/netns says where it lives',
      'shop/user-2 false false no annotation weft.dev/netns says where it lives',
    ],
  );
  t.like(pods[1], { addresses: ['10.1.0.9'], workload: 'client', ready: true, terminating: false });
});
