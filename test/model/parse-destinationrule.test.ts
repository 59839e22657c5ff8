import test from 'ava';
import type { TrafficPolicy } from '../../agent/model/mesh.js';
import { findings, parsed, type Raw, rawRule } from './objects.js';

const none: TrafficPolicy = { loadBalancer: undefined, tableSize: undefined, maxConnections: undefined };

const policies: readonly (readonly [string, Raw, Partial<TrafficPolicy>])[] = [
  ['nothing said', {}, {}],
  ['round robin', { loadBalancer: { simple: 'ROUND_ROBIN' } }, { loadBalancer: 'ROUND_ROBIN' }],
  ['random', { loadBalancer: { simple: 'RANDOM' } }, { loadBalancer: 'RANDOM' }],
  ['least request', { loadBalancer: { simple: 'LEAST_REQUEST' } }, { loadBalancer: 'LEAST_REQUEST' }],
  ['passthrough', { loadBalancer: { simple: 'PASSTHROUGH' } }, { loadBalancer: 'PASSTHROUGH' }],
  ['unspecified', { loadBalancer: { simple: 'UNSPECIFIED' } }, {}],
  ['by source address', { loadBalancer: { consistentHash: { useSourceIp: true } } }, { loadBalancer: 'SOURCE_IP' }],
  [
    'by source address, with a table',
    { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 1021 } } } },
    { loadBalancer: 'SOURCE_IP', tableSize: 1021 },
  ],
  ['a limit of connections', { connectionPool: { tcp: { maxConnections: 5 } } }, { maxConnections: 5 }],
  ['no limit', { connectionPool: { tcp: { maxConnections: 0 } } }, {}],
  ['no TLS', { tls: { mode: 'DISABLE' } }, {}],
];

for (const [title, trafficPolicy, expected] of policies) {
  test(`DestinationRule: ${title}`, (t) => {
    const raw = rawRule({ trafficPolicy });
    t.deepEqual(findings(raw), []);
    t.deepEqual(parsed('DestinationRule', raw).policy, { ...none, ...expected });
  });
}

test('DestinationRule: a port replaces the whole policy', (t) => {
  const rule = parsed(
    'DestinationRule',
    rawRule({
      trafficPolicy: {
        loadBalancer: { simple: 'RANDOM' },
        connectionPool: { tcp: { maxConnections: 5 } },
        portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: 'ROUND_ROBIN' } }],
      },
    }),
  );
  t.deepEqual([...rule.portPolicies], [[80, { ...none, loadBalancer: 'ROUND_ROBIN' }]]);
});

test('DestinationRule: all three API versions', (t) => {
  for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
    t.deepEqual(findings({ ...rawRule({}), apiVersion: `networking.istio.io/${version}` }), []);
  }
  t.deepEqual(findings({ ...rawRule({}), apiVersion: 'networking.istio.io/v2' }), ['WEFT0217 error apiVersion']);
});

const p = 'spec.trafficPolicy';
const others: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['no host', { host: undefined }, ['WEFT0208 error spec.host']],
  ['a host that is none', { host: 'a b' }, ['WEFT0218 error spec.host']],
  [
    'an old name',
    { trafficPolicy: { loadBalancer: { simple: 'LEAST_CONN' } } },
    [`WEFT0308 warning ${p}.loadBalancer.simple`],
  ],
  [
    'a misspelt policy',
    { trafficPolicy: { loadBalancer: { simple: 'ROUNDROBIN' } } },
    [`WEFT0206 error ${p}.loadBalancer.simple`],
  ],
  ['a misspelt field', { trafficPolicy: { loadBalancr: {} } }, [`WEFT0302 error ${p}.loadBalancr`]],
  [
    'both kinds of policy',
    { trafficPolicy: { loadBalancer: { simple: 'RANDOM', consistentHash: { useSourceIp: true } } } },
    [`WEFT0212 error ${p}.loadBalancer`],
  ],
  [
    'a hash of nothing',
    { trafficPolicy: { loadBalancer: { consistentHash: {} } } },
    [`WEFT0208 error ${p}.loadBalancer.consistentHash`],
  ],
  [
    'a hash of a header',
    { trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: 'x' } } } },
    [`WEFT0304 warning ${p}.loadBalancer.consistentHash.httpHeaderName`],
  ],
  [
    'a ring',
    { trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: 1 } } } } },
    [`WEFT0303 warning ${p}.loadBalancer.consistentHash.ringHash`],
  ],
  [
    'a table that is not prime',
    { trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 1024 } } } } },
    [`WEFT0207 error ${p}.loadBalancer.consistentHash.maglev.tableSize`],
  ],
  [
    'limits of requests',
    { trafficPolicy: { connectionPool: { http: { http2MaxRequests: 1 } } } },
    [`WEFT0304 warning ${p}.connectionPool.http`],
  ],
  [
    'timeouts',
    { trafficPolicy: { connectionPool: { tcp: { connectTimeout: '1s' } } } },
    [`WEFT0303 warning ${p}.connectionPool.tcp.connectTimeout`],
  ],
  [
    'a timeout of no time',
    { trafficPolicy: { connectionPool: { tcp: { connectTimeout: '10' } } } },
    [
      `WEFT0303 warning ${p}.connectionPool.tcp.connectTimeout`,
      `WEFT0215 error ${p}.connectionPool.tcp.connectTimeout`,
    ],
  ],
  [
    'a negative limit',
    { trafficPolicy: { connectionPool: { tcp: { maxConnections: -1 } } } },
    [`WEFT0207 error ${p}.connectionPool.tcp.maxConnections`],
  ],
  [
    'ejection',
    { trafficPolicy: { outlierDetection: { consecutive5xxErrors: 5, interval: '1s' } } },
    [`WEFT0303 warning ${p}.outlierDetection`],
  ],
  ['TLS', { trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } }, [`WEFT0305 error ${p}.tls.mode`]],
  [
    'TLS of one port',
    { trafficPolicy: { portLevelSettings: [{ port: { number: 1 }, tls: { mode: 'SIMPLE' } }] } },
    [`WEFT0305 error ${p}.portLevelSettings[0].tls.mode`],
  ],
  [
    'two policies of a port',
    { trafficPolicy: { portLevelSettings: [{ port: { number: 1 } }, { port: { number: 1 } }] } },
    [`WEFT0211 error ${p}.portLevelSettings[1].port.number`],
  ],
  [
    'a port without its number',
    { trafficPolicy: { portLevelSettings: [{}] } },
    [`WEFT0208 error ${p}.portLevelSettings[0].port`],
  ],
  ['subsets', { subsets: [{ name: 'v1', labels: { version: 'v1' } }] }, ['WEFT0303 warning spec.subsets']],
  ['exported to its namespace', { exportTo: ['.'] }, ['WEFT0303 warning spec.exportTo']],
  ['exported to all', { exportTo: ['*'] }, []],
  ['for some clients', { workloadSelector: { matchLabels: { app: 'a' } } }, ['WEFT0310 warning spec.workloadSelector']],
];

for (const [title, spec, expected] of others) {
  test(`DestinationRule: ${title}`, (t) => {
    t.deepEqual(findings(rawRule(spec)), expected);
  });
}
