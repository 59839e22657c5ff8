import test from 'ava';
import fc from 'fast-check';
import { parseObject } from '../../agent/model/parse.js';
import { problemCodes } from '../../agent/model/problem-codes.js';
import {
  findings,
  origin,
  parsed,
  type Raw,
  rawGatewayApi,
  rawIstio,
  rawPod,
  rawRule,
  rawService,
  rawSlice,
} from './objects.js';

const objects: readonly (readonly [string, unknown, readonly string[]])[] = [
  ['text', 'x', ['WEFT0201 error ']],
  ['a list', [], ['WEFT0201 error ']],
  ['an empty mapping', {}, ['WEFT0202 error apiVersion', 'WEFT0202 error kind']],
  ['a kind that is a number', { apiVersion: 'v1', kind: 5 }, ['WEFT0205 error kind']],
  ['a kind of others', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }, ['WEFT0301 warning kind']],
  ['a misspelt kind', { apiVersion: 'v1', kind: 'Servce', metadata: { name: 'a' } }, ['WEFT0301 warning kind']],
  ['no metadata', { apiVersion: 'v1', kind: 'Pod' }, ['WEFT0203 error metadata']],
  ['no name', { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'a-' } }, ['WEFT0203 error metadata.name']],
  ['a name in capitals', rawPod('A', {}, {}), ['WEFT0204 error metadata.name']],
  [
    'a Service name that begins with a digit',
    { ...rawService({}), metadata: { name: '1a' } },
    ['WEFT0204 error metadata.name'],
  ],
  ['a namespace with a dot', rawPod('p', {}, {}, { namespace: 'a.b' }), ['WEFT0204 error metadata.namespace']],
  ['an unknown field beside spec', rawRule({}, { name: 'a' }), []],
  ['an unknown field beside spec of Istio', { ...rawRule({}), specs: {} }, ['WEFT0302 error specs']],
  [
    'a Namespace label of another value',
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a', labels: { 'weft.dev/mesh': 'yes' } } },
    ['WEFT0216 error metadata.labels["weft.dev/mesh"]'],
  ],
  [
    'an annotation that is misspelt',
    { ...rawService({}), metadata: { name: 'a', annotations: { 'weft.dev/balancng': 'random' } } },
    ['WEFT0309 error metadata.annotations["weft.dev/balancng"]'],
  ],
  [
    'an annotation of another value',
    { ...rawService({}), metadata: { name: 'a', annotations: { 'weft.dev/on-removal': 'kill' } } },
    ['WEFT0216 error metadata.annotations["weft.dev/on-removal"]'],
  ],
  [
    'annotations of others',
    { ...rawService({}), metadata: { name: 'a', annotations: { 'x.dev/y': 'anything at all' } } },
    [],
  ],
  ['a Secret of another type', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, type: 'Opaque' }, []],
];

for (const [title, raw, expected] of objects) {
  test(`Object: ${title}`, (t) => {
    t.deepEqual(findings(raw), expected);
  });
}

test('an invalid object is still known by its kind and name', (t) => {
  const { object, ref } = parseObject(rawService({ ports: [{ port: -1 }] }), origin);
  t.is(object, undefined);
  t.deepEqual(ref, { kind: 'Service', key: 'default/web' });
});

test('cluster-scoped kinds have no namespace', (t) => {
  const node = parsed('Node', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n', namespace: 'x', labels: { 'topology.kubernetes.io/zone': 'z' } },
  });
  t.is(node.meta.namespace, '');
  t.is(node.zone, 'z');
});

test('a Node says its whole locality by its labels', (t) => {
  const labels = {
    'topology.kubernetes.io/region': 'r',
    'topology.kubernetes.io/zone': 'z',
    'topology.istio.io/subzone': 's',
  };
  const { region, zone, subzone } = parsed('Node', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', labels } });
  t.deepEqual({ region, zone, subzone }, { region: 'r', zone: 'z', subzone: 's' });
  const bare = parsed('Node', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
  t.deepEqual([bare.region, bare.zone, bare.subzone], ['', '', '']);
});

test('a misspelt field of a route is an error at its place', (t) => {
  const raw = rawIstio('VirtualService', { hosts: ['a'], http: [{ route: [{ destination: { hots: 'a' } }] }] });
  t.deepEqual(findings(raw), [
    'WEFT0302 error spec.http[0].route[0].destination.hots',
    'WEFT0208 error spec.http[0].route[0].destination.host',
  ]);
});

test('of a Deployment its Pods’ labels are kept', (t) => {
  const deployment = parsed('Deployment', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'a' },
    spec: {
      selector: { matchLabels: { app: 'a' } },
      template: { metadata: { labels: { app: 'a' } }, spec: { anything: 1 } },
    },
  });
  t.deepEqual(deployment.podLabels, { app: 'a' });
});

test('nothing makes parsing throw, and every finding has a code, a path within bounds and a message', (t) => {
  const words = fc.constantFrom(
    ...[
      'metadata',
      'name',
      'namespace',
      'labels',
      'annotations',
      'spec',
      'status',
      'ports',
      'port',
      'endpoints',
      'addresses',
    ],
    ...[
      'conditions',
      'host',
      'trafficPolicy',
      'loadBalancer',
      'consistentHash',
      'podIPs',
      'ip',
      '__proto__',
      'constructor',
    ],
    ...[
      'toString',
      'weft.dev/mesh',
      'x'.repeat(10_240),
      '',
      'selector',
      'clusterIP',
      'portLevelSettings',
      'http',
      'route',
    ],
  );
  const leaf = fc.oneof(
    fc.constantFrom(
      null,
      true,
      false,
      -1,
      0,
      80,
      65_536,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '10.0.0.1',
      '::',
      'None',
    ),
    fc.string(),
    fc.constantFrom('a', 'A', 'TCP', 'SCTP', 'x'.repeat(10_240), '1h', 'ROUND_ROBIN', '*', '*.a', 'a.b.c'),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(words, tie('tree'), { maxKeys: 5 }),
    ),
  }));
  const kinds = fc.constantFrom<Raw>(
    rawService({}),
    rawSlice({}),
    rawPod('p', {}, {}),
    rawRule({}),
    rawIstio('VirtualService', {}),
    rawIstio('Gateway', {}),
    rawIstio('ServiceEntry', {}),
    rawGatewayApi('HTTPRoute', {}),
    rawGatewayApi('Gateway', {}),
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } },
  );
  fc.assert(
    fc.property(kinds, fc.dictionary(words, tree, { maxKeys: 6 }), tree, (base, more, alone) => {
      for (const raw of [{ ...base, ...more }, { ...base, spec: more }, alone]) {
        const { object, findings: found } = parseObject(raw, origin);
        for (const finding of found) {
          t.true(finding.code in problemCodes);
          t.true(finding.path.length < 1_000 && finding.message !== '' && finding.message.length < 1_000);
        }
        t.true(object === undefined || found.every(({ severity }) => severity === 'warning'));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a cyclic value ends', (t) => {
  const cyclic: Raw = rawRule({});
  cyclic.spec = cyclic;
  (cyclic as { metadata: Raw }).metadata.labels = cyclic;
  t.true(findings(cyclic).length > 0);
});

test('an object with ten thousand mistakes gives a hundred findings', (t) => {
  t.is(findings(rawService({ ports: Array.from({ length: 10_000 }, () => ({ port: -1 })) })).length, 100);
});
