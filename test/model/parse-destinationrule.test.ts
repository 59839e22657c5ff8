import test from 'ava';
import { connectionPolicy } from '../../agent/model/connection-policy.js';
import type { DestinationRule, PortPolicy, TrafficPolicy } from '../../agent/model/destination-rule.js';
import { findings, parsed, type Raw, rawRule } from './objects.js';

const nothing: PortPolicy = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  tls: undefined,
};

function policyOf(trafficPolicy: Raw): TrafficPolicy {
  return parsed('DestinationRule', rawRule({ trafficPolicy })).trafficPolicy!;
}

test('DestinationRule: every field', (t) => {
  const raw = rawRule({
    trafficPolicy: {
      loadBalancer: {
        simple: 'ROUND_ROBIN',
        localityLbSetting: {
          enabled: true,
          distribute: [{ from: 'eu/a/*', to: { 'eu/a/*': 80, 'eu/b': 20 } }],
          failoverPriority: ['topology.kubernetes.io/region', 'rack=1'],
        },
        warmup: { duration: '30s', minimumPercent: 20, aggression: 2 },
      },
      connectionPool: {
        tcp: {
          maxConnections: 100,
          connectTimeout: '1s',
          tcpKeepalive: { probes: 3, time: '2h', interval: '75s' },
          maxConnectionDuration: '1h',
          idleTimeout: '0s',
        },
        http: {
          http1MaxPendingRequests: 1,
          http2MaxRequests: 2,
          maxRequestsPerConnection: 3,
          maxRetries: 4,
          idleTimeout: '5m',
          h2UpgradePolicy: 'UPGRADE',
          useClientProtocol: false,
          maxConcurrentStreams: 5,
        },
      },
      outlierDetection: {
        consecutive5xxErrors: 7,
        consecutiveGatewayErrors: 0,
        splitExternalLocalOriginErrors: true,
        consecutiveLocalOriginFailures: 5,
        interval: '5m',
        baseEjectionTime: '15m',
        maxEjectionPercent: 50,
        minHealthPercent: 30,
      },
      tls: {
        mode: 'MUTUAL',
        clientCertificate: '/c.pem',
        privateKey: '/k.pem',
        caCertificates: '/ca.pem',
        subjectAltNames: ['a.example.com'],
        sni: 'b.example.com',
        insecureSkipVerify: false,
      },
      retryBudget: { percent: 25, minRetryConcurrency: 5 },
      portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'SIMPLE', credentialName: 'c' } }],
    },
    subsets: [
      { name: 'v1', labels: { version: 'v1' } },
      { name: 'v2', trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
    ],
    exportTo: ['.'],
    workloadSelector: { matchLabels: { app: 'x' } },
  });
  const keepalive = 'spec.trafficPolicy.connectionPool.tcp.tcpKeepalive';
  t.deepEqual(findings(raw), [`WEFT0303 warning ${keepalive}.probes`, `WEFT0303 warning ${keepalive}.interval`]);
  const { meta: _, ...rule } = parsed('DestinationRule', raw);
  const expected: Omit<DestinationRule, 'meta'> = {
    kind: 'DestinationRule',
    host: 'web',
    trafficPolicy: {
      loadBalancer: {
        simple: 'ROUND_ROBIN',
        consistentHash: undefined,
        localityLbSetting: {
          enabled: true,
          distribute: [
            {
              from: 'eu/a/*',
              to: new Map([
                ['eu/a/*', 80],
                ['eu/b', 20],
              ]),
            },
          ],
          failover: [],
          failoverPriority: ['topology.kubernetes.io/region', 'rack=1'],
        },
        warmup: { durationMs: 30_000, minimumPercent: 20, aggression: 2 },
      },
      connectionPool: {
        tcp: {
          maxConnections: 100,
          connectTimeoutMs: 1_000,
          tcpKeepalive: { timeMs: 7_200_000 },
          maxConnectionDurationMs: 3_600_000,
          idleTimeoutMs: 0,
        },
        http: {
          http1MaxPendingRequests: 1,
          http2MaxRequests: 2,
          maxRequestsPerConnection: 3,
          maxRetries: 4,
          idleTimeoutMs: 300_000,
          h2UpgradePolicy: 'UPGRADE',
          useClientProtocol: false,
          maxConcurrentStreams: 5,
        },
      },
      outlierDetection: {
        consecutive5xxErrors: 7,
        consecutiveGatewayErrors: 0,
        splitExternalLocalOriginErrors: true,
        consecutiveLocalOriginFailures: 5,
        intervalMs: 300_000,
        baseEjectionTimeMs: 900_000,
        maxEjectionPercent: 50,
        minHealthPercent: 30,
      },
      tls: {
        mode: 'MUTUAL',
        clientCertificate: '/c.pem',
        privateKey: '/k.pem',
        caCertificates: '/ca.pem',
        credentialName: undefined,
        subjectAltNames: ['a.example.com'],
        sni: 'b.example.com',
        insecureSkipVerify: false,
      },
      retryBudget: { percent: 25, minRetryConcurrency: 5 },
      portLevelSettings: new Map([
        [
          80,
          {
            ...nothing,
            tls: {
              mode: 'SIMPLE',
              clientCertificate: undefined,
              privateKey: undefined,
              caCertificates: undefined,
              credentialName: 'c',
              subjectAltNames: [],
              sni: undefined,
              insecureSkipVerify: undefined,
            },
          },
        ],
      ]),
    },
    subsets: [
      { name: 'v1', labels: { version: 'v1' }, trafficPolicy: undefined },
      {
        name: 'v2',
        labels: {},
        trafficPolicy: {
          ...nothing,
          loadBalancer: {
            simple: 'RANDOM',
            consistentHash: undefined,
            localityLbSetting: undefined,
            warmup: undefined,
          },
          portLevelSettings: new Map(),
          retryBudget: undefined,
        },
      },
    ],
    exportTo: ['default'],
    workloadSelector: { app: 'x' },
  };
  t.deepEqual(rule, expected);
});

