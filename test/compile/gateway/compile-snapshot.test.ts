import test from 'ava';
import fc from 'fast-check';
import { compileSnapshot, SnapshotCompiler } from '../../../agent/compile/compile-snapshot.js';
import { applyDelta, deltaBetween, type SnapshotDelta } from '../../../agent/compile/delta.js';
import { noOverrides, type Overrides } from '../../../agent/compile/plan.js';
import { emptySnapshot, type Snapshot } from '../../../agent/compile/snapshot.js';
import { Catalog } from '../../../agent/model/catalog.js';
import type { Change, MeshObject, Pod } from '../../../agent/model/mesh.js';
import { contextOf, objectsOf, pod, put, remove, rule, service, World } from './world.js';

const key = 'web.shop.svc.cluster.local:80';

function route(spec: string, meta = 'name: web, namespace: shop'): string {
  return `
kind: VirtualService
metadata: {${meta}}
spec: {${spec}}
`;
}

const toWeb = 'http: [{route: [{destination: {host: web}}]}]';

/** Parts of a delta with the keys in them, `-` before those that are gone. */
function shown(delta: SnapshotDelta | undefined): readonly string[] {
  return Object.entries(delta ?? {}).flatMap(([part, changes]) =>
    Object.entries(changes as Record<string, unknown>).map(
      ([name, value]) => `${part} ${value === null ? '-' : ''}${name}`,
    ),
  );
}

test('only Service ports with rules, and what these name, are compiled', (t) => {
  const plain = (name: string) => service(name).replace('weft.dev/l7: enabled', '');
  const world = new World([
    plain('web'),
    plain('other').replaceAll('10.1.0.', '10.1.1.'),
    rule('trafficPolicy: {tls: {mode: SIMPLE}}'),
  ]);
  const { targets, clusters, clients } = world.compiler.snapshot;
  t.deepEqual([targets, clusters, clients], [{}, {}, {}]);
  const ruled = new World([
    plain('web'),
    plain('other').replaceAll('10.1.0.', '10.1.1.'),
    route(`hosts: [web], ${toWeb}`),
  ]);
  t.deepEqual(Object.keys(ruled.compiler.snapshot.targets), ['shop/web:80/TCP/4']);
  t.deepEqual(Object.keys(ruled.compiler.snapshot.clusters), [key]);
  t.deepEqual(Object.keys(ruled.compiler.snapshot.clients), [
    'shop/web-1',
    'shop/web-2',
    'shop/other-1',
    'shop/other-2',
  ]);
  t.is(ruled.compiler.gatewayOf('shop/web', 80), 'bypass');
  t.is(ruled.compiler.gatewayOf('shop/other', 80), 'none');
});

test('an endpoint that changes is its cluster alone; nothing that is equal is told', (t) => {
  const world = new World([service(), route(`hosts: [web], ${toWeb}`)]);
  const change = (...texts: readonly string[]) => world.compiler.update(world.catalog.apply(put(...texts)));
  world.compiler.update({ services: new Set(), pods: new Set(), routing: true });
  const before = world.compiler.snapshot;
  const moved = pod('web-2', '10.1.0.9', '{app: web, version: v2}');
  t.deepEqual(shown(change(moved)), ['clients shop/web-2', `clusters ${key}`]);
  t.is(world.compiler.snapshot.targets, before.targets);
  t.is(world.compiler.snapshot.clients['shop/web-1'], before.clients['shop/web-1']);
  t.is(change(moved), undefined);
  t.deepEqual(shown(change(service())), ['clients shop/web-2', `clusters ${key}`]);
  t.is(change(route(`hosts: [web], ${toWeb}`)), undefined);
});

test('what goes is told, and which Services come and leave', (t) => {
  const world = new World([service().replace('weft.dev/l7: enabled', ''), route(`hosts: [web], ${toWeb}`)]);
  t.deepEqual([...world.compiler.takeMovedServices()], ['shop/web']);
  world.compiler.update({ services: new Set(), pods: new Set(), routing: true });
  const [object] = objectsOf(route(`hosts: [web], ${toWeb}`));
  const delta = world.compiler.update(world.catalog.apply([remove(object!)]));
  t.deepEqual(shown(delta), [
    'targets -shop/web:80/TCP/4',
    'clients -shop/web-1',
    'clients -shop/web-2',
    `clusters -${key}`,
  ]);
  t.deepEqual([...world.compiler.takeMovedServices()], ['shop/web']);
  t.deepEqual([...world.compiler.takeMovedServices()], []);
  t.is(world.compiler.gatewayOf('shop/web', 80), 'none');
});

