import type { DestinationRule } from './destination-rule.js';
import type { IstioGateway } from './istio-gateway.js';
import type { GatewayClass, KubernetesGateway, ReferenceGrant } from './kubernetes-gateway.js';
import type { GrpcRoute, HttpRoute } from './route.js';
import type { Secret } from './secret.js';
import type { ServiceEntry } from './service-entry.js';
import type { VirtualService } from './virtual-service.js';

/**
 * What the user wants, whatever it was written in. Values only: sources make them, compile reads them.
 * Addresses are canonical text (RFC 5952 for IPv6; an IPv4-mapped IPv6 address is written as IPv4).
 */

export type Family = 4 | 6;
export type Protocol = 'TCP' | 'UDP';

/** Where an object was read: `file` is a path, or the URL of an API server's list; `document` counts from 0 inside `file`, `item` inside a `List` (-1 outside one). */
export interface Origin {
  readonly file: string;
  readonly document: number;
  readonly item: number;
}

/** Whether an API server gave it, so that whoever wrote it need not be somebody who may read or write files of the node. */
export function isOfApiServer({ file }: Origin): boolean {
  return file.startsWith('https://');
}

export interface Metadata {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Only those of weft.dev. */
  readonly annotations: Readonly<Record<string, string>>;
  /** metadata.creationTimestamp in ms, 0 when absent. */
  readonly created: number;
  /** metadata.generation, which the API server counts up with each change of the spec; 0 when absent: of a directory. */
  readonly generation: number;
  readonly origin: Origin;
}

export interface ServicePort {
  /** Empty when unnamed. */
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** A number, or a container port's name. */
  readonly targetPort: number | string;
  readonly appProtocol: string;
}

/** v1 Service. */
export interface Service {
  readonly kind: 'Service';
  readonly meta: Metadata;
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** spec.clusterIPs (or clusterIP), then spec.externalIPs, then status.loadBalancer.ingress[].ip; none for headless and ExternalName. */
  readonly addresses: readonly string[];
  /** spec.externalName without a final dot; empty for other types. */
  readonly externalName: string;
  readonly headless: boolean;
  /** Undefined without a selector (its EndpointSlices are then written by somebody else). */
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly ports: readonly ServicePort[];
  readonly internalTrafficPolicy: 'Cluster' | 'Local';
  /** spec.trafficDistribution (KEP-4444, KEP-3015); PreferClose is PreferSameZone's older name. */
  readonly trafficDistribution: 'PreferSameZone' | 'PreferSameNode' | undefined;
  /** Seconds of sessionAffinity ClientIP; 0 for None. */
  readonly affinitySeconds: number;
  readonly publishNotReadyAddresses: boolean;
  /** Of one that stands for a host of ServiceEntries: the oldest of them (NS/NAME), and how it finds endpoints. */
  readonly entry?: { readonly key: string; readonly resolution: ServiceEntry['resolution'] };
}

export interface EndpointPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface Endpoint {
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Empty when unknown. */
  readonly node: string;
  readonly zone: string;
  /** targetRef of kind Pod, as NAME in the slice's namespace; empty without. */
  readonly pod: string;
  /** hints.forZones / hints.forNodes, undefined without. */
  readonly forZones: readonly string[] | undefined;
  readonly forNodes: readonly string[] | undefined;
  /** Of a ServiceEntry's; 1 when omitted. */
  readonly weight?: number;
}

/** discovery.k8s.io/v1 EndpointSlice. */
export interface EndpointSlice {
  readonly kind: 'EndpointSlice';
  readonly meta: Metadata;
  /** Label kubernetes.io/service-name; empty when it belongs to none. */
  readonly service: string;
  readonly family: Family;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface ContainerPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** v1 Pod. */
export interface Pod {
  readonly kind: 'Pod';
  readonly meta: Metadata;
  readonly addresses: readonly string[];
  readonly ports: readonly ContainerPort[];
  readonly ready: boolean;
  readonly terminating: boolean;
  /** Phase Succeeded or Failed: it has no endpoint any more. */
  readonly finished: boolean;
  readonly node: string;
  readonly hostNetwork: boolean;
  /** metadata.uid of one that an API server told of, by which its processes are found; empty for one of a directory. */
  readonly uid: string;
  /** Of a directory's: annotation weft.dev/netns, a name of /run/netns; empty without. */
  readonly netns: string;
  /** Annotation weft.dev/cgroup; empty without. */
  readonly cgroup: string;
  /** Label weft.dev/mesh. */
  readonly mesh: 'enabled' | 'disabled' | undefined;
  /** Owner by ownerReferences (a ReplicaSet's hash cut off), else label app, else the Pod's name. */
  readonly workload: string;
}

/** v1 Node. */
export interface Node {
  readonly kind: 'Node';
  readonly meta: Metadata;
  /** Labels topology.kubernetes.io/region and /zone, topology.istio.io/subzone; empty without. */
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** v1 Namespace. */
export interface Namespace {
  readonly kind: 'Namespace';
  readonly meta: Metadata;
  readonly mesh: 'enabled' | 'disabled' | undefined;
}

/** How connections are balanced without a proxy. */
export type LoadBalancer = 'ROUND_ROBIN' | 'RANDOM' | 'LEAST_REQUEST' | 'PASSTHROUGH' | 'SOURCE_IP';

/** apps/v1 Deployment: accepted; only its Pods' labels are of interest. */
export interface Deployment {
  readonly kind: 'Deployment';
  readonly meta: Metadata;
  readonly podLabels: Readonly<Record<string, string>>;
}

export type {
  DestinationRule,
  GatewayClass,
  GrpcRoute,
  HttpRoute,
  IstioGateway,
  KubernetesGateway,
  ReferenceGrant,
  Secret,
  ServiceEntry,
  VirtualService,
};

/** What HTTP rules are made of; DestinationRule, ServiceEntry and Secret are for connections too. */
export type RoutingObject =
  | DestinationRule
  | VirtualService
  | IstioGateway
  | ServiceEntry
  | GatewayClass
  | KubernetesGateway
  | HttpRoute
  | GrpcRoute
  | ReferenceGrant
  | Secret;

export type MeshObject = Service | EndpointSlice | Pod | Node | Namespace | Deployment | RoutingObject;

export type Kind = MeshObject['kind'];

/** `NAMESPACE/NAME`; cluster-scoped kinds have the empty namespace. */
export function keyOf(object: { readonly meta: Pick<Metadata, 'namespace' | 'name'> }): string {
  return `${object.meta.namespace}/${object.meta.name}`;
}

/** One step of a source: the object as it is now, or that it is gone. */
export type Change =
  | { readonly type: 'put'; readonly object: MeshObject }
  | { readonly type: 'remove'; readonly kind: Kind; readonly key: string };
