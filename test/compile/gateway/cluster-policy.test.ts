import test from 'ava';
import type { ClusterPolicy } from '../../../agent/balance/cluster.js';
import { rule, service, World } from './world.js';

const key = 'web.shop.svc.cluster.local:80';

const plainPool: ClusterPolicy['pool'] = {
  maxConnections: undefined,
  connectTimeoutMs: 10_000,
  tcpKeepalive: undefined,
  maxConnectionDurationMs: undefined,
  tcpIdleTimeoutMs: undefined,
  maxPendingRequests: undefined,
  maxRequests: undefined,
  maxRequestsPerConnection: undefined,
  maxRetries: undefined,
  httpIdleTimeoutMs: 3_600_000,
  maxConcurrentStreams: undefined,
};

const plain: ClusterPolicy = {
  source: 'default',
  balancing: { type: 'adaptive' },
  locality: undefined,
  warmup: undefined,
  pool: plainPool,
  outlier: undefined,
  tls: undefined,
  retryBudget: undefined,
  protocol: 'http1',
};

const ejecting = {
  consecutive5xx: 5,
  consecutiveGatewayErrors: 0,
  splitExternalLocalOriginErrors: false,
  consecutiveLocalOriginFailures: 0,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionPercent: 10,
  minHealthPercent: 0,
};
const nearFirst = { distribute: [], failover: [], failoverPriority: [] };
const maglev = { type: 'maglev', tableSize: 65_537 } as const;
const ring = { type: 'ringHash', minimumRingSize: 1024 } as const;

function pool(more: Partial<ClusterPolicy['pool']>): Partial<ClusterPolicy> {
  return { pool: { ...plainPool, ...more } };
}

function outlier(more: Partial<typeof ejecting>): Partial<ClusterPolicy> {
  return { outlier: { ...ejecting, ...more }, locality: nearFirst };
}

function hash(balancing: Omit<Extract<ClusterPolicy['balancing'], { type: 'hash' }>, 'type'>): Partial<ClusterPolicy> {
  return { balancing: { type: 'hash', ...balancing } };
}

function tls(more: Partial<NonNullable<ClusterPolicy['tls']>>): Partial<ClusterPolicy> {
  const without = {
    sni: '',
    authorities: '',
    certificate: '',
    key: '',
    subjectAltNames: [],
    insecureSkipVerify: false,
  };
  return { tls: { ...without, ...more } };
}

