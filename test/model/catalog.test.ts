import test from 'ava';
import fc from 'fast-check';
import { Catalog } from '../../agent/model/catalog.js';
import { type Change, keyOf, type MeshObject, type Pod } from '../../agent/model/mesh.js';
import {
  findings,
  parsed,
  type Raw,
  rawGatewayApi,
  rawIstio,
  rawPod,
  rawRule,
  rawService,
  rawSlice,
} from './objects.js';

function put(...objects: MeshObject[]): Change[] {
  return objects.map((object) => ({ type: 'put', object }));
}

function service(name: string, selector?: Raw): MeshObject {
  return parsed('Service', { ...rawService(selector === undefined ? {} : { selector }), metadata: { name } });
}

function pod(name: string, labels: Raw, address = '10.1.0.1', more: Raw = {}): MeshObject {
  return parsed('Pod', { ...rawPod(name, labels, { podIP: address }), ...more });
}

function slice(name: string, of: string, endpoints: readonly Raw[]): MeshObject {
  return parsed('EndpointSlice', rawSlice({ endpoints }, name, of));
}

function rule(name: string, host: string, metadata: Raw = {}): MeshObject {
  return parsed('DestinationRule', rawRule({ host }, { name, ...metadata }));
}

function node(name: string, zone: string): MeshObject {
  const labels = { 'topology.kubernetes.io/zone': zone };
  return parsed('Node', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
}

function namespace(name: string, mesh?: string): MeshObject {
  const labels = mesh === undefined ? {} : { 'weft.dev/mesh': mesh };
  return parsed('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

test('a Pod touches the Services that selected it before and those that do now', (t) => {
  const catalog = new Catalog();
  catalog.apply(
    put(service('a', { app: 'a' }), service('b', { app: 'b' }), service('c', { app: 'c' }), pod('p', { app: 'a' })),
  );
  const touched = catalog.apply(put(pod('p', { app: 'b' })));
  t.deepEqual([...touched.services].sort(), ['default/a', 'default/b']);
  t.deepEqual([...touched.pods], ['default/p']);
});

test('a slice touches its Service, and the one it belonged to before', (t) => {
  const catalog = new Catalog();
  catalog.apply(put(slice('s', 'a', [])));
  t.deepEqual([...catalog.apply(put(slice('s', 'b', []))).services], ['default/a', 'default/b']);
  t.deepEqual(
    [...catalog.apply([{ type: 'remove', kind: 'EndpointSlice', key: 'default/s' }]).services],
    ['default/b'],
  );
  t.is(catalog.slicesOf('default/b').length, 0);
});

test('a node touches everything, but only when its zone changes', (t) => {
  const catalog = new Catalog();
  catalog.apply(put(service('a'), service('b')));
  t.is(catalog.apply(put(node('n', 'z1'))).services.size, 2);
  t.is(catalog.apply(put(node('n', 'z1'))).services.size, 0);
});

test('a Namespace touches its Pods when its label changes', (t) => {
  const catalog = new Catalog();
  catalog.apply(put(pod('p', {}), namespace('default')));
  t.deepEqual([...catalog.apply(put(namespace('default', 'enabled'))).pods], ['default/p']);
  t.is(catalog.apply(put(namespace('default', 'enabled'))).pods.size, 0);
});

test('a wildcard rule touches the Services it covers', (t) => {
  const catalog = new Catalog();
  catalog.apply(put(service('a'), service('b')));
  const touched = catalog.apply(put(rule('r', '*.default.svc.cluster.local')));
  t.deepEqual([...touched.services].sort(), ['default/a', 'default/b']);
  t.true(touched.rules);
  t.is(catalog.apply(put(rule('s', '*.other.svc.cluster.local'))).services.size, 0);
});

test('the rule of a Service: own namespace, exact before wildcard, older, then by name', (t) => {
  const created = (year: number) => ({ creationTimestamp: `${year}-01-01T00:00:00Z` });
  const host = 'a.default.svc.cluster.local';
  const ranked = [
    rule('old', 'a', created(2020)),
    rule('x', 'a.default', created(2021)),
    rule('y', 'a', created(2021)),
    rule('longer', '*.default.svc.cluster.local', created(2019)),
    rule('shorter', '*.cluster.local', created(2018)),
    rule('foreign', host, { namespace: 'other', ...created(2010) }),
    rule('any', '*', { namespace: 'other', ...created(2009) }),
  ];
  for (let first = 0; first < ranked.length; first++) {
    const catalog = new Catalog();
    catalog.apply(put(service('a'), ...ranked.slice(first).toReversed()));
    t.is(catalog.ruleFor('default/a'), ranked[first] as never);
  }
});

test('of Pods with one address the running one that has it for itself is meant', (t) => {
  const catalog = new Catalog();
  const done = parsed('Pod', rawPod('a', {}, { podIP: '10.1.0.1', phase: 'Succeeded' }));
  catalog.apply(put(done, pod('b', {}, '10.1.0.1', { spec: { hostNetwork: true } }), pod('c', {})));
  t.is(catalog.podByAddress('10.1.0.1')?.meta.name, 'c');
  catalog.apply([{ type: 'remove', kind: 'Pod', key: 'default/c' }]);
  t.is(catalog.podByAddress('10.1.0.1')?.meta.name, 'b');
});

test('which Pods are captured', (t) => {
  const netns = (name: string, labels: Raw = {}) =>
    parsed('Pod', rawPod(name, labels, {}, { annotations: { 'weft.dev/netns': name } }));
  const own = (labels: Raw = {}, rest: Partial<Pod> = {}): Pod => ({
    ...parsed('Pod', rawPod('a', labels, {})),
    uid: '6f1b7cb8-0d5f-4b0e-9a53-111111111111',
    node: 'here',
    ...rest,
  });
  const enabled = { 'weft.dev/mesh': 'enabled' };
  const disabled = { 'weft.dev/mesh': 'disabled' };
  const catalog = new Catalog();
  t.true(catalog.isMeshed(netns('a')));
  t.false(catalog.isMeshed(netns('a', disabled)));
  t.false(catalog.isMeshed(parsed('Pod', rawPod('a', enabled, {}))), 'nobody knows where it lives');
  t.false(catalog.isMeshed(own()));
  t.true(catalog.isMeshed(own(enabled)));
  t.false(catalog.isMeshed(own(enabled, { hostNetwork: true })));
  t.false(catalog.isMeshed(own(enabled, { node: '' })), 'of another node');
  catalog.apply(put(namespace('default', 'enabled')));
  t.true(catalog.isMeshed(own()));
  t.false(catalog.isMeshed(own(disabled)));
  catalog.apply(put(namespace('default', 'disabled')));
  t.false(catalog.isMeshed(netns('a')));
});

/** Everything that compile can see of one Service, found by looking at every object. */
function seen(objects: readonly MeshObject[], key: string): unknown {
  const [space, name] = key.split('/');
  const found = objects.find((object) => object.kind === 'Service' && keyOf(object) === key);
  if (found?.kind !== 'Service') return undefined;
  const pods = objects.filter((object) => object.kind === 'Pod');
  const slices = objects
    .filter((object) => object.kind === 'EndpointSlice')
    .filter((object) => object.service === name && object.meta.namespace === space)
    .sort((a, b) => (a.meta.name < b.meta.name ? -1 : 1));
  const selector = Object.entries(found.selector ?? {});
  const matching = pods
    .filter(
      ({ meta }) => meta.namespace === space && selector.length > 0 && selector.every(([k, v]) => meta.labels[k] === v),
    )
    .sort((a, b) => (a.meta.name < b.meta.name ? -1 : 1));
  const zones = objects
    .filter((object) => object.kind === 'Node')
    .filter(({ zone }) => zone !== '')
    .map((object) => `${object.meta.name}=${object.zone}`);
  const rules = objects.filter((object) => object.kind === 'DestinationRule' && [name, '*'].includes(object.host));
  const named = slices.flatMap((each) =>
    each.endpoints.map((endpoint) =>
      endpoint.pod === ''
        ? pods
            .filter((object) => object.addresses.includes(endpoint.address))
            .map(keyOf)
            .sort()
        : endpoint.node || (pods.find((object) => keyOf(object) === `${space}/${endpoint.pod}`)?.node ?? ''),
    ),
  );
  return JSON.stringify([
    found,
    slices,
    matching,
    named,
    zones.sort(),
    rules.map((each) => [keyOf(each), each]).sort(),
  ]);
}

const names = fc.constantFrom('a', 'b', 'c');
const labels = fc.dictionary(fc.constantFrom('app', 'tier'), fc.constantFrom('x', 'y'), { maxKeys: 2 });
const address = fc.constantFrom('10.1.0.1', '10.1.0.2', '10.1.0.3');
const endpoint = fc.record(
  {
    addresses: fc.tuple(address),
    targetRef: fc.record({ kind: fc.constant('Pod'), name: names }),
    nodeName: fc.constantFrom('n'),
  },
  { requiredKeys: ['addresses'] },
);
const anyObject: fc.Arbitrary<MeshObject> = fc.oneof(
  fc.tuple(names, fc.option(labels, { nil: undefined })).map(([name, selector]) => service(name, selector)),
  fc
    .tuple(names, labels, address, fc.constantFrom('n', 'm'))
    .map(([name, map, at, nodeName]) => pod(name, map, at, { spec: { nodeName } })),
  fc.tuple(names, names, fc.array(endpoint, { maxLength: 3 })).map(([name, of, list]) => slice(name, of, list)),
  fc.tuple(names, fc.constantFrom('a', 'b', '*')).map(([name, host]) => rule(name, host)),
  fc.tuple(fc.constantFrom('n', 'm'), fc.constantFrom('', 'z')).map(([name, zone]) => node(name, zone)),
);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: anyObject.map((object): Change => ({ type: 'put', object })) },
  {
    weight: 1,
    arbitrary: anyObject.map((object): Change => ({ type: 'remove', kind: object.kind, key: keyOf(object) })),
  },
);

test('what a batch does not touch has not changed, and the indexes say what a search of everything says', (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (batches) => {
      const catalog = new Catalog();
      const objects = new Map<string, MeshObject>();
      for (const batch of batches) {
        const before = [...objects.values()];
        for (const each of batch) {
          if (each.type === 'put') objects.set(`${each.object.kind} ${keyOf(each.object)}`, each.object);
          else objects.delete(`${each.kind} ${each.key}`);
        }
        const touched = catalog.apply(batch);
        const after = [...objects.values()];
        for (const key of ['default/a', 'default/b', 'default/c']) {
          if (!touched.services.has(key)) t.deepEqual(seen(after, key), seen(before, key));
          const found = catalog.service(key);
          t.is(found, objects.get(`Service ${key}`) as never);
          if (found === undefined) continue;
          const view = JSON.parse((seen(after, key) as string) ?? '[]') as unknown[];
          t.deepEqual(JSON.parse(JSON.stringify([catalog.slicesOf(key), catalog.podsMatching(found)])), [
            view[1],
            view[2],
          ]);
        }
        const endpoints = after.flatMap((each) => (each.kind === 'EndpointSlice' ? each.endpoints : []));
        t.is(catalog.endpointCount, endpoints.length);
      }
    }),
    { numRuns: 400 },
  );
});

