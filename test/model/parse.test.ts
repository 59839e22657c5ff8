import test from 'ava';
import fc from 'fast-check';
import type { OtherObject } from '../../agent/model/mesh.js';
import { parseObject } from '../../agent/model/parse.js';
import { problemCodes } from '../../agent/model/problem-codes.js';
import { findings, origin, parsed, type Raw, rawPod, rawRule, rawService, rawSlice } from './objects.js';

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
    'balancing that is not there yet',
    { ...rawService({}), metadata: { name: 'a', annotations: { 'weft.dev/balancing': 'adaptive' } } },
    ['WEFT0311 warning metadata.annotations["weft.dev/balancing"]'],
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

function istio(kind: string, spec: Raw): Raw {
  return { apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'a', namespace: 'ns' }, spec };
}

function gatewayApi(kind: string, spec: Raw): Raw {
  return { apiVersion: 'gateway.networking.k8s.io/v1', kind, metadata: { name: 'a', namespace: 'ns' }, spec };
}

const references: readonly (readonly [string, OtherObject['kind'], Raw, readonly string[]])[] = [
  [
    'a VirtualService',
    'VirtualService',
    istio('VirtualService', {
      hosts: ['web'],
      gateways: ['mesh', 'g', 'other/g'],
      http: [
        {
          match: [{ uri: { prefix: '/' } }],
          route: [
            { destination: { host: 'web', port: { number: 80 } }, weight: 1 },
            { destination: { host: 'web.b' } },
          ],
          mirror: { host: 'web.b.svc.cluster.local' },
        },
      ],
      tcp: [{ route: [{ destination: { host: 'db.example.com' } }] }],
    }),
    [
      'Gateway ns/g spec.gateways[1]',
      'Gateway other/g spec.gateways[2]',
      'Service ns/web spec.http[0].route[0].destination.host',
      'Service b/web spec.http[0].route[1].destination.host',
      'Service b/web spec.http[0].mirror.host',
      'Host db.example.com spec.tcp[0].route[0].destination.host',
    ],
  ],
  [
    'a Gateway of Istio',
    'Gateway',
    istio('Gateway', {
      selector: { istio: 'ingressgateway' },
      servers: [
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          hosts: ['*'],
          tls: { mode: 'SIMPLE', credentialName: 'c' },
        },
      ],
    }),
    ['Secret ns/c spec.servers[0].tls.credentialName'],
  ],
  [
    'a Gateway of the Gateway API',
    'KubernetesGateway',
    gatewayApi('Gateway', {
      gatewayClassName: 'weft',
      listeners: [{ name: 'a', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'c' }] } }],
    }),
    ['GatewayClass /weft spec.gatewayClassName', 'Secret ns/c spec.listeners[0].tls.certificateRefs[0].name'],
  ],
  [
    'an HTTPRoute',
    'HTTPRoute',
    gatewayApi('HTTPRoute', {
      parentRefs: [{ name: 'g' }, { kind: 'Service', group: '', name: 'web' }],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          backendRefs: [{ name: 'web', namespace: 'b', port: 80 }],
        },
      ],
    }),
    [
      'KubernetesGateway ns/g spec.parentRefs[0].name',
      'Service ns/web spec.parentRefs[1].name',
      'Service b/web spec.rules[0].backendRefs[0].name',
    ],
  ],
];

for (const [title, kind, raw, expected] of references) {
  test(`${title} refers to others, and is not enforced yet`, (t) => {
    const object = parsed(kind, raw) as OtherObject;
    t.deepEqual(
      object.refers.map((each) => `${each.kind} ${each.key} ${each.path}`),
      expected,
    );
    t.deepEqual(findings(raw), ['WEFT0306 warning spec']);
  });
}

test('a misspelt field of a route is an error at its place', (t) => {
  const raw = istio('VirtualService', { hosts: ['a'], http: [{ route: [{ destination: { hots: 'a' } }] }] });
  t.deepEqual(findings(raw), [
    'WEFT0306 warning spec',
    'WEFT0302 error spec.http[0].route[0].destination.hots',
    'WEFT0208 error spec.http[0].route[0].destination.host',
  ]);
});

test('of a Deployment its Pods’ labels are kept, of a Secret only that it is there', (t) => {
  const deployment = parsed('Deployment', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'a' },
    spec: {
      selector: { matchLabels: { app: 'a' } },
      template: { metadata: { labels: { app: 'a' } }, spec: { anything: 1 } },
    },
  });
  t.deepEqual((deployment as OtherObject).podLabels, { app: 'a' });
  const secret = parseObject(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      type: 'kubernetes.io/tls',
      data: { 'tls.key': 'c2VjcmV0' },
    },
    origin,
  );
  t.false(JSON.stringify(secret).includes('c2VjcmV0'));
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
    istio('VirtualService', {}),
    istio('Gateway', {}),
    istio('ServiceEntry', {}),
    gatewayApi('HTTPRoute', {}),
    gatewayApi('Gateway', {}),
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
