import { destinationRule, type Manifest, pod, service } from '../agent/objects.js';
import { datagramPort, servicePort, streamPort } from './ports.js';

/** Namespaces of Pods that call; names of /run/netns. */
export const namespaces = { client: 'guest-client', other: 'guest-other' } as const;

/** The Pods of app web, dual-stack. */
export const web = [
  { name: 'default/web-1', four: '10.1.0.1', six: 'fd00:1::1' },
  { name: 'default/web-2', four: '10.1.0.2', six: 'fd00:1::2' },
  { name: 'default/web-3', four: '10.1.0.3', six: 'fd00:1::3' },
] as const;

/** The only Pod of app leaver. */
export const leaver = '10.1.0.9';

/** Where Services are; only Weft knows these addresses. */
export const addresses = {
  roundRobin: { four: '10.96.0.1', six: 'fd00:96::1' },
  leastRequest: '10.96.0.2',
  random: '10.96.0.3',
  empty: { four: '10.96.0.4', six: 'fd00:96::4' },
  leaver: '10.96.0.5',
  names: [
    { four: '10.96.0.11', six: 'fd00:96::11' },
    { four: '10.96.0.12', six: 'fd00:96::12' },
    { four: '10.96.0.13', six: 'fd00:96::13' },
  ],
} as const;

const tcp = { name: 'tcp', protocol: 'TCP', port: servicePort, targetPort: streamPort };
const udp = { name: 'udp', protocol: 'UDP', port: servicePort, targetPort: datagramPort };

function balanced(name: string, policy: string, at: readonly string[]): readonly Manifest[] {
  return [
    service(name, { addresses: at, ports: [tcp], spec: { selector: { app: 'web' } } }),
    destinationRule(name, { loadBalancer: { simple: policy } }),
  ];
}

/** All objects; `hasLeaver`: whether the only Pod of app leaver is among them. */
export function mesh(hasLeaver: boolean): readonly Manifest[] {
  return [
    ...balanced('round-robin', 'ROUND_ROBIN', Object.values(addresses.roundRobin)),
    ...balanced('least-request', 'LEAST_REQUEST', [addresses.leastRequest]),
    ...balanced('random', 'RANDOM', [addresses.random]),
    service('empty', { addresses: Object.values(addresses.empty), ports: [tcp, udp] }),
    service('leaver', {
      addresses: [addresses.leaver],
      ports: [tcp, udp],
      annotations: { 'weft.dev/on-removal': 'reset' },
    }),
    ...addresses.names.map((at, index) =>
      service(`names-${index}`, { addresses: Object.values(at), ports: [udp], spec: { selector: { app: 'web' } } }),
    ),
    ...web.map(({ name, four, six }) => pod(name.split('/')[1]!, { app: 'web', addresses: [four, six] })),
    ...(hasLeaver ? [pod('leaver-1', { app: 'leaver', addresses: [leaver] })] : []),
    pod('client', { addresses: ['10.1.0.100', 'fd00:1::100'], netns: namespaces.client }),
    pod('other', { addresses: ['10.1.0.101', 'fd00:1::101'], netns: namespaces.other }),
  ];
}