const routing: readonly MeshObject[] = [
  parsed('VirtualService', rawIstio('VirtualService', { hosts: ['a'], http: [{ redirect: { uri: '/' } }] })),
  parsed('DestinationRule', rawRule({})),
  parsed('Gateway', rawIstio('Gateway', { servers: [{ port: { number: 80, protocol: 'HTTP' }, hosts: ['*'] }] })),
  parsed('ServiceEntry', rawIstio('ServiceEntry', { hosts: ['a.example.com'] })),
  parsed('GatewayClass', rawGatewayApi('GatewayClass', { controllerName: 'weft.dev/gateway' })),
  parsed(
    'KubernetesGateway',
    rawGatewayApi('Gateway', { gatewayClassName: 'w', listeners: [{ name: 'a', port: 80, protocol: 'HTTP' }] }),
  ),
  parsed('HTTPRoute', rawGatewayApi('HTTPRoute', {})),
  parsed('GRPCRoute', rawGatewayApi('GRPCRoute', {})),
  parsed('ReferenceGrant', rawGatewayApi('ReferenceGrant', { from: [], to: [] })),
  parsed('Secret', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    stringData: { 'ca.crt': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----' },
  }),
];

for (const object of routing) {
  test(`a ${object.kind} comes and goes, and both concern HTTP rules`, (t) => {
    const catalog = new Catalog();
    const lists = (): readonly MeshObject[] => [
      ...catalog.virtualServices(),
      ...catalog.destinationRules(),
      ...catalog.istioGateways(),
      ...catalog.serviceEntries(),
      ...catalog.gatewayClasses(),
      ...catalog.kubernetesGateways(),
      ...catalog.httpRoutes(),
      ...catalog.grpcRoutes(),
      ...catalog.referenceGrants(),
      ...[catalog.secret('default/s')].filter((each) => each !== undefined),
    ];
    const { routing: came, others } = catalog.apply(put(object));
    t.true(came);
    t.false(others);
    t.deepEqual(lists(), [object]);
    t.deepEqual([...catalog.objects()], [object]);
    t.is(catalog.object(object.kind, keyOf(object)), object);
    const gone = catalog.apply([{ type: 'remove', kind: object.kind, key: keyOf(object) }]);
    t.true(gone.routing);
    t.deepEqual(lists(), []);
  });
}

