import test from 'ava';
import { indexKey } from '../../agent/kernel/store.js';
import { shop, World } from './world.js';

function lines(world: World, ...tables: readonly string[]): readonly string[] {
  return [...world.view.tables().items]
    .filter(({ table }) => tables.includes(table))
    .map(({ table, key, desired, kernel, drift }) => `${table} ${key} | ${desired} | ${kernel}${drift ? ' !' : ''}`);
}

const row = (text: string): string => `${text} | ${text}`;

test('rows as desired and as they are', async (t) => {
  const world = await World.of(t, shop);
  await world.view.setWeights('shop/user-service', new Map([['shop/user-1', 3]]));
  await world.view.drain('shop/client');
  t.deepEqual(
    lines(world, 'backends', 'frontends', 'overrides', 'slots', 'pods').map((line) =>
      line.replace(/hash4 \d+/g, 'hash4 N'),
    ),
    [
      `backends 1 | ${row('10.1.0.1:80 TCP alive generation 1')}`,
      `backends 2 | ${row('10.1.0.2:80 TCP alive generation 1')}`,
      `frontends 10.96.0.10:8080 TCP | ${row('service 1 LEAST_REQUEST slots 2+2 weight 4 stride 3')}`,
      `overrides drain shop/client | ${row('drained')}`,
      `overrides weight shop/user-service shop/user-1 | ${row('weight 3')}`,
      `pods netns 4001 | ${row('pod 1 10.1.0.9 hash4 N')}`,
      `slots 2 | ${row('backend 1 weight 3 cumulative 3 threshold 4 alias 0')}`,
      `slots 3 | ${row('backend 2 weight 1 cumulative 4 threshold 2 alias 0')}`,
    ],
  );
});

test('a row that somebody else changed, removed or added drifts; repair ends that', async (t) => {
  const world = await World.of(t, shop);
  const backend = new Uint8Array(24);
  world.store.update('backends', { keys: indexKey(2), values: backend, count: 1 });
  const frontends = world.store.read('frontends');
  world.store.remove('frontends', frontends.keys, 1);
  const stranger = frontends.keys.slice();
  stranger[15] = 99;
  world.store.update('frontends', { keys: stranger, values: frontends.values, count: 1 });
  t.deepEqual(
    lines(world, 'backends', 'frontends').filter((line) => line.endsWith('!')),
    [
      'backends 2 | 10.1.0.2:80 TCP alive generation 1 | :0 0 gone generation 0 !',
      'frontends 10.96.0.10:8080 TCP | service 1 LEAST_REQUEST slots 0+2 weight 2 stride 1 |  !',
      'frontends 10.96.0.99:8080 TCP |  | service 1 LEAST_REQUEST slots 0+2 weight 2 stride 1 !',
    ],
  );
  world.sync.verify();
  t.deepEqual(
    lines(world, 'backends', 'frontends').filter((line) => line.endsWith('!')),
    [],
  );
});

test('rows of the programs are shown without anything desired, empty ones are not', async (t) => {
  const world = await World.of(t, shop);
  const { service, backend, generation } = world.idsOf('shop/user-service', 'shop/user-1');
  world.edge({ pod: 1, service, backend, generation }, { opened: 2, sentBytes: 5 });
  t.deepEqual(lines(world, 'edges', 'backend_states', 'service_states'), [
    `edges pod 1 service ${service} backend ${backend} generation 1 |  | opened 2 closed 0 failed 0 sent 5 received 0`,
  ]);
});

test('tables come in order, and their rows in the order of their numbers', async (t) => {
  const endpoints = Array.from({ length: 12 }, (_, i) => `{ addresses: ['10.2.0.${i + 1}'] }`).join(', ');
  const world = await World.of(
    t,
    `
apiVersion: v1
kind: Service
metadata: { name: many, namespace: shop }
spec: { clusterIP: 10.96.0.10, ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: many-a, namespace: shop, labels: { kubernetes.io/service-name: many } }
addressType: IPv4
ports: [{ port: 80 }]
endpoints: [${endpoints}]
`,
  );
  const items = [...world.view.tables().items];
  t.deepEqual(
    items.filter(({ table }) => table === 'backends').map(({ key }) => key),
    Array.from({ length: 12 }, (_, i) => String(i + 1)),
  );
  const tables = items.map(({ table }) => table);
  t.deepEqual(tables, tables.toSorted());
});
