import test from 'ava';
import type { Endpoint } from '../../agent/model/mesh.js';
import { findings, parsed, type Raw, rawSlice } from './objects.js';

const plain: Endpoint = {
  address: '10.1.0.1',
  ready: true,
  serving: true,
  terminating: false,
  node: '',
  zone: '',
  pod: '',
  forZones: undefined,
  forNodes: undefined,
};

const endpoints: readonly (readonly [string, Raw, Partial<Endpoint>])[] = [
  ['without conditions it is ready', {}, {}],
  ['null conditions are absent ones', { conditions: { ready: null, serving: null, terminating: null } }, {}],
  ['not ready is not serving, unless it says so', { conditions: { ready: false } }, { ready: false, serving: false }],
  [
    'terminating and serving',
    { conditions: { ready: false, serving: true, terminating: true } },
    { ready: false, terminating: true },
  ],
  [
    'node, zone and Pod',
    { nodeName: 'n', zone: 'z', targetRef: { kind: 'Pod', name: 'p' } },
    { node: 'n', zone: 'z', pod: 'p' },
  ],
  ['a target that is no Pod', { targetRef: { kind: 'Node', name: 'p' } }, {}],
  [
    'hints',
    { hints: { forZones: [{ name: 'a' }, { name: 'b' }], forNodes: [{ name: 'n' }] } },
    { forZones: ['a', 'b'], forNodes: ['n'] },
  ],
  ['empty hints are none', { hints: { forZones: [] } }, {}],
  ['the first of several addresses', { addresses: ['10.1.0.1', '10.1.0.2'] }, {}],
];

for (const [title, endpoint, expected] of endpoints) {
  test(`Endpoint: ${title}`, (t) => {
    const raw = rawSlice({ endpoints: [{ addresses: ['10.1.0.1'], ...endpoint }] });
    t.deepEqual(findings(raw), []);
    t.deepEqual(parsed('EndpointSlice', raw).endpoints, [{ ...plain, ...expected }]);
  });
}

test('EndpointSlice: the label names the Service, ports default to TCP', (t) => {
  const slice = parsed(
    'EndpointSlice',
    rawSlice({
      ports: [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    }),
  );
  t.is(slice.service, 'web');
  t.is(slice.family, 4);
  t.deepEqual(slice.ports, [
    { name: 'http', port: 80, protocol: 'TCP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ]);
});

test('EndpointSlice: equal strings are one string in memory, equal label maps one map', (t) => {
  const [a, b] = ['a', 'b'].map((name) => parsed('EndpointSlice', rawSlice({}, name)));
  t.is(a!.meta.labels, b!.meta.labels);
});

const bad: readonly (readonly [string, Raw, readonly string[]])[] = [
  [
    'names as addresses',
    { addressType: 'FQDN', endpoints: [{ addresses: ['a.b'] }] },
    ['WEFT0310 warning addressType'],
  ],
  ['no address type', { addressType: undefined }, ['WEFT0208 error addressType']],
  ['an unknown address type', { addressType: 'IPv5' }, ['WEFT0206 error addressType']],
  ['an address of the other family', { addressType: 'IPv6' }, ['WEFT0212 error endpoints[0].addresses[0]']],
  ['a loopback address', { endpoints: [{ addresses: ['127.0.0.1'] }] }, ['WEFT0210 error endpoints[0].addresses[0]']],
  ['a multicast address', { endpoints: [{ addresses: ['224.0.0.1'] }] }, ['WEFT0210 error endpoints[0].addresses[0]']],
  ['no address', { endpoints: [{ addresses: [] }] }, ['WEFT0208 error endpoints[0].addresses']],
  [
    'a condition that is text',
    { endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: 'yes' } }] },
    ['WEFT0205 error endpoints[0].conditions.ready'],
  ],
  [
    'a misspelt condition',
    { endpoints: [{ addresses: ['10.1.0.1'], conditions: { redy: false } }] },
    ['WEFT0302 warning endpoints[0].conditions.redy'],
  ],
  [
    'a node that is a number',
    { endpoints: [{ addresses: ['10.1.0.1'], nodeName: 1 }] },
    ['WEFT0205 error endpoints[0].nodeName'],
  ],
  ['endpoints that are no list', { endpoints: {} }, ['WEFT0205 error endpoints']],
  ['an endpoint that is text', { endpoints: ['10.1.0.1'] }, ['WEFT0205 error endpoints[0]']],
  ['all ports', { ports: [{}] }, ['WEFT0310 warning ports[0].port']],
  ['port 0', { ports: [{ port: 0 }] }, ['WEFT0207 error ports[0].port']],
  ['two ports without names', { ports: [{ port: 1 }, { port: 2 }] }, ['WEFT0211 error ports[1].name']],
  ['an unknown field', { endpoint: [] }, ['WEFT0302 warning endpoint']],
];

for (const [title, more, expected] of bad) {
  test(`EndpointSlice: ${title}`, (t) => {
    t.deepEqual(findings(rawSlice(more)), expected);
  });
}
