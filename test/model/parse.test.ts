import test from 'ava';
import fc from 'fast-check';
import { parseObject } from '../../agent/model/parse.js';
import type { Finding } from '../../agent/model/problem.js';
import { problemCodes } from '../../agent/model/problem-codes.js';
import { referencesOf } from '../../agent/model/refers.js';
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
  ['a Service name that begins with a digit', { ...rawService({}), metadata: { name: '1a' } }, []],
  ['a Service name of digits alone', { ...rawService({}), metadata: { name: '2048' } }, []],
  [
    'a Service name that begins with a -',
    { ...rawService({}), metadata: { name: '-a' } },
    ['WEFT0204 error metadata.name'],
  ],
  ['a Service name with a dot', { ...rawService({}), metadata: { name: 'a.b' } }, ['WEFT0204 error metadata.name']],
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

const namespaceLabelled = (value: unknown): Raw => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'a', labels: { 'weft.dev/mesh': value } },
});

const serviceAnnotated = (annotations: Raw): Raw => ({ ...rawService({}), metadata: { name: 'web', annotations } });

test('a name that is nearly right is corrected in the fix', (t) => {
  const fixOf = (raw: Raw) => parseObject(raw, origin).findings.map(({ fix }) => fix);
  const named = (name: string) => fixOf({ ...rawService({}), metadata: { name } });
  t.deepEqual(named('My_Shop.'), ['did you mean "my-shop"?']);
  t.deepEqual(named('-1st'), ['did you mean "1st"?']);
  t.deepEqual(named('a.b'), ['did you mean "a-b"?']);
  t.deepEqual(named('---'), ['write a name of the form that the message describes']);
  t.deepEqual(named('a'.repeat(64)), ['write a name of the form that the message describes']);
  t.deepEqual(fixOf(rawService({ ports: [{ name: 'HTTP__Web', port: 80 }] })), ['did you mean "http-web"?']);
});

const slips: readonly (readonly [string, Raw, string])[] = [
  ['a mesh label of another value', rawPod('p', { 'weft.dev/mesh': 'on' }, {}), 'WEFT0216'],
  ['a mesh label without quotes', rawPod('p', { 'weft.dev/mesh': true }, {}), 'WEFT0216'],
  ['a mesh label that is no value of labels', rawPod('p', { 'weft.dev/mesh': 'on!' }, {}), 'WEFT0216'],
  ['an empty mesh label', rawPod('p', { 'weft.dev/mesh': null }, {}), 'WEFT0216'],
  ['a label that is misspelt', rawPod('p', { 'weft.dev/mash': 'enabled' }, {}), 'WEFT0309'],
  ['a label key that is none', rawPod('p', { 'weft.dev/a b': 'enabled' }, {}), 'WEFT0309'],
  ['a Namespace label of another value', namespaceLabelled('true'), 'WEFT0216'],
  ['an annotation of another value', serviceAnnotated({ 'weft.dev/on-removal': 'kill' }), 'WEFT0216'],
  ['an annotation that is a number', serviceAnnotated({ 'weft.dev/balancing': 5 }), 'WEFT0216'],
  ['an annotation that is misspelt', serviceAnnotated({ 'weft.dev/balancng': 'random' }), 'WEFT0309'],
  ['a network namespace without quotes', rawPod('p', {}, {}, { annotations: { 'weft.dev/netns': 5 } }), 'WEFT0216'],
  ['a path of a cgroup', rawPod('p', {}, {}, { annotations: { 'weft.dev/cgroup': '../x' } }), 'WEFT0216'],
];

for (const [title, raw, code] of slips) {
  test(`An object stays, and counts as without it: ${title}`, (t) => {
    const { object, isInvalid, findings: found } = parseObject(raw, origin);
    t.deepEqual(
      found.map((each) => `${each.code} ${each.severity}`),
      [`${code} error`],
    );
    t.false(isInvalid);
    t.truthy(object);
    t.deepEqual(object?.meta.annotations, {});
    if (object?.kind === 'Pod' || object?.kind === 'Namespace') t.is(object.mesh, undefined);
  });
}

test('a label with a wrong value is still a label that selectors see', (t) => {
  const { meta } = parsed('Pod', rawPod('p', { 'weft.dev/mesh': 'on', app: 'a' }, {}));
  t.deepEqual({ ...meta.labels }, { 'weft.dev/mesh': 'on', app: 'a' });
});

