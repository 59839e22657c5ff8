import type { ExecutionContext } from 'ava';
import { type Manifest, pod, service } from '../../agent/objects.js';
import type { SiteOptions } from '../../agent/site.js';
import type { Ask } from './client.js';
import { openStage, type Stage } from './stage.js';

/** Where the Service shop.default is: its ports 80 and 8080 are HTTP. */
export const shop = '10.96.0.1';
export const toShop: Ask = { address: shop, port: 80, headers: { host: 'shop' } };

/** Zones, of region land, of backends by number; the client is in the first. */
const zones = ['east', 'east', 'west', 'north'];

/** `ADDRESS:PORT` of a backend from 1 on, as its echo says. */
export function backend(number: number): string {
  return `10.1.0.${number}:8080`;
}

/** The Pod of a backend: versions v1 for odd numbers and v2 for even ones. */
export function shopPod(number: number): Manifest {
  return pod(`shop-${number}`, {
    app: 'shop',
    labels: { version: number % 2 === 1 ? 'v1' : 'v2' },
    addresses: [`10.1.0.${number}`],
    node: zones[number - 1] ?? 'east',
  });
}

function nodeOf(zone: string): Manifest {
  const labels = { 'topology.kubernetes.io/region': 'land', 'topology.kubernetes.io/zone': zone };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: zone, labels } };
}

/** The Service shop with so many HTTP backends, all of whose HTTP is the gateway's. The agent is on node east, in zone east, with one worker. */
export async function openShop(t: ExecutionContext, count = 4, options: SiteOptions = {}): Promise<Stage> {
  t.timeout(120_000);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const stage = await openStage(t, [...shopServices(), ...numbers.map(shopPod)], {
    ...options,
    options: ['--workers', '1', '--node', 'east', ...(options.options ?? [])],
  });
  for (const number of numbers) await stage.origin.listen(`10.1.0.${number}`, 8080);
  return stage;
}

export function shopServices(): readonly Manifest[] {
  return [
    service('shop', {
      addresses: [shop],
      annotations: { 'weft.dev/l7': 'enabled' },
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'http-other', port: 8080, targetPort: 8080 },
      ],
    }),
    ...[...new Set(zones)].map(nodeOf),
  ];
}

/** The backends, or what came instead, among the answers of `Client.spread`. */
export function reached(counts: Readonly<Record<string, number>>): readonly string[] {
  return Object.keys(counts).sort();
}

export function destinationRule(spec: string, metadata = 'name: shop, namespace: default'): string {
  return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { ${metadata} }
spec:
  host: shop.default.svc.cluster.local
${spec.replace(/^/gm, '  ')}
`;
}

/** A VirtualService of shop; `http`: the list, not indented. */
export function virtualService(http: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop, namespace: default }
spec:
  hosts: [shop]
  http:
${http.replace(/^/gm, '  ')}
`;
}