const ring = { type: 'ringHash', minimumRingSize: 1024 };
const hashes: readonly (readonly [string, Raw, unknown])[] = [
  [
    'a header',
    { httpHeaderName: 'X-User' },
    { key: { type: 'header', name: 'x-user', regexRewrite: undefined }, algorithm: ring },
  ],
  [
    'part of a header',
    { httpHeaderName: 'x', httpHeaderRegexRewrite: { match: '(.)-.*', rewrite: '\\1' } },
    {
      key: { type: 'header', name: 'x', regexRewrite: { match: '(.)-.*', rewrite: '\\1' } },
      algorithm: ring,
    },
  ],
  [
    'a cookie',
    { httpCookie: { name: 'c', path: '/', ttl: '0s', attributes: [{ name: 'SameSite', value: 'Lax' }] } },
    {
      key: { type: 'cookie', name: 'c', path: '/', ttlMs: 0, attributes: [{ name: 'SameSite', value: 'Lax' }] },
      algorithm: ring,
    },
  ],
  [
    'a cookie that is only read',
    { httpCookie: { name: 'c' } },
    { key: { type: 'cookie', name: 'c', path: undefined, ttlMs: undefined, attributes: [] }, algorithm: ring },
  ],
  [
    'a query parameter, with a ring',
    { httpQueryParameterName: 'q', ringHash: { minimumRingSize: 10 } },
    { key: { type: 'query', name: 'q' }, algorithm: { type: 'ringHash', minimumRingSize: 10 } },
  ],
  [
    'the source address, with a table',
    { useSourceIp: true, maglev: { tableSize: 1021 } },
    { key: { type: 'sourceIp' }, algorithm: { type: 'maglev', tableSize: 1021 } },
  ],
  [
    'the source address, with a table of any size',
    { useSourceIp: true, maglev: {} },
    { key: { type: 'sourceIp' }, algorithm: { type: 'maglev', tableSize: undefined } },
  ],
];

for (const [title, consistentHash, expected] of hashes) {
  test(`DestinationRule: a hash of ${title}`, (t) => {
    const trafficPolicy = { loadBalancer: { consistentHash } };
    t.deepEqual(findings(rawRule({ trafficPolicy })), []);
    t.deepEqual(policyOf(trafficPolicy).loadBalancer?.consistentHash, expected);
  });
}