/** What a traffic policy makes of the plain policy. */
const rows: readonly (readonly [title: string, trafficPolicy: string, Partial<ClusterPolicy>])[] = [
  ['an empty policy', '{}', {}],
  ['ROUND_ROBIN', '{loadBalancer: {simple: ROUND_ROBIN}}', { balancing: { type: 'round-robin' } }],
  ['RANDOM', '{loadBalancer: {simple: RANDOM}}', { balancing: { type: 'random' } }],
  ['LEAST_REQUEST', '{loadBalancer: {simple: LEAST_REQUEST}}', { balancing: { type: 'least-request' } }],
  ['LEAST_CONN', '{loadBalancer: {simple: LEAST_CONN}}', { balancing: { type: 'least-request' } }],
  ['PASSTHROUGH', '{loadBalancer: {simple: PASSTHROUGH}}', { balancing: { type: 'passthrough' } }],
  ['UNSPECIFIED', '{loadBalancer: {simple: UNSPECIFIED}}', {}],
  [
    'a hash of a header, by a ring',
    '{loadBalancer: {consistentHash: {httpHeaderName: X-User}}}',
    hash({ key: { type: 'header', name: 'x-user' }, algorithm: ring }),
  ],
  [
    'a ring of its own size',
    '{loadBalancer: {consistentHash: {httpHeaderName: x, ringHash: {minimumRingSize: 64}}}}',
    hash({ key: { type: 'header', name: 'x' }, algorithm: { type: 'ringHash', minimumRingSize: 64 } }),
  ],
  [
    'the older minimumRingSize',
    '{loadBalancer: {consistentHash: {httpHeaderName: x, minimumRingSize: 32}}}',
    hash({ key: { type: 'header', name: 'x' }, algorithm: { type: 'ringHash', minimumRingSize: 32 } }),
  ],
  [
    'Maglev',
    '{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}}',
    hash({ key: { type: 'sourceIp' }, algorithm: maglev }),
  ],
  [
    'Maglev of another size',
    '{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 251}}}}',
    hash({ key: { type: 'sourceIp' }, algorithm: { type: 'maglev', tableSize: 251 } }),
  ],
  [
    'a hash of a query parameter',
    '{loadBalancer: {consistentHash: {httpQueryParameterName: user}}}',
    hash({ key: { type: 'query', name: 'user' }, algorithm: ring }),
  ],
  [
    'a cookie that is made',
    '{loadBalancer: {consistentHash: {httpCookie: {name: c, path: /p, ttl: 60s}}}}',
    hash({ key: { type: 'cookie', name: 'c', path: '/p', ttlMs: 60_000, attributes: [] }, algorithm: ring }),
  ],
  [
    'a session cookie',
    '{loadBalancer: {consistentHash: {httpCookie: {name: c, ttl: 0s}}}}',
    hash({ key: { type: 'cookie', name: 'c', path: '', ttlMs: 0, attributes: [] }, algorithm: ring }),
  ],
  [
    'warm-up, its defaults',
    '{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s}}}',
    { balancing: { type: 'round-robin' }, warmup: { durationMs: 30_000, minimumPercent: 10, aggression: 1 } },
  ],
  [
    'warm-up, whole, of the default balancing',
    '{loadBalancer: {warmup: {duration: 30s, minimumPercent: 5, aggression: 2}}}',
    { warmup: { durationMs: 30_000, minimumPercent: 5, aggression: 2 } },
  ],
  [
    'the older warmupDurationSecs',
    '{loadBalancer: {simple: LEAST_REQUEST, warmupDurationSecs: 5s}}',
    { balancing: { type: 'least-request' }, warmup: { durationMs: 5000, minimumPercent: 10, aggression: 1 } },
  ],
  [
    'no warm-up of random picks',
    '{loadBalancer: {simple: RANDOM, warmup: {duration: 30s}}}',
    { balancing: { type: 'random' } },
  ],
  [
    'distribute',
    '{loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {a/b: 70, c: 30}}]}}}',
    { locality: { ...nearFirst, distribute: [{ from: 'a/*', to: { 'a/b': 70, c: 30 } }] } },
  ],
  ['failover without ejections', '{loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}}', {}],
  [
    'failover',
    '{loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}, outlierDetection: {}}',
    { outlier: ejecting, locality: { ...nearFirst, failover: [{ from: 'a', to: 'b' }] } },
  ],
  [
    'failoverPriority',
    '{loadBalancer: {localityLbSetting: {failoverPriority: [rack, "tier=1"]}}, outlierDetection: {}}',
    { outlier: ejecting, locality: { ...nearFirst, failoverPriority: ['rack', 'tier=1'] } },
  ],
  [
    'failoverPriority and failover',
    '{loadBalancer: {localityLbSetting: {failoverPriority: [rack], failover: [{from: a, to: b}]}}, outlierDetection: {}}',
    { outlier: ejecting, locality: { ...nearFirst, failover: [{ from: 'a', to: 'b' }], failoverPriority: ['rack'] } },
  ],
  [
    'locality turned off',
    '{loadBalancer: {localityLbSetting: {enabled: false}}, outlierDetection: {}}',
    { outlier: ejecting },
  ],
  ['maxConnections', '{connectionPool: {tcp: {maxConnections: 3}}}', pool({ maxConnections: 3 })],
  ['connectTimeout', '{connectionPool: {tcp: {connectTimeout: 30ms}}}', pool({ connectTimeoutMs: 30 })],
  [
    'tcpKeepalive',
    '{connectionPool: {tcp: {tcpKeepalive: {time: 60s, interval: 5s, probes: 2}}}}',
    pool({ tcpKeepalive: { timeMs: 60_000 } }),
  ],
  [
    'an empty tcpKeepalive',
    '{connectionPool: {tcp: {tcpKeepalive: {}}}}',
    pool({ tcpKeepalive: { timeMs: 7_200_000 } }),
  ],
  [
    'maxConnectionDuration',
    '{connectionPool: {tcp: {maxConnectionDuration: 5m}}}',
    pool({ maxConnectionDurationMs: 300_000 }),
  ],
  [
    'tcp.idleTimeout counts for HTTP too',
    '{connectionPool: {tcp: {idleTimeout: 7s}}}',
    pool({ tcpIdleTimeoutMs: 7000, httpIdleTimeoutMs: 7000 }),
  ],
  [
    'unless http.idleTimeout is said',
    '{connectionPool: {tcp: {idleTimeout: 7s}, http: {idleTimeout: 9s}}}',
    pool({ tcpIdleTimeoutMs: 7000, httpIdleTimeoutMs: 9000 }),
  ],
  [
    'http1MaxPendingRequests',
    '{connectionPool: {http: {http1MaxPendingRequests: 4}}}',
    pool({ maxPendingRequests: 4 }),
  ],
  ['http2MaxRequests', '{connectionPool: {http: {http2MaxRequests: 5}}}', pool({ maxRequests: 5 })],
  ['a limit of 0', '{connectionPool: {http: {http2MaxRequests: 0}}}', {}],
  [
    'maxRequestsPerConnection',
    '{connectionPool: {http: {maxRequestsPerConnection: 1}}}',
    pool({ maxRequestsPerConnection: 1 }),
  ],
  ['maxRetries', '{connectionPool: {http: {maxRetries: 6}}}', pool({ maxRetries: 6 })],
  ['maxConcurrentStreams', '{connectionPool: {http: {maxConcurrentStreams: 8}}}', pool({ maxConcurrentStreams: 8 })],
  ['UPGRADE', '{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}', { protocol: 'http2' }],
  ['DO_NOT_UPGRADE', '{connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}}', {}],
  ['useClientProtocol', '{connectionPool: {http: {useClientProtocol: true}}}', { protocol: 'client' }],
  ['outlierDetection, its defaults', '{outlierDetection: {}}', outlier({})],
  ['consecutive5xxErrors', '{outlierDetection: {consecutive5xxErrors: 2}}', outlier({ consecutive5xx: 2 })],
  ['consecutive5xxErrors off', '{outlierDetection: {consecutive5xxErrors: 0}}', outlier({ consecutive5xx: 0 })],
  [
    'consecutiveGatewayErrors',
    '{outlierDetection: {consecutiveGatewayErrors: 3}}',
    outlier({ consecutiveGatewayErrors: 3 }),
  ],
  [
    'local origin failures apart',
    '{outlierDetection: {splitExternalLocalOriginErrors: true}}',
    outlier({ splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 5 }),
  ],
  [
    'consecutiveLocalOriginFailures',
    '{outlierDetection: {splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2}}',
    outlier({ splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 }),
  ],
  ['interval', '{outlierDetection: {interval: 1s}}', outlier({ intervalMs: 1000 })],
  ['baseEjectionTime', '{outlierDetection: {baseEjectionTime: 2s}}', outlier({ baseEjectionMs: 2000 })],
  ['maxEjectionPercent', '{outlierDetection: {maxEjectionPercent: 100}}', outlier({ maxEjectionPercent: 100 })],
  ['minHealthPercent', '{outlierDetection: {minHealthPercent: 50}}', outlier({ minHealthPercent: 50 })],
  ['tls DISABLE', '{tls: {mode: DISABLE}}', {}],
  ['tls SIMPLE trusts the system', '{tls: {mode: SIMPLE}}', tls({})],
  [
    'tls SIMPLE, whole',
    '{tls: {mode: SIMPLE, caCertificates: /ca.pem, sni: a.example, subjectAltNames: [b.example]}}',
    tls({ authorities: 'CA', sni: 'a.example', subjectAltNames: ['b.example'] }),
  ],
  ['tls without verification', '{tls: {mode: SIMPLE, insecureSkipVerify: true}}', tls({ insecureSkipVerify: true })],
  [
    'tls MUTUAL',
    '{tls: {mode: MUTUAL, clientCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem}}',
    tls({ authorities: 'CA', certificate: 'CERT', key: 'KEY' }),
  ],
  ['retryBudget', '{retryBudget: {percent: 50, minRetryConcurrency: 1}}', { retryBudget: { percent: 50, minimum: 1 } }],
  ['a retryBudget of defaults', '{retryBudget: {}}', { retryBudget: { percent: 20, minimum: 3 } }],
  [
    'the settings of the port replace all others',
    '{loadBalancer: {simple: RANDOM}, outlierDetection: {}, portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {maxConnections: 9}}}]}',
    pool({ maxConnections: 9 }),
  ],
  [
    'the settings of another port change nothing',
    '{loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 81}, loadBalancer: {simple: ROUND_ROBIN}}]}',
    { balancing: { type: 'random' } },
  ],
];

