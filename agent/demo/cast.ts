import { parseAllDocuments } from 'yaml';

/** A Service of the demo, as its manifest has it. */
export interface CastService {
  /** Without namespace: all of the demo is in `default`. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly port: number;
}

/** A pod of the demo: a network namespace, with a server in it unless it is the client. */
export interface CastPod {
  readonly name: string;
  /** The Service it serves; empty for the client. */
  readonly service: string;
  /** Of its Service where that has subsets, else empty. */
  readonly version: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A network namespace that is no pod: the node, where the agent and its gateway are, or somebody outside. */
export interface CastPlace {
  readonly name: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

export const podPort = 8080;
export const podNamespace = 'default';
export const nodeName = 'demo';
/** The namespace with the bridge that joins the pods and the node; no pod itself. */
export const hub = 'hub';

function pod(name: string, service: string, number: number, version = ''): CastPod {
  return { name, service, version, ipv4: `10.244.0.${number}`, ipv6: `fd00:10:244::${number}` };
}

export const clientPod: CastPod = pod('client', '', 5);

/** Sorted by Service and name. */
export const backendPods: readonly CastPod[] = [
  pod('catalog-1', 'catalog', 31, 'v1'),
  pod('catalog-2', 'catalog', 32, 'v1'),
  pod('catalog-3', 'catalog', 33, 'v1'),
  pod('catalog-4', 'catalog', 34, 'v2'),
  pod('order-1', 'order-service', 21),
  pod('order-2', 'order-service', 22),
  pod('user-1', 'user-service', 11),
  pod('user-2', 'user-service', 12),
];

export const allPods: readonly CastPod[] = [...backendPods, clientPod];

/** The node's leg among the pods. */
export const node: CastPlace = { name: 'node', ipv4: '10.244.0.1', ipv6: 'fd00:10:244::1' };
/** The node's other leg leads to the one who is outside (addresses of RFC 5737 and RFC 3849), and no further. */
export const uplink: CastPlace = { name: 'uplink', ipv4: '192.0.2.1', ipv6: '2001:db8::1' };
export const outside: CastPlace = { name: 'outside', ipv4: '192.0.2.2', ipv6: '2001:db8::2' };

export function backendsOf(service: string): readonly CastPod[] {
  return backendPods.filter((each) => each.service === service);
}

export function podNamed(name: string): CastPod {
  return backendPods.find((each) => each.name === name)!;
}

interface ServiceManifest {
  readonly kind?: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly clusterIPs: readonly string[]; readonly ports: readonly { readonly port: number }[] };
}

/** The Services of a manifest, sorted by name. */
export function readServices(yaml: string): CastService[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as ServiceManifest)
    .filter((manifest) => manifest.kind === 'Service')
    .map(({ metadata: { name }, spec }) => ({ name, addresses: spec.clusterIPs, port: spec.ports[0]!.port }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