test('DestinationRule: older names mean the newer ones', (t) => {
  const policy = policyOf({
    loadBalancer: {
      simple: 'LEAST_CONN',
      warmupDurationSecs: '60s',
    },
    outlierDetection: { consecutiveErrors: 3 },
  });
  t.is(policy.loadBalancer?.simple, 'LEAST_REQUEST');
  t.deepEqual(policy.loadBalancer?.warmup, { durationMs: 60_000, minimumPercent: 10, aggression: 1 });
  t.is(policy.outlierDetection?.consecutiveGatewayErrors, 3);
  t.is(policy.outlierDetection?.consecutive5xxErrors, 0);
  const hash = policyOf({ loadBalancer: { consistentHash: { useSourceIp: true, minimumRingSize: 7 } } });
  t.deepEqual(hash.loadBalancer?.consistentHash?.algorithm, { type: 'ringHash', minimumRingSize: 7 });
});

test('DestinationRule: limits of 0 are not said, defaults of a budget are', (t) => {
  const { connectionPool, retryBudget, loadBalancer } = policyOf({
    connectionPool: { tcp: { maxConnections: 0 }, http: { http2MaxRequests: 0 } },
    retryBudget: {},
    loadBalancer: { simple: 'UNSPECIFIED' },
  });
  t.is(connectionPool?.tcp?.maxConnections, undefined);
  t.is(connectionPool?.http?.http2MaxRequests, undefined);
  t.deepEqual(retryBudget, { percent: 20, minRetryConcurrency: 3 });
  t.is(loadBalancer?.simple, undefined);
});

const connections: readonly (readonly [string, Raw, readonly unknown[]])[] = [
  ['nothing said', {}, [undefined, undefined, undefined]],
  ['a policy', { loadBalancer: { simple: 'PASSTHROUGH' } }, ['PASSTHROUGH', undefined, undefined]],
  [
    'by source address, with a table',
    { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 1021 } } } },
    ['SOURCE_IP', 1021, undefined],
  ],
  ['by a header', { loadBalancer: { consistentHash: { httpHeaderName: 'x' } } }, [undefined, undefined, undefined]],
  ['a limit', { connectionPool: { tcp: { maxConnections: 5 } } }, [undefined, undefined, 5]],
  [
    'a port, which replaces the whole policy',
    {
      loadBalancer: { simple: 'RANDOM' },
      connectionPool: { tcp: { maxConnections: 5 } },
      portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: 'ROUND_ROBIN' } }],
    },
    ['ROUND_ROBIN', undefined, undefined],
  ],
];

for (const [title, trafficPolicy, expected] of connections) {
  test(`Connections: ${title}`, (t) => {
    const rule = parsed('DestinationRule', rawRule({ trafficPolicy }));
    const { loadBalancer, tableSize, maxConnections } = connectionPolicy(rule, 80);
    t.deepEqual([loadBalancer, tableSize, maxConnections], expected);
  });
}

test('DestinationRule: all three API versions', (t) => {
  for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
    t.deepEqual(findings({ ...rawRule({}), apiVersion: `networking.istio.io/${version}` }), []);
  }
  t.deepEqual(findings({ ...rawRule({}), apiVersion: 'networking.istio.io/v2' }), ['WEFT0217 error apiVersion']);
});

