import test from 'ava';
import { endpointSource } from '../../agent/compile/candidates.js';
import { endpointsOf } from '../../agent/compile/endpoints.js';
import type { CompileContext } from '../../agent/compile/input.js';
import type { Endpoint, Family, MeshObject, Pod, Service } from '../../agent/model/mesh.js';
import { contextOf, endpoint, http, meshOf, node, pod, service, slice } from './mesh.js';

interface Story {
  readonly service?: Partial<Service>;
  readonly objects: readonly MeshObject[];
  readonly context?: CompileContext;
  readonly family?: Family;
  readonly port?: Partial<typeof http>;
}

/** One line an endpoint: `name address:port state weight`. */
function show(story: Story): readonly string[] {
  const web = service('web', story.service);
  const input = meshOf(web, ...story.objects);
  const port = { ...http, ...story.port };
  const found = endpointsOf(endpointSource(web, input), port, story.family ?? 4, input, story.context ?? contextOf());
  return found.map(({ name, address, port, state, weight }) => `${name} ${address}:${port} ${state} ${weight}`);
}

function golden(title: string, story: Story, expected: readonly string[]): void {
  test(title, (t) => t.deepEqual(show(story), expected));
}

const unready: Partial<Endpoint> = { ready: false, serving: false };
const ending: Partial<Endpoint> = { ready: false, serving: true, terminating: true };
const broken: Partial<Endpoint> = { ready: false, serving: false, terminating: true };
const endingPod: Partial<Pod> = { terminating: true };

golden(
  'Pods of the selector, sorted by address, each with its own named port',
  {
    port: { targetPort: 'web' },
    objects: [
      pod('b', '10.0.0.2', { ports: [{ name: 'web', port: 9090, protocol: 'TCP' }] }),
      pod('a', '10.0.0.1', { ports: [{ name: 'web', port: 8081, protocol: 'TCP' }] }),
      pod('udp-only', '10.0.0.3', { ports: [{ name: 'web', port: 53, protocol: 'UDP' }] }),
      pod('portless', '10.0.0.4'),
      pod('stranger', '10.0.0.5', {}, { labels: { app: 'other' } }),
      pod('abroad', '10.0.0.6', {}, { namespace: 'elsewhere' }),
      pod('finished', '10.0.0.7', { finished: true }),
      pod('addressless', '10.0.0.8', { addresses: [] }),
    ],
  },
  ['shop/a 10.0.0.1:8081 ready 1', 'shop/b 10.0.0.2:9090 ready 1'],
);

golden(
  'a Pod that is not ready or that is going is not used while another is ready',
  { objects: [pod('a', '10.0.0.1'), pod('b', '10.0.0.2', { ready: false }), pod('c', '10.0.0.3', endingPod)] },
  ['shop/a 10.0.0.1:8080 ready 1', 'shop/b 10.0.0.2:8080 unready 0', 'shop/c 10.0.0.3:8080 standby 0'],
);

golden(
  'serving and terminating Pods are used while nobody is ready',
  { objects: [pod('b', '10.0.0.2', { ready: false }), pod('c', '10.0.0.3', endingPod)] },
  ['shop/b 10.0.0.2:8080 unready 0', 'shop/c 10.0.0.3:8080 terminating 1'],
);

golden(
  'publishNotReadyAddresses makes every Pod ready',
  {
    service: { publishNotReadyAddresses: true },
    objects: [pod('b', '10.0.0.2', { ready: false }), pod('c', '10.0.0.3', { ready: false, terminating: true })],
  },
  ['shop/b 10.0.0.2:8080 ready 1', 'shop/c 10.0.0.3:8080 ready 1'],
);

golden(
  'a Service without a selector has no Pods',
  { service: { selector: undefined }, objects: [pod('a', '10.0.0.1')] },
  [],
);
golden('an empty selector selects nobody', { service: { selector: {} }, objects: [pod('a', '10.0.0.1')] }, []);

