import test from 'ava';
import { workloadOfLabels } from '../../../agent/compile/workload.js';
import { pod, rule, service, variantFor, World } from './world.js';

const key = 'api.example.com:80';

/** ServiceEntry `shop/api`, the rest of its spec in flow style. */
function entry(spec: string, meta = 'name: api, namespace: shop'): string {
  return `
kind: ServiceEntry
metadata: {${meta}}
spec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}], ${spec}}
`;
}

/** A VirtualService of mesh that leads web to a host. */
function to(host: string, port = 80): string {
  return `
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{route: [{destination: {host: "${host}", port: {number: ${port}}}}]}]}
`;
}

function endpointsOf(world: World, name = key): readonly string[] {
  return world.cluster(name).endpoints.map(({ address, port, weight }) => `${address}:${port} x${weight}`);
}

const rows: readonly (readonly [title: string, spec: string, resolution: string, endpoints: readonly string[]])[] = [
  ['STATIC', 'resolution: STATIC, endpoints: [{address: 192.168.0.1}]', 'static', ['192.168.0.1:80 x1']],
  [
    'weights',
    'resolution: STATIC, endpoints: [{address: 192.168.0.1, weight: 3}, {address: 192.168.0.2}]',
    'static',
    ['192.168.0.1:80 x3', '192.168.0.2:80 x1'],
  ],
  [
    'ports of an endpoint',
    'resolution: STATIC, endpoints: [{address: 192.168.0.1, ports: {http: 8080}}]',
    'static',
    ['192.168.0.1:8080 x1'],
  ],
  ['DNS, the host itself', 'resolution: DNS', 'dns', ['api.example.com:80 x1']],
  [
    'DNS, other names',
    'resolution: DNS, endpoints: [{address: a.example.com}, {address: b.example.com, ports: {http: 81}}]',
    'dns',
    ['a.example.com:80 x1', 'b.example.com:81 x1'],
  ],
  ['DNS_ROUND_ROBIN', 'resolution: DNS_ROUND_ROBIN', 'dns', ['api.example.com:80 x1']],
  ['NONE', 'resolution: NONE', 'none', []],
];

for (const [title, spec, resolution, expected] of rows) {
  test(`ServiceEntry: ${title}`, (t) => {
    const world = new World([service(), entry(spec), to('api.example.com')]);
    t.is(world.cluster(key).resolution, resolution as 'dns');
    t.is(world.cluster(key).service, '');
    t.deepEqual(endpointsOf(world), expected);
  });
}

test('no cluster for a port that the entry does not have, nor for an entry that no rule names', (t) => {
  const static_ = entry('resolution: STATIC, endpoints: [{address: 192.168.0.1}]');
  const other = new World([service(), static_, to('api.example.com', 81)]).compiler.snapshot.clusters;
  t.deepEqual(Object.keys(other), ['web.shop.svc.cluster.local:80']);
  const unnamed = new World([service(), static_]).compiler.snapshot.clusters;
  t.deepEqual(Object.keys(unnamed), ['web.shop.svc.cluster.local:80']);
});

test('targetPort of the port', (t) => {
  const text = entry('resolution: DNS').replace('protocol: HTTP}', 'protocol: HTTP, targetPort: 443}');
  t.deepEqual(endpointsOf(new World([service(), text, to('api.example.com')])), ['api.example.com:443 x1']);
});

test('locality and labels of an endpoint', (t) => {
  const labelled = entry(
    'location: MESH_INTERNAL, resolution: STATIC, endpoints: [{address: 192.168.0.1, locality: r/z/s, labels: {app: db, version: v3}}]',
  );
  const [endpoint] = new World([service(), labelled, to('api.example.com')]).cluster(key).endpoints;
  t.deepEqual(endpoint!.locality, { region: 'r', zone: 'z', subzone: 's' });
  t.deepEqual(endpoint!.workload, workloadOfLabels('', 'shop', { app: 'db', version: 'v3' }));
});

test('workloadSelector: ready Pods of the namespace, and what becomes of them', (t) => {
  const selecting = entry('resolution: STATIC, workloadSelector: {labels: {app: vm}}');
  const unready = pod('vm-2', '10.2.0.2', '{app: vm}', ', conditions: [{type: Ready, status: "False"}]');
  const vms = [pod('vm-1', '10.2.0.1', '{app: vm}'), unready, pod('other', '10.2.0.3', '{app: other}')];
  const world = new World([service(), selecting, ...vms, to('api.example.com')]);
  t.deepEqual(endpointsOf(world), ['10.2.0.1:80 x1']);
  t.is(world.cluster(key).endpoints[0]!.name, 'shop/vm-1');
});

test('a wildcard host stands for the names below it', (t) => {
  const wide = entry('resolution: NONE').replace('hosts: [api.example.com]', 'hosts: ["*.example.com"]');
  const world = new World([service(), wide, to('deep.api.example.com')]);
  t.is(world.cluster('deep.api.example.com:80').resolution, 'none');
});