test('whoever asks wrongly for something stricter than the default gets the stricter', (t) => {
  for (const value of ['close', 'fail', '', true]) {
    const { meta } = parsed(
      'Service',
      serviceAnnotated({ 'weft.dev/when-agent-down': value, 'weft.dev/l7': 'enabled' }),
    );
    t.deepEqual({ ...meta.annotations }, { 'weft.dev/when-agent-down': 'closed', 'weft.dev/l7': 'enabled' });
  }
});

test('an object that is invalid for another reason stays invalid', (t) => {
  const { object, isInvalid } = parseObject(rawPod('p', { 'weft.dev/mesh': 'on', app: 'x'.repeat(64) }, {}), origin);
  t.is(object, undefined);
  t.true(isInvalid);
});

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
        const isAboutIt = ({ path, severity }: Finding) => severity === 'error' && !path.includes('weft.dev/');
        t.true(object === undefined || !found.some(isAboutIt));
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

/** Valid objects with much in them; every node of their trees is replaced by something else, one at a time. */
const full: readonly Raw[] = [
  rawIstio('VirtualService', {
    hosts: ['web'],
    gateways: ['mesh', 'g'],
    exportTo: ['.'],
    http: [
      {
        match: [
          {
            uri: { regex: '/a.*' },
            headers: { a: { exact: 'b' } },
            queryParams: { q: {} },
            withoutHeaders: { c: { prefix: 'd' } },
            sourceLabels: { a: 'b' },
            port: 80,
          },
        ],
        route: [
          {
            destination: { host: 'a', subset: 's', port: { number: 80 } },
            weight: 1,
            headers: { request: { set: { a: 'b' } } },
          },
          { destination: { host: 'b' }, weight: 2 },
        ],
        rewrite: { uriRegexRewrite: { match: 'a', rewrite: 'b' } },
        retries: { attempts: 1, retryOn: '5xx', perTryTimeout: '1s', backoff: '1s' },
        timeout: '1s',
        fault: {
          delay: { fixedDelay: '1s', percentage: { value: 1 } },
          abort: { grpcStatus: 'OK', percentage: { value: 1 } },
        },
        mirrors: [{ destination: { host: 'c' }, percentage: { value: 1 } }],
        corsPolicy: { allowOrigins: [{ exact: 'a' }], allowMethods: ['GET'], allowHeaders: ['a'], maxAge: '1s' },
      },
      { match: [{}], redirect: { uri: '/', authority: 'a', redirectCode: 302 } },
      { directResponse: { status: 200, body: { string: 'x' } } },
      { delegate: { name: 'd', namespace: 'n' } },
    ],
    tls: [
      { match: [{ sniHosts: ['web'], destinationSubnets: ['10.0.0.0/8'] }], route: [{ destination: { host: 'a' } }] },
    ],
    tcp: [{ match: [{ sourceSubnet: '10.0.0.0/8' }], route: [{ destination: { host: 'a' } }] }],
  }),
  rawRule({
    trafficPolicy: {
      loadBalancer: {
        consistentHash: {
          httpCookie: { name: 'c', ttl: '1s', attributes: [{ name: 'a', value: 'b' }] },
          maglev: { tableSize: 7 },
        },
        localityLbSetting: { distribute: [{ from: 'a', to: { a: 100 } }], failoverPriority: ['a'] },
        warmup: { duration: '1s', aggression: 1 },
      },
      connectionPool: { tcp: { maxConnections: 1, tcpKeepalive: { time: '1s' } }, http: { maxRetries: 1 } },
      outlierDetection: { interval: '1s' },
      tls: { mode: 'SIMPLE', subjectAltNames: ['a'] },
      portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: 'RANDOM' } }],
      retryBudget: { percent: 1 },
    },
    subsets: [{ name: 'v1', labels: { a: 'b' }, trafficPolicy: {} }],
    exportTo: ['.'],
    workloadSelector: { matchLabels: { a: 'b' } },
  }),
  rawIstio('Gateway', {
    selector: { a: 'b' },
    servers: [
      {
        port: { number: 443, name: 'a', protocol: 'HTTPS' },
        hosts: ['a/b'],
        tls: { mode: 'SIMPLE', credentialNames: ['c'] },
      },
      {
        port: { number: 444, name: 'b', protocol: 'HTTPS' },
        hosts: ['b'],
        tls: { mode: 'SIMPLE', tlsCertificates: [{ serverCertificate: 'c', privateKey: 'k' }] },
      },
    ],
  }),
  rawIstio('ServiceEntry', {
    hosts: ['a.example.com'],
    addresses: ['10.0.0.1'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 81 }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.0.0.1', ports: { http: 1 }, labels: { a: 'b' }, weight: 1 }],
  }),
  rawGatewayApi('HTTPRoute', {
    parentRefs: [{ name: 'g', sectionName: 's' }],
    hostnames: ['a'],
    rules: [
      {
        matches: [
          {
            path: { type: 'PathPrefix', value: '/' },
            headers: [{ name: 'a', value: 'b' }],
            queryParams: [{ name: 'a', value: 'b' }],
            method: 'GET',
          },
        ],
        filters: [
          { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: 'b' }], remove: ['c'] } },
          { type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', port: 1 }, fraction: { numerator: 1 } } },
          {
            type: 'URLRewrite',
            urlRewrite: { hostname: 'a', path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
          },
          { type: 'CORS', cors: { allowOrigins: ['http://a'], maxAge: 1 } },
        ],
        backendRefs: [{ name: 'a', port: 1, weight: 1, filters: [] }],
        timeouts: { request: '1s' },
        retry: { codes: [500], attempts: 1, backoff: '1s' },
      },
      {
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: { scheme: 'https', path: { type: 'ReplaceFullPath', replaceFullPath: '/' } },
          },
        ],
      },
    ],
  }),
  rawGatewayApi('GRPCRoute', {
    parentRefs: [{ name: 'g' }],
    rules: [
      {
        matches: [{ method: { service: 'a', method: 'b' }, headers: [{ name: 'a', value: 'b' }] }],
        backendRefs: [{ name: 'a', port: 1 }],
      },
    ],
  }),
  rawGatewayApi('Gateway', {
    gatewayClassName: 'weft',
    listeners: [
      {
        name: 'a',
        port: 443,
        protocol: 'HTTPS',
        hostname: 'a',
        tls: { certificateRefs: [{ name: 'c' }] },
        allowedRoutes: {
          namespaces: {
            from: 'Selector',
            selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
          },
          kinds: [{ kind: 'HTTPRoute' }],
        },
      },
    ],
  }),
  rawGatewayApi('ReferenceGrant', {
    from: [{ group: '', kind: 'a', namespace: 'b' }],
    to: [{ group: '', kind: 'a', name: 'b' }],
  }),
];