golden(
  'slices win over Pods; ports match by name and protocol; names come from targetRef, else from the Pod there',
  {
    objects: [
      pod('a', '10.0.0.1'),
      pod('known', '10.0.0.2'),
      pod('host', '10.0.0.3', { hostNetwork: true }),
      slice('one', [endpoint('10.0.0.9', { pod: 'named' }), endpoint('10.0.0.2'), endpoint('10.0.0.3')]),
      slice('other-port', [endpoint('10.0.0.4')], { ports: [{ name: 'admin', port: 1, protocol: 'TCP' }] }),
      slice('other-protocol', [endpoint('10.0.0.5')], { ports: [{ name: 'http', port: 1, protocol: 'UDP' }] }),
      slice('other-family', [endpoint('fd00::1')], { family: 6 }),
    ],
  },
  ['shop/known 10.0.0.2:8080 ready 1', '10.0.0.3 10.0.0.3:8080 ready 1', 'shop/named 10.0.0.9:8080 ready 1'],
);

golden(
  'an endpoint in two slices counts once, as the readier of its entries',
  {
    objects: [
      slice('old', [endpoint('10.0.0.1', unready), endpoint('10.0.0.2')]),
      slice('new', [endpoint('10.0.0.1'), endpoint('10.0.0.2', ending)]),
    ],
  },
  ['10.0.0.1 10.0.0.1:8080 ready 1', '10.0.0.2 10.0.0.2:8080 ready 1'],
);

golden(
  'KEP-1669: terminating endpoints are used only while none is ready, and only if they serve',
  {
    objects: [
      slice('one', [endpoint('10.0.0.1', ending), endpoint('10.0.0.2', broken), endpoint('10.0.0.3', unready)]),
    ],
  },
  ['10.0.0.1 10.0.0.1:8080 terminating 1', '10.0.0.2 10.0.0.2:8080 unready 0', '10.0.0.3 10.0.0.3:8080 unready 0'],
);

golden(
  'internalTrafficPolicy Local uses this node alone',
  {
    service: { internalTrafficPolicy: 'Local' },
    objects: [
      slice('one', [
        endpoint('10.0.0.1', { node: 'here' }),
        endpoint('10.0.0.2', { node: 'there' }),
        endpoint('10.0.0.3', { node: 'here', ...ending }),
        endpoint('10.0.0.4', { node: 'there', ...unready }),
      ]),
    ],
  },
  [
    '10.0.0.1 10.0.0.1:8080 ready 1',
    '10.0.0.2 10.0.0.2:8080 other-node 0',
    '10.0.0.3 10.0.0.3:8080 standby 0',
    '10.0.0.4 10.0.0.4:8080 unready 0',
  ],
);

golden(
  'Local falls back to its own terminating endpoints although another node has a ready one',
  {
    service: { internalTrafficPolicy: 'Local' },
    objects: [
      slice('one', [endpoint('10.0.0.1', { node: 'here', ...ending }), endpoint('10.0.0.2', { node: 'there' })]),
    ],
  },
  ['10.0.0.1 10.0.0.1:8080 terminating 1', '10.0.0.2 10.0.0.2:8080 other-node 0'],
);

golden(
  'Local never falls back to another node',
  { service: { internalTrafficPolicy: 'Local' }, objects: [slice('one', [endpoint('10.0.0.2', { node: 'there' })])] },
  ['10.0.0.2 10.0.0.2:8080 other-node 0'],
);

golden(
  'Local on a node without a name uses nobody',
  {
    service: { internalTrafficPolicy: 'Local' },
    objects: [slice('one', [endpoint('10.0.0.2')])],
    context: contextOf({}, { node: '' }),
  },
  ['10.0.0.2 10.0.0.2:8080 other-node 0'],
);

golden(
  'zone hints are followed when every ready endpoint has one and one is for this zone',
  {
    objects: [
      slice('one', [
        endpoint('10.0.0.1', { forZones: ['a'] }),
        endpoint('10.0.0.2', { forZones: ['b'] }),
        endpoint('10.0.0.3', { forZones: ['b', 'a'] }),
        endpoint('10.0.0.4', unready),
      ]),
    ],
  },
  [
    '10.0.0.1 10.0.0.1:8080 ready 1',
    '10.0.0.2 10.0.0.2:8080 other-zone 0',
    '10.0.0.3 10.0.0.3:8080 ready 1',
    '10.0.0.4 10.0.0.4:8080 unready 0',
  ],
);

