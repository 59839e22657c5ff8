import test from 'ava';
import { shop, World } from './world.js';

async function diff(world: World, yaml: string): Promise<readonly string[]> {
  const outcome = await world.view.diff(yaml);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
  return [...outcome.value.items].map(
    ({ action, table, key, before, after }) => `${action} ${table} ${key} | ${before} | ${after}`,
  );
}

test('validate places problems in the text, also those between its objects', async (t) => {
  const world = await World.of(t);
  const outcome = await world.view.validate(`apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  clusterIP: 10.96.0.1
  selector: { app: nobody }
  ports: [{ port: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: broken }
spec: { clusterIP: 10.96.0.2, ports: [{ port: -1 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.3, selector: { app: nobody }, ports: [{ port: 80 }] }
`);
  t.true(outcome.ok);
  if (!outcome.ok) return;
  t.is(outcome.value.objects, 2);
  t.deepEqual(
    outcome.value.problems.map(({ file, line, code, resource, path }) => `${file}:${line} ${code} ${resource} ${path}`),
    [
      '-:6 WEFT0403 Service default/web spec.selector',
      '-:12 WEFT0207 Service default/broken spec.ports[0].port',
      '-:16 WEFT0501 Service default/web metadata.name',
    ],
  );
});

test('validate knows nothing of the objects that are in effect', async (t) => {
  const world = await World.of(t, shop);
  const outcome = await world.view.validate(`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: user, namespace: shop }
spec: { host: user-service }
`);
  t.deepEqual(outcome.ok && outcome.value.problems.map(({ code }) => code), ['WEFT0401']);
});

test('text that is no YAML is a problem, not an error', async (t) => {
  const world = await World.of(t);
  const outcome = await world.view.validate('a: [');
  t.like(outcome, { ok: true, value: { objects: 0 } });
  t.like(outcome.ok && outcome.value.problems[0], { code: 'WEFT0101', file: '-' });
  t.deepEqual(await world.view.validate(''), { ok: true, value: { objects: 0, problems: [] } });
});

test('the same objects again change nothing', async (t) => {
  const world = await World.of(t, shop);
  t.deepEqual(await diff(world, shop.split('---').slice(0, 3).join('---')), []);
});

test('a new Service, one more endpoint, another policy', async (t) => {
  const world = await World.of(t, shop);
  t.deepEqual(
    await diff(
      world,
      `
apiVersion: v1
kind: Service
metadata: { name: order, namespace: shop }
spec: { clusterIP: 10.96.0.20, selector: { app: order }, ports: [{ port: 80 }], sessionAffinity: ClientIP }
---
apiVersion: v1
kind: Pod
metadata: { name: order-1, namespace: shop, labels: { app: order } }
status: { podIP: 10.1.0.30 }
---
apiVersion: v1
kind: Pod
metadata: { name: user-3, namespace: shop, labels: { app: user } }
status: { podIP: 10.1.0.3 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: user, namespace: shop }
spec: { host: user-service, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
`,
    ),
    [
      'add backends 10.1.0.3:80 TCP |  | shop/user-3',
      'add backends 10.1.0.30:80 TCP |  | shop/order-1',
      'change frontends 10.96.0.10:8080 TCP | service shop/user-service LEAST_REQUEST slots 2 weight 2 | service shop/user-service ROUND_ROBIN slots 3 weight 3',
      'add frontends 10.96.0.20:80 TCP |  | service shop/order LEAST_REQUEST slots 1 weight 1 affinity 10800',
      'add slots shop/order:80/TCP/4 10.1.0.30:80 |  | backend shop/order-1 weight 1',
      'add slots shop/user-service:8080/TCP/4 10.1.0.3:80 |  | backend shop/user-3 weight 1',
    ],
  );
  t.is(world.catalog.service('shop/order'), undefined);
  t.is([...world.view.backends().items].length, 2);
});