const strange: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e300,
  Number.NaN,
  '',
  'x',
  '*',
  '\0',
  '(',
  '/',
  'a'.repeat(2_000),
  [],
  [null],
  [[]],
  {},
  { x: 1 },
];

/** The tree with each of its nodes replaced once. */
function* replaced(tree: unknown, by: unknown): Generator<unknown> {
  yield by;
  if (Array.isArray(tree)) {
    for (const [index, entry] of tree.entries()) {
      for (const each of replaced(entry, by)) yield tree.with(index, each);
    }
  } else if (typeof tree === 'object' && tree !== null) {
    for (const [key, entry] of Object.entries(tree)) {
      for (const each of replaced(entry, by)) yield { ...tree, [key]: each };
    }
  }
}

for (const [index, raw] of full.entries()) {
  test(`anything anywhere in a ${raw.kind} (${index}) is reported or taken, and never throws`, (t) => {
    t.deepEqual(parseObject(raw, origin).findings, []);
    let count = 0;
    for (const value of strange) {
      for (const spec of replaced(raw.spec, value)) {
        const { object, findings: found } = parseObject({ ...raw, spec }, origin);
        count++;
        if (object === undefined && found.length === 0) t.fail(`nothing said of ${JSON.stringify(spec)}`);
        if (object === undefined) continue;
        referencesOf(object);
        if (found.some(({ severity }) => severity === 'error'))
          t.fail(`in effect with errors: ${JSON.stringify(spec)}`);
      }
    }
    t.true(count > 100);
  });
}