test('DestinationRules and subsets are about the host', (t) => {
  const two = entry(
    'resolution: STATIC, subjectAltNames: [san.example.com], endpoints: [{address: 192.168.0.1, labels: {v: a}}, {address: 192.168.0.2, labels: {v: b}}]',
  );
  const tls = rule(
    'trafficPolicy: {tls: {mode: SIMPLE}}, subsets: [{name: b, labels: {v: b}}]',
    'name: api, namespace: shop',
    'api.example.com',
  );
  const text = to('api.example.com').replace('port: {', 'subset: b, port: {');
  const world = new World([service(), two, tls, text]);
  t.deepEqual(world.members(`${key}|b`), ['192.168.0.2:80']);
  t.deepEqual(world.policy(`${key}|b`).tls!.subjectAltNames, ['san.example.com']);
  const own = tls.replace('mode: SIMPLE', 'mode: SIMPLE, subjectAltNames: [own.example.com]');
  t.deepEqual(new World([service(), two, own, text]).policy(`${key}|b`).tls!.subjectAltNames, ['own.example.com']);
});

test('exportTo: clients of other namespaces have nobody', (t) => {
  const some = entry('resolution: DNS, exportTo: [client]');
  const cluster = new World([service(), some, to('api.example.com')]).cluster(key);
  t.is(variantFor(cluster, 'client', {}).members, undefined);
  t.deepEqual(variantFor(cluster, 'else', {}).members, []);
  t.is(
    variantFor(new World([service(), entry('resolution: DNS'), to('api.example.com')]).cluster(key), 'else', {})
      .members,
    undefined,
  );
});

test('entries of one host add up; the older decides how it is resolved', (t) => {
  const when = (name: string, year: number) =>
    `name: ${name}, namespace: shop, creationTimestamp: "${year}-01-01T00:00:00Z"`;
  const one = entry('resolution: STATIC, endpoints: [{address: 192.168.0.1}]', when('b', 2024));
  const two = entry('resolution: STATIC, endpoints: [{address: 192.168.0.2}, {address: 192.168.0.1}]', when('a', 2025));
  const dns = entry('resolution: DNS', when('c', 2025));
  const world = new World([service(), one, two, dns, to('api.example.com')]);
  t.deepEqual(endpointsOf(world), ['192.168.0.1:80 x1', '192.168.0.2:80 x1']);
});

const addressed = 'addresses: [240.0.0.1, "2001:db8::1"], endpoints: [{address: 192.168.0.1}]';
const ruled = `
kind: VirtualService
metadata: {name: api, namespace: shop}
spec: {hosts: [api.example.com], http: [{timeout: 1s, route: [{destination: {host: api.example.com}}]}]}
`;

test('a host with addresses is an addressee when a rule is bound to it', (t) => {
  const world = new World([entry(`resolution: STATIC, ${addressed}`), ruled]);
  const { targets } = world.compiler.snapshot;
  t.deepEqual(Object.keys(targets), ['shop/api.example.com:80/TCP/4', 'shop/api.example.com:80/TCP/6']);
  const target = targets['shop/api.example.com:80/TCP/4']!;
  t.is(target.host, 'api.example.com');
  t.is(target.cluster, key);
  t.is(target.detection, 'http');
  t.deepEqual(target.addresses, ['240.0.0.1']);
  t.deepEqual(
    target.http.sets.map(({ resource }) => resource),
    ['VirtualService shop/api'],
  );
  t.deepEqual(world.findings(), []);
  t.is(world.compiler.gatewayOf('shop/api.example.com', 80), 'bypass');
  t.deepEqual(Object.keys(new World([entry(`resolution: STATIC, ${addressed}`)]).compiler.snapshot.targets), []);
});

test('a wildcard rule is bound to hosts of ServiceEntries too', (t) => {
  const wide = ruled.replace('hosts: [api.example.com]', 'hosts: ["*.example.com"]');
  const world = new World([entry(`resolution: STATIC, ${addressed}`), wide]);
  t.is(Object.keys(world.compiler.snapshot.targets).length, 2);
});

test('a host whose endpoints are names is always the gateway’s', (t) => {
  const { targets, clusters } = new World([entry('resolution: DNS, addresses: [240.0.0.1]')]).compiler.snapshot;
  t.deepEqual(Object.keys(targets), ['shop/api.example.com:80/TCP/4']);
  t.is(clusters[key]!.resolution, 'dns');
});

test('a rule of a host without addresses is told', (t) => {
  const [found] = new World([entry('resolution: DNS'), ruled]).findings();
  t.regex(
    found!,
    /^WEFT0412 VirtualService shop\/api spec.hosts\[0\]: no ServiceEntry gives api.example.com addresses/,
  );
});