test('endpoints and Deployments do not concern HTTP rules; Services, places and labels of namespaces do', (t) => {
  const catalog = new Catalog();
  const concerns = (...objects: MeshObject[]) => catalog.apply(put(...objects)).routing;
  t.true(concerns(service('a', { app: 'a' })));
  t.false(concerns(service('a', { app: 'a' })));
  t.true(concerns(service('a', { app: 'b' })));
  t.false(concerns(pod('p', { app: 'a' })));
  t.false(concerns(slice('s', 'a', [{ addresses: ['10.1.0.1'] }])));
  const deployment = parsed('Deployment', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { template: { metadata: { labels: { app: 'a' } } } },
  });
  const touched = catalog.apply(put(deployment));
  t.deepEqual([touched.routing, touched.others], [false, true]);
  t.deepEqual([...catalog.deployments()], [deployment]);
  t.true(concerns(node('n', 'z')));
  t.false(concerns(node('n', 'z')));
  t.true(concerns(namespace('x', 'enabled')));
  t.false(concerns(namespace('x', 'enabled')));
  t.true(concerns(namespace('x')));
  t.true(catalog.apply([{ type: 'remove', kind: 'Service', key: 'default/a' }]).routing);
  t.false(catalog.apply([{ type: 'remove', kind: 'Service', key: 'default/a' }]).routing);
});

