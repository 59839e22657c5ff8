import test from 'ava';
import type { Cluster } from '../../../agent/balance/cluster.js';
import { noOverrides } from '../../../agent/compile/plan.js';
import { nobody, workloadOfLabels } from '../../../agent/compile/workload.js';
import { pod, rule, service, World } from './world.js';

const key = 'web.shop.svc.cluster.local:80';

/** A VirtualService of mesh that leads `web` to these destinations, in flow style. */
function route(...destinations: readonly string[]): string {
  const list = destinations.map((each) => `{destination: ${each}, weight: 1}`).join(', ');
  return `
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{route: [${list}]}]}
`;
}

/** `NAME ADDRESS:PORT xWEIGHT STATE`, sorted as the cluster has them. */
function endpoints({ endpoints: all }: Cluster): readonly string[] {
  return all.map(({ name, address, port, weight, state }) => `${name} ${address}:${port} x${weight} ${state}`);
}

test('the cluster of a Service port: its Pods, with what metrics call them', (t) => {
  const { endpoints: found, ...cluster } = new World([service()]).cluster(key);
  t.deepEqual(
    { ...cluster, variants: cluster.variants.length },
    {
      key,
      host: 'web.shop.svc.cluster.local',
      service: 'shop/web',
      port: 80,
      subset: '',
      resolution: 'static',
      variants: 1,
    },
  );
  t.deepEqual(found[0], {
    name: 'shop/web-1',
    address: '10.1.0.1',
    port: 8080,
    weight: 1,
    state: 'ready',
    locality: { region: '', zone: '', subzone: '' },
    node: 'here',
    labels: {},
    workload: workloadOfLabels('web', 'shop', { app: 'web', version: 'v1' }),
  });
});

test('who is not ready is no endpoint; who ends is a standby', (t) => {
  const unready = pod('web-3', '10.1.0.3', '{app: web}', ', conditions: [{type: Ready, status: "False"}]');
  const ending = pod('web-2', '10.1.0.2', '{app: web}').replace(
    'name: web-2,',
    'name: web-2, deletionTimestamp: "2026-01-01T00:00:00Z",',
  );
  const world = new World([service(), unready, ending]);
  t.deepEqual(endpoints(world.cluster(key)), [
    'shop/web-1 10.1.0.1:8080 x1 ready',
    'shop/web-2 10.1.0.2:8080 x1 standby',
  ]);
});

test('manual weights and drains of the node count', (t) => {
  const weights = new Map([['shop/web', new Map([['shop/web-1', 3]])]]);
  const weighted = new World([service()], { overrides: () => ({ ...noOverrides, weights }) });
  t.deepEqual(endpoints(weighted.cluster(key)), [
    'shop/web-1 10.1.0.1:8080 x3 ready',
    'shop/web-2 10.1.0.2:8080 x1 ready',
  ]);
  const drained = new World([service()], { overrides: () => ({ ...noOverrides, drained: new Set(['shop/web-1']) }) });
  t.deepEqual(endpoints(drained.cluster(key)), ['shop/web-2 10.1.0.2:8080 x1 ready']);
});

test('a Pod of two families is one endpoint, by the first family of the Service', (t) => {
  const both = service()
    .replace('clusterIP: 10.96.0.10', 'clusterIPs: ["fd00::1", 10.96.0.10]')
    .replaceAll(/podIP: (10\.1\.0\.(\d))/g, 'podIPs: [{ip: $1}, {ip: "fd01::$2"}]');
  const alone = pod('web-3', '10.1.0.3', '{app: web}');
  t.deepEqual(endpoints(new World([both, alone]).cluster(key)), [
    'shop/web-1 fd01::1:8080 x1 ready',
    'shop/web-2 fd01::2:8080 x1 ready',
    'shop/web-3 10.1.0.3:8080 x1 ready',
  ]);
});

test('an endpoint without a Pod is named by its place', (t) => {
  const slice = `
kind: EndpointSlice
metadata: {name: a, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 9000}]
endpoints: [{addresses: [192.168.0.1], zone: z}]
`;
  const [endpoint] = new World([service(), slice]).cluster(key).endpoints;
  t.is(endpoint!.name, '192.168.0.1:9000');
  t.is(endpoint!.locality.zone, 'z');
  t.is(endpoint!.workload, nobody);
});

