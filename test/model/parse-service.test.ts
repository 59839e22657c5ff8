import test from 'ava';
import type { Service } from '../../agent/model/mesh.js';
import { parseObject } from '../../agent/model/parse.js';
import { findings, origin, parsed, type Raw, rawService } from './objects.js';

const plain: Service = {
  kind: 'Service',
  meta: {
    namespace: 'default',
    name: 'web',
    labels: {},
    annotations: {},
    created: 0,
    generation: 0,
    origin: { file: 'a.yaml', document: 0, item: -1 },
  },
  type: 'ClusterIP',
  addresses: ['10.96.0.1'],
  externalName: '',
  headless: false,
  selector: undefined,
  ports: [{ name: '', port: 80, protocol: 'TCP', targetPort: 80, appProtocol: '' }],
  internalTrafficPolicy: 'Cluster',
  trafficDistribution: undefined,
  affinitySeconds: 0,
  publishNotReadyAddresses: false,
};

const two = ['10.96.0.1', 'fd00::1'];
const good: readonly (readonly [string, Raw, Partial<Service>])[] = [
  ['the least there can be', {}, {}],
  ['an empty selector is none', { selector: {} }, {}],
  ['a selector', { selector: { app: 'web' } }, { selector: { app: 'web' } }],
  ['two families', { clusterIPs: two, ipFamilies: ['IPv4', 'IPv6'] }, { addresses: two }],
  ['only clusterIPs', { clusterIP: undefined, clusterIPs: two }, { addresses: two }],
  ['IPv6 in its canonical form', { clusterIP: 'FD00:0:0::0001' }, { addresses: ['fd00::1'] }],
  [
    'external addresses, each once',
    { externalIPs: ['192.0.2.1', '10.96.0.1'] },
    { addresses: ['10.96.0.1', '192.0.2.1'] },
  ],
  ['headless', { clusterIP: 'None' }, { addresses: [], headless: true }],
  ['headless without ports', { clusterIP: 'None', ports: [] }, { addresses: [], headless: true, ports: [] }],
  ['session affinity', { sessionAffinity: 'ClientIP' }, { affinitySeconds: 10_800 }],
  [
    'session affinity with its timeout',
    { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    { affinitySeconds: 60 },
  ],
  ['PreferClose', { trafficDistribution: 'PreferClose' }, { trafficDistribution: 'PreferSameZone' }],
  ['PreferSameNode', { trafficDistribution: 'PreferSameNode' }, { trafficDistribution: 'PreferSameNode' }],
  ['local traffic', { internalTrafficPolicy: 'Local' }, { internalTrafficPolicy: 'Local' }],
  ['not ready addresses', { publishNotReadyAddresses: true }, { publishNotReadyAddresses: true }],
  [
    'ports of one number and two protocols',
    {
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' },
        { name: 'dns-tcp', port: 53, targetPort: 5353, appProtocol: 'kubernetes.io/h2c' },
      ],
    },
    {
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns', appProtocol: '' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 5353, appProtocol: 'kubernetes.io/h2c' },
      ],
    },
  ],
  [
    'an external name',
    { type: 'ExternalName', externalName: 'db.example.com.', clusterIP: undefined, ports: [] },
    { type: 'ExternalName', externalName: 'db.example.com', addresses: [], ports: [] },
  ],
];

for (const [title, spec, expected] of good) {
  test(`Service: ${title}`, (t) => {
    t.deepEqual(findings(rawService(spec)), []);
    t.deepEqual(parsed('Service', rawService(spec)), { ...plain, ...expected });
  });
}

test('Service: addresses of the load balancer, unless it is to be asked itself', (t) => {
  const status = {
    loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2', ipMode: 'Proxy' }, { hostname: 'x' }] },
  };
  const raw = rawService({ type: 'LoadBalancer' }, { status });
  t.deepEqual(parsed('Service', raw).addresses, ['10.96.0.1', '192.0.2.1']);
});