test('a rule for some clients only is not that of connections', (t) => {
  const catalog = new Catalog();
  const raw = rawRule({ workloadSelector: { matchLabels: { app: 'x' } } }, { name: 'a' });
  t.deepEqual(findings(raw), []);
  catalog.apply(put(service('web'), parsed('DestinationRule', raw)));
  t.is(catalog.ruleFor('default/web'), undefined);
  const forAll = rule('b', 'web');
  catalog.apply(put(forAll));
  t.is(catalog.ruleFor('default/web'), forAll as never);
  t.is(catalog.rulesNaming('default/web').length, 2);
});

test('one endpoint among 10 000 Services costs far less than a millisecond', (t) => {
  const catalog = new Catalog();
  const objects: MeshObject[] = [];
  for (let index = 0; index < 10_000; index++) {
    objects.push(service(`s${index}`, { app: `s${index}` }));
    objects.push(slice(`s${index}-a`, `s${index}`, [{ addresses: ['10.1.0.1'] }]));
  }
  catalog.apply(put(...objects));
  const changed = slice('s5000-a', 's5000', [{ addresses: ['10.1.0.2'] }]);
  const took = Array.from({ length: 201 }, () => {
    const start = performance.now();
    t.is(catalog.apply(put(changed)).services.size, 1);
    return performance.now() - start;
  });
  t.true(took.sort((a, b) => a - b)[100]! < 1, `median ${took[100]} ms`);
});
