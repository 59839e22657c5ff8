import { parseAllDocuments } from 'yaml';
import type { Weights } from './phases.js';

/** A Service of the demo, as deploy/demo/services.yaml has it. */
export interface CastService {
  /** Without namespace: all of the demo is in `default`. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly port: number;
  /** What the client asks for. */
  readonly path: string;
}

/** A pod of the demo: a network namespace, with a server in it unless it is the client. */
export interface CastPod {
  readonly name: string;
  /** The Service it serves; empty for the client. */
  readonly service: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

export const podPort = 8080;
export const podNamespace = 'default';
export const nodeName = 'demo';
/** The namespace with the bridge that joins the pods; no pod itself. */
export const hub = 'hub';

export const clientPod: CastPod = { name: 'client', service: '', ipv4: '10.244.0.5', ipv6: 'fd00:10:244::5' };

export const backendPods: readonly CastPod[] = [
  { name: 'order-1', service: 'order-service', ipv4: '10.244.0.21', ipv6: 'fd00:10:244::21' },
  { name: 'order-2', service: 'order-service', ipv4: '10.244.0.22', ipv6: 'fd00:10:244::22' },
  { name: 'user-1', service: 'user-service', ipv4: '10.244.0.11', ipv6: 'fd00:10:244::11' },
  { name: 'user-2', service: 'user-service', ipv4: '10.244.0.12', ipv6: 'fd00:10:244::12' },
];

export const allPods: readonly CastPod[] = [...backendPods, clientPod];

interface ServiceManifest {
  readonly kind?: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly clusterIPs: readonly string[]; readonly ports: readonly { readonly port: number }[] };
}

/** The Services of a manifest, sorted by name. `user-service` is asked for `/user/1`, like the rules of the example. */
export function readServices(yaml: string): CastService[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as ServiceManifest)
    .filter((manifest) => manifest.kind === 'Service')
    .map(({ metadata: { name }, spec }) => ({
      name,
      addresses: spec.clusterIPs,
      port: spec.ports[0]!.port,
      path: `/${name.replace(/-service$/, '')}/1`,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names of a Service's backends with the weight each has, in order of the names. */
export function showWeights(weights: Weights): string {
  return Object.entries(weights)
    .map(([backend, weight]) => `${backend}=${weight}`)
    .join(' ');
}