golden(
  'one ready endpoint without a hint makes all usable',
  { objects: [slice('one', [endpoint('10.0.0.1', { forZones: ['b'] }), endpoint('10.0.0.2', { forZones: [] })])] },
  ['10.0.0.1 10.0.0.1:8080 ready 1', '10.0.0.2 10.0.0.2:8080 ready 1'],
);

golden(
  'hints for other zones only are ignored',
  { objects: [slice('one', [endpoint('10.0.0.1', { forZones: ['b'] }), endpoint('10.0.0.2', { forZones: ['c'] })])] },
  ['10.0.0.1 10.0.0.1:8080 ready 1', '10.0.0.2 10.0.0.2:8080 ready 1'],
);

golden(
  'node hints come before zone hints',
  {
    objects: [
      slice('one', [
        endpoint('10.0.0.1', { forNodes: ['here'], forZones: ['a'] }),
        endpoint('10.0.0.2', { forNodes: ['there'], forZones: ['a'] }),
      ]),
    ],
  },
  ['10.0.0.1 10.0.0.1:8080 ready 1', '10.0.0.2 10.0.0.2:8080 other-node 0'],
);

golden(
  'without a node hint for this node zone hints decide',
  {
    objects: [
      slice('one', [
        endpoint('10.0.0.1', { forNodes: ['far'], forZones: ['b'] }),
        endpoint('10.0.0.2', { forNodes: ['there'], forZones: ['a'] }),
      ]),
    ],
  },
  ['10.0.0.1 10.0.0.1:8080 other-zone 0', '10.0.0.2 10.0.0.2:8080 ready 1'],
);

golden(
  'hints say nothing about terminating endpoints',
  {
    objects: [
      slice('one', [endpoint('10.0.0.1', { forZones: ['b'], ...ending }), endpoint('10.0.0.2', { ...ending })]),
    ],
  },
  ['10.0.0.1 10.0.0.1:8080 terminating 1', '10.0.0.2 10.0.0.2:8080 terminating 1'],
);

const threeNodes = [node('here', 'a'), node('near', 'a'), node('far', 'b')];

golden(
  'PreferSameZone without hints uses the zone of each endpoint',
  {
    service: { trafficDistribution: 'PreferSameZone' },
    objects: [...threeNodes, pod('a', '10.0.0.1', { node: 'near' }), pod('b', '10.0.0.2', { node: 'far' })],
  },
  ['shop/a 10.0.0.1:8080 ready 1', 'shop/b 10.0.0.2:8080 other-zone 0'],
);

golden(
  'PreferSameZone uses all when the zone has nobody ready',
  {
    service: { trafficDistribution: 'PreferSameZone' },
    objects: [
      ...threeNodes,
      pod('a', '10.0.0.1', { node: 'near', ready: false }),
      pod('b', '10.0.0.2', { node: 'far' }),
      pod('c', '10.0.0.3', { node: 'far' }),
    ],
  },
  ['shop/a 10.0.0.1:8080 unready 0', 'shop/b 10.0.0.2:8080 ready 1', 'shop/c 10.0.0.3:8080 ready 1'],
);

golden(
  'PreferSameZone uses all when the zone of one ready endpoint is unknown',
  {
    service: { trafficDistribution: 'PreferSameZone' },
    objects: [...threeNodes, pod('a', '10.0.0.1', { node: 'near' }), pod('b', '10.0.0.2', { node: '' })],
  },
  ['shop/a 10.0.0.1:8080 ready 1', 'shop/b 10.0.0.2:8080 ready 1'],
);