test('endpoints know where they are, and the labels that failoverPriority names', (t) => {
  const node = `
kind: Node
metadata: {name: here, labels: {topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z, topology.istio.io/subzone: s}}
`;
  const priority = rule(
    'trafficPolicy: {outlierDetection: {}, loadBalancer: {localityLbSetting: {failoverPriority: [version, topology.kubernetes.io/zone, "app=web"]}}}',
  );
  const world = new World([service(), node, priority]);
  const [endpoint] = world.cluster(key).endpoints;
  t.deepEqual(endpoint!.locality, { region: 'r', zone: 'z', subzone: 's' });
  t.deepEqual(endpoint!.labels, { version: 'v1', app: 'web', 'topology.kubernetes.io/zone': 'z' });
  t.deepEqual(world.compiler.snapshot.locality, { region: 'r', zone: 'z', subzone: 's' });
  t.is(world.compiler.snapshot.clients['shop/web-1']!.labels['topology.kubernetes.io/region'], 'r');
});

test('a headless Service is a destination, though never captured', (t) => {
  const headless = service('peers')
    .replace('clusterIP: 10.96.0.10', 'clusterIP: None')
    .replaceAll('10.1.0.', '10.1.1.');
  const world = new World([service(), headless, route('{host: peers}')]);
  t.deepEqual(endpoints(world.cluster('peers.shop.svc.cluster.local:80')), [
    'shop/peers-1 10.1.1.1:8080 x1 ready',
    'shop/peers-2 10.1.1.2:8080 x1 ready',
  ]);
  t.deepEqual(Object.keys(world.compiler.snapshot.targets), ['shop/web:80/TCP/4']);
});

test('an ExternalName Service is a name to resolve', (t) => {
  const external = `
kind: Service
metadata: {name: out, namespace: shop}
spec: {type: ExternalName, externalName: db.example.com., ports: [{name: http, port: 80}]}
`;
  const cluster = new World([service(), external, route('{host: out}')]).cluster('out.shop.svc.cluster.local:80');
  t.is(cluster.resolution, 'dns');
  t.deepEqual(endpoints(cluster), ['db.example.com:80 db.example.com:80 x1 ready']);
});

test('what nobody has is no cluster', (t) => {
  const world = new World([
    service(),
    route('{host: none}', '{host: web, port: {number: 81}}', '{host: web, subset: v9}'),
  ]);
  t.deepEqual(Object.keys(world.compiler.snapshot.clusters), [key]);
});

const versions = 'subsets: [{name: v1, labels: {version: v1}}, {name: all}, {name: none, labels: {version: v9}}]';

test('a subset has the Pods with its labels', (t) => {
  const to = route('{host: web, subset: v1}', '{host: web, subset: all}', '{host: web, subset: none}');
  const world = new World([service(), rule(versions), to]);
  t.deepEqual(world.members(`${key}|v1`), ['shop/web-1']);
  t.deepEqual(world.members(`${key}|all`), ['shop/web-1', 'shop/web-2']);
  t.deepEqual(world.members(`${key}|none`), []);
  t.is(world.cluster(`${key}|v1`).endpoints.length, 1);
  t.is(world.cluster(`${key}|v1`).variants[0]!.members, undefined);
});

/** Which rule each kind of client gets, by the size that it gives maxConnections. */
function limits(
  rules: readonly string[],
  ...clients: readonly (readonly [string, Record<string, string>?])[]
): readonly (number | undefined)[] {
  const world = new World([service(), ...rules]);
  return clients.map(([namespace, labels]) => world.policy(key, namespace, labels).pool.maxConnections);
}

function limiting(limit: number, meta: string, more = '', host = 'web.shop.svc.cluster.local'): string {
  return rule(`trafficPolicy: {connectionPool: {tcp: {maxConnections: ${limit}}}}${more}`, meta, host);
}

const own = limiting(1, 'name: own, namespace: client');
const home = limiting(2, 'name: home, namespace: shop');
const root = limiting(3, 'name: root, namespace: istio-system');