for (const [title, trafficPolicy, expected] of rows) {
  test(`a rule says: ${title}`, (t) => {
    const world = new World([service(), rule(`trafficPolicy: ${trafficPolicy}`)]);
    const { source, ...policy } = world.policy(key);
    t.deepEqual(policy, { ...(({ source: _, ...rest }) => rest)(plain), ...expected });
    const isPlain = Object.keys(expected).length === 0;
    if (!isPlain) t.is(source, 'DestinationRule shop/web');
  });
}

test('no rule: adaptive, everything else as Envoy has it', (t) => {
  t.deepEqual(new World([service()]).policy(key), plain);
});

test('no row is for a rule of another host', (t) => {
  for (const [, trafficPolicy] of rows) {
    const other = rule(`trafficPolicy: ${trafficPolicy}`, 'name: other, namespace: shop', 'other');
    t.deepEqual(new World([service(), other]).policy(key), plain);
  }
});

test('the annotation decides where no rule does', (t) => {
  const annotated = service('web', { annotations: ', weft.dev/balancing: round-robin' });
  const { balancing, source } = new World([annotated]).policy(key);
  t.deepEqual([balancing, source], [{ type: 'round-robin' }, 'annotation weft.dev/balancing']);
  const ruled = new World([annotated, rule('trafficPolicy: {loadBalancer: {simple: RANDOM}}')]).policy(key);
  t.deepEqual([ruled.balancing, ruled.source], [{ type: 'random' }, 'DestinationRule shop/web']);
  const both = new World([annotated, rule('trafficPolicy: {outlierDetection: {}}')]).policy(key);
  t.is(both.source, 'DestinationRule shop/web, annotation weft.dev/balancing');
});