test('manual weights are a change of the clusters of their Service', (t) => {
  let overrides: Overrides = noOverrides;
  const world = new World([service()], { overrides: () => overrides });
  overrides = { ...noOverrides, weights: new Map([['shop/web', new Map([['shop/web-1', 0]])]]) };
  const delta = world.compiler.update({ services: new Set(['shop/web']), pods: new Set(), routing: false });
  t.deepEqual(shown(delta).includes(`clusters ${key}`), true);
  t.deepEqual(
    world.cluster(key).endpoints.map(({ weight }) => weight),
    [0, 1],
  );
});

test('Pods of an API server are clients where they are enrolled and of this node', (t) => {
  const world = new World([service()], { directoryMode: false });
  const [far, near, other] = objectsOf(
    pod('far', '10.9.0.1', '{weft.dev/mesh: enabled}'),
    pod('near', '10.9.0.2', '{weft.dev/mesh: enabled}'),
    pod('other', '10.9.0.3', '{}'),
  ) as [Pod, Pod, Pod];
  const uid = '6f1b7cb8-0d5f-4b0e-9a53-111111111111';
  const objects = [
    { ...far, uid, node: '' },
    { ...near, uid },
    { ...other, uid },
  ];
  const changes = objects.map((object) => ({ type: 'put' as const, object: { ...object, netns: '' } }));
  world.compiler.update(world.catalog.apply(changes));
  t.deepEqual(
    Object.keys(world.compiler.snapshot.clients).filter((key) => !key.startsWith('shop/web')),
    ['shop/near'],
  );
});

test('a delta makes one snapshot of another, and nothing of equals', (t) => {
  const from = { ...emptySnapshot, ids: { 1: 'a', 2: 'b' }, node: 'n' };
  const to: Snapshot = { ...from, ids: { 1: 'a', 3: 'c' }, accessLog: true };
  const delta = deltaBetween(from, to);
  t.deepEqual(delta, { ids: { 2: null, 3: 'c' }, accessLog: true });
  t.deepEqual(applyDelta(from, delta!), to);
  t.is(applyDelta(from, delta!).clusters, from.clusters);
  t.is(deltaBetween(from, { ...from, ids: { ...from.ids } }), undefined);
});

const pems = Buffer.from('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n').toString('base64');
const keyPem = Buffer.from('-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n').toString('base64');

/** Objects of which meshes are thrown together; several have one name. */
const pool: readonly MeshObject[] = objectsOf(
  service(),
  service().replace('weft.dev/l7: enabled', ''),
  service('api', { port: '{name: grpc, port: 90}' }).replaceAll('10.1.0.', '10.1.1.'),
  pod('web-1', '10.1.0.7', '{app: web, version: v2}'),
  pod('web-3', '10.1.0.3', '{app: web}', ', conditions: [{type: Ready, status: "False"}]'),
  pod('vm-1', '10.2.0.1', '{app: vm}'),
  pod('vm-1', '10.2.0.1', '{app: none}'),
  rule('trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v1, labels: {version: v1}}]'),
  rule('subsets: [{name: v1, labels: {version: v2}}], exportTo: [client]', 'name: b, namespace: shop'),
  rule('trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /none}}', 'name: c, namespace: client', 'web.shop'),
  rule('trafficPolicy: {outlierDetection: {}}', 'name: d, namespace: istio-system', '"*.local"'),
  route('hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]'),
  route('hosts: [web], http: [{route: [{destination: {host: ext.example}}], mirror: {host: api}}]'),
  route(
    'hosts: [a.example], gateways: [gate], http: [{route: [{destination: {host: api}}]}]',
    'name: in, namespace: shop',
  ),
  `
kind: ServiceEntry
metadata: {name: e, namespace: shop}
spec: {hosts: [ext.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, workloadSelector: {labels: {app: vm}}}
`,
  `
kind: ServiceEntry
metadata: {name: e, namespace: shop}
spec: {hosts: [ext.example], addresses: [240.0.0.1], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS, exportTo: [client]}
`,
  `
kind: Node
metadata: {name: here, labels: {topology.kubernetes.io/zone: z}}
`,
  `
kind: Gateway
metadata: {name: gate, namespace: shop}
spec: {selector: {}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
`,
  `
kind: Gateway
metadata: {name: gate, namespace: shop}
spec: {selector: {}, servers: [{port: {number: 443, name: s, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: cert}}]}
`,
  `
kind: Secret
metadata: {name: cert, namespace: shop}
type: kubernetes.io/tls
data: {tls.crt: ${pems}, tls.key: ${keyPem}}
`,
  `
kind: EndpointSlice
metadata: {name: s, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 9000}]
endpoints: [{addresses: [10.1.0.1]}, {addresses: [192.168.0.1]}]
`,
  `
kind: Namespace
metadata: {name: shop, labels: {weft.dev/mesh: disabled}}
`,
);