test("a client's namespace decides, then the Service's, then the root namespace", (t) => {
  t.deepEqual(limits([own, home, root], ['client'], ['else'], ['shop'], ['istio-system']), [1, 2, 2, 2]);
  t.deepEqual(limits([own, root], ['client'], ['else'], ['istio-system']), [1, 3, 3]);
  t.deepEqual(limits([own], ['client'], ['else']), [1, undefined]);
});

test('exportTo names the namespaces of clients', (t) => {
  const some = limiting(4, 'name: some, namespace: shop', ', exportTo: [client]');
  t.deepEqual(
    limits([some], ['client'], ['shop'], ['else']),
    [4, undefined, undefined],
    'its own only where it is named',
  );
  const private_ = limiting(5, 'name: private, namespace: shop', ', exportTo: ["."]');
  t.deepEqual(limits([private_, root], ['shop'], ['else']), [5, 3]);
  t.deepEqual(limits([limiting(6, 'name: all, namespace: shop', ', exportTo: ["*"]')], ['else']), [6]);
});

test('workloadSelector names Pods of its own namespace', (t) => {
  const chosen = limiting(7, 'name: chosen, namespace: client', ', workloadSelector: {matchLabels: {app: a}}');
  t.deepEqual(limits([chosen, home], ['client', { app: 'a' }], ['client', { app: 'b' }], ['else', { app: 'a' }]), [
    7,
    undefined,
    2,
  ]);
  t.deepEqual(limits([chosen, own], ['client', { app: 'a' }], ['client', { app: 'b' }]), [7, 1]);
});

test('an exact host goes before wildcards, the longer first', (t) => {
  const wide = limiting(8, 'name: wide, namespace: shop', '', '"*.local"');
  const narrow = limiting(9, 'name: narrow, namespace: shop', '', '"*.shop.svc.cluster.local"');
  t.deepEqual(limits([wide, narrow], ['else']), [9]);
  t.deepEqual(limits([wide, narrow, home], ['else']), [2]);
  t.deepEqual(limits([limiting(8, 'name: other, namespace: shop', '', '"*.example.com"')], ['else']), [undefined]);
});

test('rules of one host and namespace are merged: the policy and each subset of the older one', (t) => {
  const when = (year: number) => `creationTimestamp: "${year}-01-01T00:00:00Z"`;
  const young = rule(
    'trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v1, labels: {version: v2}}, {name: v2, labels: {version: v2}}]',
    `name: a, namespace: shop, ${when(2025)}`,
  );
  const old = rule('subsets: [{name: v1, labels: {version: v1}}]', `name: b, namespace: shop, ${when(2024)}`);
  const world = new World([service(), young, old, route('{host: web, subset: v1}', '{host: web, subset: v2}')]);
  t.deepEqual(world.policy(key).balancing, { type: 'random' });
  t.deepEqual(world.members(`${key}|v1`), ['shop/web-1']);
  t.deepEqual(world.members(`${key}|v2`), ['shop/web-2']);
  const older = rule('trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}', `name: c, namespace: shop, ${when(2023)}`);
  t.deepEqual(new World([service(), young, old, older]).policy(key).balancing, { type: 'round-robin' });
});

test('clients whose rule has no such subset have no member', (t) => {
  const to = route('{host: web, subset: v1}');
  const world = new World([service(), rule(versions, 'name: v, namespace: client', 'web.shop.svc.cluster.local'), to]);
  t.deepEqual(world.members(`${key}|v1`, 'client'), ['shop/web-1']);
  t.deepEqual(world.members(`${key}|v1`, 'else'), []);
});

test('every cluster ends with a variant for everybody, traffic from outside too', (t) => {
  const { clusters } = new World([service(), own, home, root]).compiler.snapshot;
  for (const { variants } of Object.values(clusters)) {
    t.deepEqual(variants.at(-1)!.when, { namespaces: undefined, labels: undefined });
  }
});

test('a snapshot is plain JSON', (t) => {
  const distribute = 'trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 100}}]}}}';
  const world = new World([service(), own, home, rule(`${distribute}, ${versions}`), route('{host: web, subset: v1}')]);
  const { snapshot } = world.compiler;
  t.deepEqual(JSON.parse(JSON.stringify(snapshot)), withoutUndefined(snapshot));
});

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || value instanceof Map || value instanceof Set) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([name, each]) => [name, withoutUndefined(each)]));
}