const p = 'spec.trafficPolicy';
const lb = `${p}.loadBalancer`;
const policies: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['an old name', { loadBalancer: { simple: 'LEAST_CONN' } }, [`WEFT0308 warning ${lb}.simple`]],
  ['a misspelt policy', { loadBalancer: { simple: 'ROUNDROBIN' } }, [`WEFT0206 error ${lb}.simple`]],
  ['a misspelt field', { loadBalancr: {} }, [`WEFT0302 error ${p}.loadBalancr`]],
  [
    'both kinds of policy',
    { loadBalancer: { simple: 'RANDOM', consistentHash: { useSourceIp: true } } },
    [`WEFT0212 error ${lb}`],
  ],
  ['a hash of nothing', { loadBalancer: { consistentHash: {} } }, [`WEFT0208 error ${lb}.consistentHash`]],
  [
    'a hash of two things',
    { loadBalancer: { consistentHash: { useSourceIp: true, httpHeaderName: 'x' } } },
    [`WEFT0212 error ${lb}.consistentHash`],
  ],
  [
    'a hash of a header that is none',
    { loadBalancer: { consistentHash: { httpHeaderName: ':path' } } },
    [`WEFT0220 error ${lb}.consistentHash.httpHeaderName`],
  ],
  [
    'a rewrite of no header',
    { loadBalancer: { consistentHash: { useSourceIp: true, httpHeaderRegexRewrite: { match: 'a', rewrite: 'b' } } } },
    [`WEFT0212 error ${lb}.consistentHash.httpHeaderRegexRewrite`],
  ],
  [
    'a cookie of no name',
    { loadBalancer: { consistentHash: { httpCookie: { name: 'a;b', path: '/;x' } } } },
    [`WEFT0220 error ${lb}.consistentHash.httpCookie.name`, `WEFT0220 error ${lb}.consistentHash.httpCookie.path`],
  ],
  [
    'a ring of old',
    { loadBalancer: { consistentHash: { useSourceIp: true, minimumRingSize: 1 } } },
    [`WEFT0308 warning ${lb}.consistentHash.minimumRingSize`],
  ],
  [
    'a ring and a table',
    { loadBalancer: { consistentHash: { useSourceIp: true, ringHash: {}, maglev: {} } } },
    [`WEFT0212 error ${lb}.consistentHash.maglev`],
  ],
  [
    'a table that is not prime',
    { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 1024 } } } },
    [`WEFT0207 error ${lb}.consistentHash.maglev.tableSize`],
  ],
  [
    'distribute and failover',
    {
      loadBalancer: {
        localityLbSetting: { distribute: [{ from: 'a', to: { a: 100 } }], failover: [{ from: 'a', to: 'b' }] },
      },
    },
    [`WEFT0212 error ${lb}.localityLbSetting.failover`],
  ],
  [
    'shares that are not 100',
    { loadBalancer: { localityLbSetting: { distribute: [{ from: 'a', to: { a: 50, b: 49 } }] } } },
    [`WEFT0207 error ${lb}.localityLbSetting.distribute[0].to`],
  ],
  [
    'a share of 0, a locality of too many parts, and one twice',
    {
      loadBalancer: {
        localityLbSetting: {
          distribute: [
            { from: 'a', to: { a: 100, 'a/*/c': 0 } },
            { from: 'a', to: { 'a/b/c/d': 100 } },
          ],
        },
      },
    },
    [
      `WEFT0204 error ${lb}.localityLbSetting.distribute[0].to["a/*/c"]`,
      `WEFT0207 error ${lb}.localityLbSetting.distribute[0].to["a/*/c"]`,
      `WEFT0204 error ${lb}.localityLbSetting.distribute[1].to["a/b/c/d"]`,
      `WEFT0211 error ${lb}.localityLbSetting.distribute[1].from`,
    ],
  ],
  [
    'failover to itself',
    { loadBalancer: { localityLbSetting: { failover: [{ from: 'a', to: 'a' }] } } },
    [`WEFT0212 error ${lb}.localityLbSetting.failover[0]`],
  ],
  [
    'a priority that failover has, and one that is no label',
    {
      loadBalancer: {
        localityLbSetting: {
          failover: [{ from: 'a', to: 'b' }],
          failoverPriority: ['topology.kubernetes.io/zone', 'a b'],
        },
      },
    },
    [
      `WEFT0212 error ${lb}.localityLbSetting.failoverPriority[0]`,
      `WEFT0213 error ${lb}.localityLbSetting.failoverPriority[1]`,
    ],
  ],
  ['a warm-up of no time', { loadBalancer: { warmup: {} } }, [`WEFT0208 error ${lb}.warmup.duration`]],
  [
    'a warm-up that is no curve',
    { loadBalancer: { warmup: { duration: '1s', aggression: 0.5 } } },
    [`WEFT0207 error ${lb}.warmup.aggression`],
  ],
  [
    'two warm-ups',
    { loadBalancer: { warmup: { duration: '1s' }, warmupDurationSecs: '1s' } },
    [`WEFT0308 warning ${lb}.warmupDurationSecs`, `WEFT0212 error ${lb}.warmupDurationSecs`],
  ],
  [
    'a timeout of no time',
    { connectionPool: { tcp: { connectTimeout: '10' } } },
    [`WEFT0215 error ${p}.connectionPool.tcp.connectTimeout`],
  ],
  [
    'a negative limit',
    { connectionPool: { tcp: { maxConnections: -1 } } },
    [`WEFT0207 error ${p}.connectionPool.tcp.maxConnections`],
  ],
  [
    'two ways to HTTP/2',
    { connectionPool: { http: { h2UpgradePolicy: 'UPGRADE', useClientProtocol: true } } },
    [`WEFT0212 error ${p}.connectionPool.http.useClientProtocol`],
  ],
  [
    'errors of old',
    { outlierDetection: { consecutiveErrors: 5 } },
    [`WEFT0308 warning ${p}.outlierDetection.consecutiveErrors`],
  ],
  [
    'local errors that are not told apart',
    { outlierDetection: { consecutiveLocalOriginFailures: 5 } },
    [`WEFT0212 error ${p}.outlierDetection.consecutiveLocalOriginFailures`],
  ],
  [
    'more than all ejected',
    { outlierDetection: { maxEjectionPercent: 101 } },
    [`WEFT0207 error ${p}.outlierDetection.maxEjectionPercent`],
  ],
  ['TLS of Istio', { tls: { mode: 'ISTIO_MUTUAL' } }, [`WEFT0305 error ${p}.tls.mode`]],
  ['a list of revoked certificates', { tls: { mode: 'SIMPLE', caCrl: '/crl' } }, [`WEFT0305 error ${p}.tls.caCrl`]],
  [
    'mutual TLS without certificates',
    { tls: { mode: 'MUTUAL' } },
    [`WEFT0208 error ${p}.tls.clientCertificate`, `WEFT0208 error ${p}.tls.privateKey`],
  ],
  ['mutual TLS with a Secret', { tls: { mode: 'MUTUAL', credentialName: 'c' } }, []],
  [
    'a Secret and files',
    { tls: { mode: 'SIMPLE', credentialName: 'c', caCertificates: '/ca' } },
    [`WEFT0212 error ${p}.tls.caCertificates`],
  ],
  [
    'nothing verified, against an authority and names',
    { tls: { mode: 'SIMPLE', insecureSkipVerify: true, caCertificates: '/ca', subjectAltNames: ['a'] } },
    [`WEFT0212 error ${p}.tls.caCertificates`, `WEFT0212 error ${p}.tls.subjectAltNames`],
  ],
  ['TLS that is off', { tls: { mode: 'DISABLE' } }, []],
  [
    'TLS of Istio on one port',
    { portLevelSettings: [{ port: { number: 1 }, tls: { mode: 'ISTIO_MUTUAL' } }] },
    [`WEFT0305 error ${p}.portLevelSettings[0].tls.mode`],
  ],
  [
    'two policies of a port',
    { portLevelSettings: [{ port: { number: 1 } }, { port: { number: 1 } }] },
    [`WEFT0211 error ${p}.portLevelSettings[1].port.number`],
  ],
  ['a port without its number', { portLevelSettings: [{}] }, [`WEFT0208 error ${p}.portLevelSettings[0].port`]],
  ['a tunnel', { tunnel: { targetHost: 'a', targetPort: 1 } }, [`WEFT0305 error ${p}.tunnel`]],
  ['the PROXY protocol', { proxyProtocol: { version: 'V2' } }, [`WEFT0303 warning ${p}.proxyProtocol`]],
];