test('an endpoint that moves or is not ready any more', async (t) => {
  const world = await World.of(t, shop);
  t.deepEqual(
    await diff(
      world,
      `
apiVersion: v1
kind: Pod
metadata: { name: user-1, namespace: shop, labels: { app: user } }
status: { podIP: 10.1.0.1, conditions: [{ type: Ready, status: 'False' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: user-2, namespace: shop, labels: { app: user } }
status: { podIP: 10.1.0.22 }
`,
    ),
    [
      'remove backends 10.1.0.2:80 TCP | shop/user-2 | ',
      'add backends 10.1.0.22:80 TCP |  | shop/user-2',
      'change frontends 10.96.0.10:8080 TCP | service shop/user-service LEAST_REQUEST slots 2 weight 2 | service shop/user-service LEAST_REQUEST slots 1 weight 1',
      'remove slots shop/user-service:8080/TCP/4 10.1.0.1:80 | backend shop/user-1 weight 1 | ',
      'remove slots shop/user-service:8080/TCP/4 10.1.0.2:80 | backend shop/user-2 weight 1 | ',
      'add slots shop/user-service:8080/TCP/4 10.1.0.22:80 |  | backend shop/user-2 weight 1',
    ],
  );
});

test('what another Service lists as well neither comes nor goes', async (t) => {
  const world = await World.of(t, shop);
  const twin = (clusterIP: string, selector: string): string => `
apiVersion: v1
kind: Service
metadata: { name: twin, namespace: shop }
spec: { clusterIP: ${clusterIP}, selector: { app: ${selector} }, ports: [{ port: 8080, targetPort: 80 }] }
`;
  t.deepEqual(await diff(world, twin('10.96.0.11', 'user')), [
    'add frontends 10.96.0.11:8080 TCP |  | service shop/twin LEAST_REQUEST slots 2 weight 2',
    'add slots shop/twin:8080/TCP/4 10.1.0.1:80 |  | backend shop/user-1 weight 1',
    'add slots shop/twin:8080/TCP/4 10.1.0.2:80 |  | backend shop/user-2 weight 1',
  ]);
  await world.put(twin('10.96.0.11', 'user'));
  t.deepEqual(await diff(world, twin('10.96.0.11', 'none')), [
    'change frontends 10.96.0.11:8080 TCP | service shop/twin LEAST_REQUEST slots 2 weight 2 | service shop/twin LEAST_REQUEST slots 0 weight 0',
    'remove slots shop/twin:8080/TCP/4 10.1.0.1:80 | backend shop/user-1 weight 1 | ',
    'remove slots shop/twin:8080/TCP/4 10.1.0.2:80 | backend shop/user-2 weight 1 | ',
  ]);
});

test('weights and drains of this node are in what a diff shows', async (t) => {
  const world = await World.of(t, shop);
  await world.view.drain('shop/user-3');
  t.is((await world.view.drain('shop/user-3')).ok, false);
  await world.view.setWeights('shop/user-service', new Map([['shop/user-1', 7]]));
  const rows = await diff(
    world,
    `
apiVersion: v1
kind: Pod
metadata: { name: user-3, namespace: shop, labels: { app: user } }
status: { podIP: 10.1.0.3 }
`,
  );
  t.true(
    rows.includes(
      'change frontends 10.96.0.10:8080 TCP | service shop/user-service LEAST_REQUEST slots 2 weight 8 | service shop/user-service LEAST_REQUEST slots 3 weight 9',
    ),
  );
});

test('a Pod that would be captured', async (t) => {
  const world = await World.of(t, shop);
  t.deepEqual(
    await diff(
      world,
      `
apiVersion: v1
kind: Pod
metadata: { name: new, namespace: shop, annotations: { weft.dev/netns: new } }
status: { podIP: 10.1.0.50 }
`,
    ),
    ['add pods shop/new |  | netns new 10.1.0.50'],
  );
});

test('warnings of the text come with the diff, errors refuse it', async (t) => {
  const world = await World.of(t, shop);
  const dangling = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: none, namespace: shop }
spec: { host: none }
`;
  const outcome = await world.view.diff(dangling);
  t.deepEqual(outcome.ok && outcome.value.problems.map(({ code, line }) => `${code} ${line}`), ['WEFT0401 4']);
  const refused = await world.view.diff(dangling.replace('none }\n', 'none, nonsense: 1 }\n'));
  t.like(refused, { ok: false, refusal: { type: 'invalid', message: 'the manifests have errors' } });
  t.is(!refused.ok && refused.refusal.problems[0]?.code, 'WEFT0302');
});