test('Service: a load balancer with source ranges is left alone, and that is said', (t) => {
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
  const raw = rawService({ type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8'] }, { status });
  t.deepEqual(parsed('Service', raw).addresses, ['10.96.0.1']);
  t.deepEqual(findings(raw), ['WEFT0303 warning spec.loadBalancerSourceRanges']);
});

const bad: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['no address', { clusterIP: undefined }, ['WEFT0214 error spec.clusterIP']],
  ['an address with leading zeros', { clusterIP: '10.96.0.01' }, ['WEFT0209 error spec.clusterIP']],
  ['a scoped address', { clusterIP: 'fe80::1%eth0' }, ['WEFT0209 error spec.clusterIP']],
  ['a loopback address', { clusterIP: '127.0.0.1' }, ['WEFT0210 error spec.clusterIP']],
  ['an address that is a number', { clusterIP: 10 }, ['WEFT0205 error spec.clusterIP']],
  ['addresses that differ', { clusterIPs: ['10.96.0.2'] }, ['WEFT0212 error spec.clusterIPs[0]']],
  ['two addresses of a family', { clusterIPs: ['10.96.0.1', '10.96.0.2'] }, ['WEFT0212 error spec.clusterIPs']],
  ['a family that is not its', { ipFamilies: ['IPv6'] }, ['WEFT0212 error spec.ipFamilies[0]']],
  ['no ports', { ports: [] }, ['WEFT0208 error spec.ports']],
  ['a negative port', { ports: [{ port: -1 }] }, ['WEFT0207 error spec.ports[0].port']],
  ['port 65536', { ports: [{ port: 65_536 }] }, ['WEFT0207 error spec.ports[0].port']],
  ['a port that is text', { ports: [{ port: '80' }] }, ['WEFT0205 error spec.ports[0].port']],
  ['a port with a fraction', { ports: [{ port: 80.5 }] }, ['WEFT0205 error spec.ports[0].port']],
  ['no port number', { ports: [{ name: 'http' }] }, ['WEFT0208 error spec.ports[0].port']],
  ['ports without names', { ports: [{ port: 1 }, { name: 'b', port: 2 }] }, ['WEFT0208 error spec.ports[0].name']],
  [
    'ports of one name',
    {
      ports: [
        { name: 'a', port: 1 },
        { name: 'a', port: 2 },
      ],
    },
    ['WEFT0211 error spec.ports[1].name'],
  ],
  [
    'ports of one number',
    {
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 1 },
      ],
    },
    ['WEFT0211 error spec.ports[1].port'],
  ],
  ['a port name in capitals', { ports: [{ name: 'HTTP', port: 80 }] }, ['WEFT0204 error spec.ports[0].name']],
  ['SCTP', { ports: [{ port: 80, protocol: 'SCTP' }] }, ['WEFT0307 warning spec.ports[0].protocol']],
  [
    'a protocol in small letters',
    { ports: [{ port: 80, protocol: 'tcp' }] },
    ['WEFT0206 error spec.ports[0].protocol'],
  ],
  [
    'a target port that is no name',
    { ports: [{ port: 80, targetPort: 'a_b' }] },
    ['WEFT0204 error spec.ports[0].targetPort'],
  ],
  ['a selector of numbers', { selector: { version: 1 } }, ['WEFT0205 error spec.selector.version']],
  [
    'an affinity of 0 s',
    { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
    ['WEFT0207 error spec.sessionAffinityConfig.clientIP.timeoutSeconds'],
  ],
  [
    'an affinity of more than a day',
    { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } },
    ['WEFT0207 error spec.sessionAffinityConfig.clientIP.timeoutSeconds'],
  ],
  [
    'a timeout of no affinity',
    { sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    ['WEFT0212 error spec.sessionAffinityConfig'],
  ],
  ['a misspelt field', { slector: { app: 'web' } }, ['WEFT0302 warning spec.slector']],
  ['an external address of its own link', { externalIPs: ['169.254.1.1'] }, ['WEFT0210 error spec.externalIPs[0]']],
  ['an external name without a name', { type: 'ExternalName', clusterIP: '' }, ['WEFT0208 error spec.externalName']],
  ['node ports', { type: 'NodePort' }, ['WEFT0303 warning spec.type']],
];

for (const [title, spec, expected] of bad) {
  test(`Service: ${title}`, (t) => {
    t.deepEqual(findings(rawService(spec)), expected);
  });
}

test('Service: the suggestion names the field that was meant', (t) => {
  const [finding] = parseObject(rawService({ slector: {} }), origin).findings;
  t.is(finding?.fix, 'did you mean "selector"?');
});