for (const [title, trafficPolicy, expected] of policies) {
  test(`TrafficPolicy: ${title}`, (t) => {
    t.deepEqual(findings(rawRule({ trafficPolicy })), expected);
  });
}

const others: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['no host', { host: undefined }, ['WEFT0208 error spec.host']],
  ['a host that is none', { host: 'a b' }, ['WEFT0218 error spec.host']],
  ['two subsets of a name', { subsets: [{ name: 'a' }, { name: 'a' }] }, ['WEFT0211 error spec.subsets[1].name']],
  ['a subset of no name', { subsets: [{ name: 'V1' }] }, ['WEFT0204 error spec.subsets[0].name']],
  [
    'a subset of no label',
    { subsets: [{ name: 'a', labels: { 'a b': 'c' } }] },
    ['WEFT0213 error spec.subsets[0].labels["a b"]'],
  ],
  [
    'a subset’s wrong policy',
    { subsets: [{ name: 'a', trafficPolicy: { loadBalancer: { consistentHash: {} } } }] },
    ['WEFT0208 error spec.subsets[0].trafficPolicy.loadBalancer.consistentHash'],
  ],
  ['exported to all', { exportTo: ['*'] }, []],
  ['for all clients', { workloadSelector: {} }, []],
];

for (const [title, spec, expected] of others) {
  test(`DestinationRule: ${title}`, (t) => {
    t.deepEqual(findings(rawRule(spec)), expected);
  });
}