const batches = fc.array(fc.array(fc.tuple(fc.constantFrom(...pool), fc.boolean()), { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 12,
});

test('kept up to date, a snapshot is what it would be if compiled anew, and the deltas make it', (t) => {
  let withTargets = 0;
  fc.assert(
    fc.property(batches, (steps) => {
      const catalog = new Catalog();
      const compiler = new SnapshotCompiler(catalog, contextOf());
      let mirror: Snapshot = { ...emptySnapshot, node: 'here' };
      for (const step of steps) {
        const changes: Change[] = step.map(([object, isThere]) => (isThere ? { type: 'put', object } : remove(object)));
        const delta = compiler.update(catalog.apply(changes));
        if (delta !== undefined) mirror = applyDelta(mirror, JSON.parse(JSON.stringify(delta)) as SnapshotDelta);
        const { snapshot, findings } = compileSnapshot(catalog, contextOf());
        t.deepEqual(compiler.snapshot, snapshot);
        t.deepEqual(compiler.findings, findings);
        const { generation: _, ids: __, ...mirrored } = mirror;
        t.deepEqual(mirrored, JSON.parse(JSON.stringify(snapshot)) as typeof mirrored);
        withTargets += Object.keys(snapshot.targets).length;
      }
    }),
    { numRuns: 150, seed: 7 },
  );
  t.true(withTargets > 100);
});

test('10 000 plain Services cost next to nothing', (t) => {
  const catalog = new Catalog();
  const [plain] = objectsOf(service().replace('weft.dev/l7: enabled', ''));
  const changes: Change[] = [];
  for (let i = 0; i < 10_000; i++) {
    const object = { ...plain!, meta: { ...plain!.meta, name: `s${i}`, annotations: {} } } as MeshObject;
    changes.push({ type: 'put', object });
  }
  const touched = catalog.apply(changes);
  const compiler = new SnapshotCompiler(catalog, contextOf());
  const seconds = (work: () => unknown) => {
    const begin = process.hrtime.bigint();
    work();
    return Number(process.hrtime.bigint() - begin) / 1e9;
  };
  const all = seconds(() => t.is(compiler.update(touched), undefined));
  const changed = {
    ...plain!,
    meta: { ...plain!.meta, name: 's1', annotations: {}, labels: { new: 'yes' } },
  } as MeshObject;
  const one = catalog.apply([{ type: 'put', object: changed }]);
  t.true(one.routing);
  const again = seconds(() => t.is(compiler.update(one), undefined));
  const endpoints = seconds(() => compiler.update({ services: new Set(['shop/s1']), pods: new Set(), routing: false }));
  t.log(`all ${show(all)}, a Service changed ${show(again)}, its endpoints ${show(endpoints)}`);
  t.true(all < 0.5 && again < 0.1 && endpoints < 0.002);
});

function show(seconds: number): string {
  return `${(seconds * 1000).toFixed(2)} ms`;
}