test('the affinity of a Service keeps a client with its endpoint', (t) => {
  const text = service().replace('clusterIP:', 'sessionAffinity: ClientIP, clusterIP:');
  const { balancing, source } = new World([text]).policy(key);
  t.deepEqual(balancing, { type: 'hash', key: { type: 'sourceIp' }, algorithm: maglev });
  t.is(source, 'sessionAffinity ClientIP');
});

const ports: readonly (readonly [string, ClusterPolicy['protocol']])[] = [
  ['{name: http, port: 80}', 'http1'],
  ['{name: http2-a, port: 80}', 'http2'],
  ['{name: grpc, port: 80}', 'http2'],
  ['{name: grpc-web, port: 80}', 'http1'],
  ['{name: a, port: 80, appProtocol: kubernetes.io/h2c}', 'http2'],
  ['{name: a, port: 80}', 'client'],
];

for (const [port, protocol] of ports) {
  test(`backends of port ${port} are spoken to in ${protocol}`, (t) => {
    t.is(new World([service('web', { port })]).policy(key).protocol, protocol);
  });
}

const subsets = 'subsets: [{name: v1, labels: {version: v1}, trafficPolicy: POLICY}]';
const ofSubset: readonly (readonly [string, string, string, Partial<ClusterPolicy>])[] = [
  [
    'replaces settings one by one',
    '{loadBalancer: {simple: RANDOM}, connectionPool: {tcp: {maxConnections: 1}}}',
    '{loadBalancer: {simple: ROUND_ROBIN}}',
    { balancing: { type: 'round-robin' }, ...pool({ maxConnections: 1 }) },
  ],
  [
    'replaces a setting as a whole',
    '{connectionPool: {tcp: {maxConnections: 1}}}',
    '{connectionPool: {http: {maxRetries: 1}}}',
    pool({ maxRetries: 1 }),
  ],
  [
    'of its port replaces all four',
    '{loadBalancer: {simple: RANDOM}, retryBudget: {}}',
    '{portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]}',
    { ...tls({}), retryBudget: { percent: 20, minimum: 3 } },
  ],
  [
    'adds to those of the rule for its port',
    '{loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]}',
    '{tls: {mode: SIMPLE}}',
    { balancing: { type: 'round-robin' }, ...tls({}) },
  ],
];

