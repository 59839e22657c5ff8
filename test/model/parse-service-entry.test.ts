import test from 'ava';
import type { ServiceEntry } from '../../agent/model/service-entry.js';
import { findings, parsed, type Raw, rawIstio } from './objects.js';

test('ServiceEntry: every field', (t) => {
  const raw = rawIstio('ServiceEntry', {
    hosts: ['api.example.com', '*.example.org'],
    addresses: ['192.0.2.0/24', '2001:DB8::1'],
    ports: [
      { number: 443, name: 'https', protocol: 'https' },
      { number: 80, name: 'http', targetPort: 8080 },
    ],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    endpoints: [
      { address: '10.0.0.1', ports: { http: 81 }, labels: { version: 'v1' }, locality: 'eu/a', weight: 3 },
      { address: 'FD00::1' },
    ],
    exportTo: ['.'],
    subjectAltNames: ['spiffe://x'],
  });
  t.deepEqual(findings(raw), []);
  const { meta: _, ...entry } = parsed('ServiceEntry', raw);
  const expected: Omit<ServiceEntry, 'meta'> = {
    kind: 'ServiceEntry',
    hosts: ['api.example.com', '*.example.org'],
    addresses: ['192.0.2.0/24', '2001:db8::1'],
    ports: [
      { number: 443, protocol: 'HTTPS', name: 'https', targetPort: undefined },
      { number: 80, protocol: 'TCP', name: 'http', targetPort: 8080 },
    ],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    endpoints: [
      { address: '10.0.0.1', ports: new Map([['http', 81]]), labels: { version: 'v1' }, locality: 'eu/a', weight: 3 },
      { address: 'fd00::1', ports: new Map(), labels: {}, locality: undefined, weight: 1 },
    ],
    workloadSelector: undefined,
    exportTo: ['ns'],
    subjectAltNames: ['spiffe://x'],
  };
  t.deepEqual(entry, expected);
});

test('ServiceEntry: defaults, and Pods instead of endpoints', (t) => {
  const { location, resolution, workloadSelector, exportTo } = parsed(
    'ServiceEntry',
    rawIstio('ServiceEntry', { hosts: ['a.example.com'], workloadSelector: { labels: { app: 'a' } } }),
  );
  t.deepEqual([location, resolution, workloadSelector, exportTo], ['MESH_EXTERNAL', 'NONE', { app: 'a' }, undefined]);
});

const entries: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['no hosts', { hosts: [] }, ['WEFT0208 error spec.hosts']],
  ['all hosts', { hosts: ['*'] }, ['WEFT0218 error spec.hosts[0]']],
  ['a port of no name', { ports: [{ number: 80 }] }, ['WEFT0208 error spec.ports[0].name']],
  ['a port name that is none', { ports: [{ number: 80, name: 'A' }] }, ['WEFT0204 error spec.ports[0].name']],
  [
    'ports twice',
    {
      ports: [
        { number: 80, name: 'a' },
        { number: 80, name: 'a' },
      ],
    },
    ['WEFT0211 error spec.ports[1].name', 'WEFT0211 error spec.ports[1].number'],
  ],
  [
    'a protocol that is none',
    { ports: [{ number: 80, name: 'a', protocol: 'X' }] },
    ['WEFT0206 error spec.ports[0].protocol'],
  ],
  ['an address that is none', { addresses: ['10.0.0'] }, ['WEFT0209 error spec.addresses[0]']],
  ['a block with DNS', { addresses: ['10.0.0.0/8'], resolution: 'DNS' }, ['WEFT0212 error spec.addresses[0]']],
  ['endpoints without resolution', { endpoints: [{ address: '10.0.0.1' }] }, ['WEFT0212 error spec.endpoints']],
  [
    'a name as a static endpoint',
    { resolution: 'STATIC', endpoints: [{ address: 'a.b' }] },
    ['WEFT0209 error spec.endpoints[0].address'],
  ],
  [
    'an endpoint without address',
    { resolution: 'STATIC', endpoints: [{}] },
    ['WEFT0208 error spec.endpoints[0].address'],
  ],
  [
    'a socket',
    { resolution: 'STATIC', endpoints: [{ address: 'unix:///x' }] },
    ['WEFT0313 error spec.endpoints[0].address'],
  ],
  ['a name resolved', { resolution: 'DNS', endpoints: [{ address: 'b.example.com' }] }, []],
  [
    'a name that is none resolved',
    { resolution: 'DNS', endpoints: [{ address: '*.a' }] },
    ['WEFT0218 error spec.endpoints[0].address'],
  ],
  ['a wildcard resolved', { hosts: ['*.a.example.com'], resolution: 'DNS' }, ['WEFT0212 error spec.hosts[0]']],
  [
    'two in turn',
    { resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'a.b' }, { address: 'c.d' }] },
    ['WEFT0212 error spec.endpoints'],
  ],
  [
    'a port that the entry does not have',
    { resolution: 'STATIC', endpoints: [{ address: '10.0.0.1', ports: { x: 1 } }] },
    ['WEFT0212 error spec.endpoints[0].ports.x'],
  ],
  [
    'endpoints and Pods',
    { resolution: 'STATIC', endpoints: [{ address: '10.0.0.1' }], workloadSelector: { labels: { a: 'b' } } },
    ['WEFT0212 error spec.workloadSelector'],
  ],
  [
    'a network',
    { resolution: 'STATIC', endpoints: [{ address: '10.0.0.1', network: 'n' }] },
    ['WEFT0303 warning spec.endpoints[0].network'],
  ],
  ['names resolved as they come', { resolution: 'DYNAMIC_DNS' }, ['WEFT0310 warning spec.resolution']],
];

for (const [title, spec, expected] of entries) {
  test(`ServiceEntry: ${title}`, (t) => {
    t.deepEqual(findings(rawIstio('ServiceEntry', { hosts: ['a.example.com'], ...spec })), expected);
  });
}
