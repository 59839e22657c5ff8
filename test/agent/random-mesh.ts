import { destinationRule, endpointSlice, type Manifest, node, pod, service } from './objects.js';

/** Numbers of 0…n-1. */
export type Random = (n: number) => number;

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** The node that a random mesh is seen from. */
export const ownNode = 'node-0';

/** A Service of a random mesh, as far as a client must know it. */
export interface RandomService {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Connections to keep open towards its first address before anything is compared. */
  readonly kept: number;
  /** Weights to set, by NS/POD; empty for none. */
  readonly weights: Readonly<Record<string, number>>;
  /** NS/POD to drain; empty for none. */
  readonly drained: string;
}

export interface RandomMesh {
  readonly manifests: readonly Manifest[];
  readonly services: readonly RandomService[];
}

/** Ports of every Service: one to a number, one to a name that half of the Pods give another number; TCP and UDP. */
const ports: readonly Manifest[] = (['TCP', 'UDP'] as const).flatMap((protocol) => [
  { name: `plain-${protocol.toLowerCase()}`, port: 80, targetPort: 8080, protocol },
  { name: `named-${protocol.toLowerCase()}`, port: 81, targetPort: `door-${protocol.toLowerCase()}`, protocol },
]);

const podPorts = (port: number): readonly Manifest[] =>
  (['TCP', 'UDP'] as const).map((protocol) => ({
    name: `door-${protocol.toLowerCase()}`,
    containerPort: port,
    protocol,
  }));

const balancings: readonly Manifest[] = [
  { loadBalancer: { simple: 'ROUND_ROBIN' } },
  { loadBalancer: { simple: 'RANDOM' } },
  { loadBalancer: { simple: 'LEAST_REQUEST' } },
  { loadBalancer: { simple: 'PASSTHROUGH' } },
  { loadBalancer: { consistentHash: { useSourceIp: true } } },
  { connectionPool: { tcp: { maxConnections: 2 } } },
  { connectionPool: { tcp: { maxConnections: 3 } }, loadBalancer: { simple: 'RANDOM' } },
  { connectionPool: { tcp: { maxConnections: 50 } }, loadBalancer: { simple: 'ROUND_ROBIN' } },
];

/** How many endpoints; above 64 LEAST_REQUEST draws. */
const sizes = [0, 2, 3, 4, 5, 6, 8, 80];

function chance(random: Random, percent: number): boolean {
  return random(100) < percent;
}

function endpoint(random: Random, address: string): Manifest {
  const ready = chance(random, 70);
  const terminating = !ready && chance(random, 60);
  const home = random(3);
  const hints = chance(random, 50) ? { hints: { forZones: [{ name: `zone-${home % 2}` }] } } : {};
  return {
    addresses: [address],
    conditions: { ready, serving: ready || (terminating && chance(random, 80)), terminating },
    nodeName: `node-${home}`,
    ...hints,
  };
}

function randomService(random: Random, index: number): RandomService & { readonly manifests: readonly Manifest[] } {
  const name = `app-${index}`;
  const families = [['4'], ['4'], ['6'], ['4', '6']][random(4)]!;
  const size = sizes[random(sizes.length)]!;
  const fromSlices = chance(random, 40);
  const addressOf = (family: string, each: number): string =>
    family === '4' ? `10.1.${index}.${each + 1}` : `fd00:1::${index + 1}:${(each + 1).toString(16)}`;
  const spec = {
    ipFamilies: families.map((family) => `IPv${family}`),
    ...(chance(random, 20) ? { sessionAffinity: 'ClientIP' } : {}),
    ...(chance(random, 15) ? { publishNotReadyAddresses: true } : {}),
    ...(chance(random, 10) ? { internalTrafficPolicy: 'Local' } : {}),
    ...(chance(random, 25)
      ? { trafficDistribution: ['PreferClose', 'PreferSameZone', 'PreferSameNode'][random(3)] }
      : {}),
  };
  const addresses = families.map((family) => (family === '4' ? `10.96.0.${index + 1}` : `fd00:96::${index + 1}`));
  const annotations: Readonly<Record<string, string>> = chance(random, 30)
    ? { 'weft.dev/balancing': ['round-robin', 'random', 'least-request'][random(3)]! }
    : {};
  const manifests: Manifest[] = [service(name, { addresses, annotations, ports, spec })];
  if (chance(random, 70)) manifests.push(destinationRule(name, balancings[random(balancings.length)]!));
  const names = Array.from({ length: size }, (_, each) => `${name}-${each + 1}`);
  if (fromSlices) {
    const slicePorts = ports.map(({ name, protocol }) => ({ name, protocol, port: 8080 + random(2) }));
    for (const family of families) {
      const endpoints = names.map((_, each) => endpoint(random, addressOf(family, each)));
      const options = { service: name, family: `IPv${family}` as 'IPv4' | 'IPv6', ports: slicePorts, endpoints };
      manifests.push(endpointSlice(`${name}-${family}`, options));
    }
  } else {
    for (const [each, podName] of names.entries()) {
      const terminating = chance(random, 15);
      manifests.push(
        pod(podName, {
          app: name,
          addresses: families.map((family) => addressOf(family, each)),
          ready: chance(random, 75),
          terminating,
          node: `node-${random(3)}`,
          ports: podPorts(chance(random, 50) ? 9090 : 8081),
        }),
      );
    }
  }
  const isNamed = !fromSlices && size > 0;
  const weights = isNamed && chance(random, 50) ? names.map((each) => [`default/${each}`, random(6)] as const) : [];
  return {
    name,
    addresses,
    kept: chance(random, 70) ? 1 + random(3) : 0,
    weights: Object.fromEntries(weights),
    drained: isNamed && chance(random, 30) ? `default/${names[random(size)]}` : '',
    manifests,
  };
}

/** `count` Services of every kind, on three nodes in two zones. */
export function randomMesh(random: Random, count: number): RandomMesh {
  const services = Array.from({ length: count }, (_, index) => randomService(random, index));
  const nodes = [0, 1, 2].map((each) => node(`node-${each}`, `zone-${each % 2}`));
  return { services, manifests: [...nodes, ...services.flatMap(({ manifests }) => manifests)] };
}