golden(
  'PreferSameNode uses this node',
  {
    service: { trafficDistribution: 'PreferSameNode' },
    objects: [...threeNodes, pod('a', '10.0.0.1', { node: 'near' }), pod('b', '10.0.0.2'), pod('c', '10.0.0.3')],
  },
  ['shop/a 10.0.0.1:8080 other-node 0', 'shop/b 10.0.0.2:8080 ready 1', 'shop/c 10.0.0.3:8080 ready 1'],
);

golden(
  'PreferSameNode uses the zone when this node has nobody',
  {
    service: { trafficDistribution: 'PreferSameNode' },
    objects: [...threeNodes, pod('a', '10.0.0.1', { node: 'near' }), pod('b', '10.0.0.2', { node: 'far' })],
  },
  ['shop/a 10.0.0.1:8080 ready 1', 'shop/b 10.0.0.2:8080 other-zone 0'],
);

golden(
  'PreferSameNode uses all when neither the node nor the zone has anybody',
  {
    service: { trafficDistribution: 'PreferSameNode' },
    objects: [...threeNodes, pod('a', '10.0.0.1', { node: 'far' }), pod('b', '10.0.0.2', { node: 'far' })],
  },
  ['shop/a 10.0.0.1:8080 ready 1', 'shop/b 10.0.0.2:8080 ready 1'],
);

golden(
  'written hints win over the distribution',
  {
    service: { trafficDistribution: 'PreferSameZone' },
    objects: [
      slice('one', [
        endpoint('10.0.0.1', { zone: 'a', forZones: ['b'] }),
        endpoint('10.0.0.2', { zone: 'b', forZones: ['a'] }),
      ]),
    ],
  },
  ['10.0.0.1 10.0.0.1:8080 other-zone 0', '10.0.0.2 10.0.0.2:8080 ready 1'],
);

golden(
  'a drained Pod has no weight and lets the others take over, terminating ones included',
  {
    objects: [pod('a', '10.0.0.1'), pod('b', '10.0.0.2', endingPod)],
    context: contextOf({ drained: new Set(['shop/a']) }),
  },
  ['shop/a 10.0.0.1:8080 drained 0', 'shop/b 10.0.0.2:8080 terminating 1'],
);

golden(
  'draining the last endpoint of a zone opens the other zones',
  {
    service: { trafficDistribution: 'PreferSameZone' },
    objects: [...threeNodes, pod('a', '10.0.0.1', { node: 'near' }), pod('b', '10.0.0.2', { node: 'far' })],
    context: contextOf({ drained: new Set(['shop/a']) }),
  },
  ['shop/a 10.0.0.1:8080 drained 0', 'shop/b 10.0.0.2:8080 ready 1'],
);

golden(
  'manual weights are by NS/POD or address, 1 when unnamed, and 0 means never',
  {
    objects: [
      pod('a', '10.0.0.1'),
      pod('b', '10.0.0.2'),
      pod('c', '10.0.0.3'),
      pod('d', '10.0.0.4', { ready: false }),
      pod('e', '10.0.0.5', endingPod),
    ],
    context: contextOf({
      weights: new Map([
        [
          'shop/web',
          new Map([
            ['shop/a', 5],
            ['10.0.0.2', 0],
            ['shop/d', 7],
            ['shop/e', 9],
          ]),
        ],
      ]),
    }),
  },
  [
    'shop/a 10.0.0.1:8080 ready 5',
    'shop/b 10.0.0.2:8080 weightless 0',
    'shop/c 10.0.0.3:8080 ready 1',
    'shop/d 10.0.0.4:8080 unready 0',
    'shop/e 10.0.0.5:8080 standby 0',
  ],
);

golden(
  'another Service keeps the default weight',
  {
    objects: [pod('a', '10.0.0.1')],
    context: contextOf({ weights: new Map([['shop/other', new Map([['shop/a', 5]])]]) }),
  },
  ['shop/a 10.0.0.1:8080 ready 1'],
);

golden(
  'IPv6: the address of the family asked for',
  { family: 6, objects: [pod('a', '', { addresses: ['10.0.0.1', 'fd00::1'] }), pod('b', '10.0.0.2')] },
  ['shop/a fd00::1:8080 ready 1'],
);