for (const [title, general, own, expected] of ofSubset) {
  test(`the policy of a subset ${title}`, (t) => {
    const spec = `trafficPolicy: ${general}, ${subsets.replace('POLICY', own)}`;
    const world = new World([service(), rule(spec), toSubset]);
    const { source: _, ...policy } = world.policy(`${key}|v1`);
    t.deepEqual(policy, { ...(({ source: __, ...rest }) => rest)(plain), ...expected });
  });
}

const toSubset = `
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]}
`;

test('settings without effect are told', (t) => {
  const warm = new World([service(), rule('trafficPolicy: {loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}}')]);
  t.deepEqual(warm.findings(), [
    'WEFT0303 DestinationRule shop/web spec.trafficPolicy.loadBalancer: warmup has no effect with random balancing',
  ]);
  const far = rule('trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}}');
  t.deepEqual(new World([service(), far]).findings(), [
    'WEFT0303 DestinationRule shop/web spec.trafficPolicy.loadBalancer: localityLbSetting fails over only with outlierDetection',
  ]);
});

test('where a certificate cannot be read nothing is sent, and it is told', (t) => {
  const world = new World([service(), rule('trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /none.pem}}')]);
  t.deepEqual(world.members(key), []);
  t.is(world.policy(key).tls, undefined);
  t.deepEqual(world.findings(), [
    'WEFT0408 DestinationRule shop/web spec.trafficPolicy.tls.caCertificates: the file /none.pem cannot be read: no such file',
  ]);
});

const pem = (kind: string) => Buffer.from(`-----BEGIN ${kind}-----\nAA==\n-----END ${kind}-----\n`).toString('base64');
const cert = pem('CERTIFICATE');
const privateKey = pem('PRIVATE KEY');

test('credentialName is a Secret of the namespace of the rule; the check of references tells that there is none', (t) => {
  const mutual = rule('trafficPolicy: {tls: {mode: MUTUAL, credentialName: mine}}');
  const secret = `
kind: Secret
metadata: {name: mine, namespace: NS}
type: kubernetes.io/tls
data: {tls.crt: ${cert}, tls.key: ${privateKey}, ca.crt: ${cert}}
`;
  const world = new World([service(), mutual, secret.replace('NS', 'shop')]);
  const { tls: found } = world.policy(key);
  t.regex(found!.certificate, /^-----BEGIN CERTIFICATE/);
  t.regex(found!.key, /^-----BEGIN PRIVATE KEY/);
  t.regex(found!.authorities, /^-----BEGIN CERTIFICATE/);
  t.is(world.members(key).length, 2);
  const elsewhere = new World([service(), mutual, secret.replace('NS', 'other')]);
  t.deepEqual(elsewhere.members(key), []);
  t.deepEqual(elsewhere.findings(), []);
});
