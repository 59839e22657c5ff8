import { createHash } from 'node:crypto';

/** A v1 Service as far as its endpoints depend on it. */
export interface ServiceObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ipFamilies?: readonly AddressType[];
    readonly publishNotReadyAddresses?: boolean;
    readonly ports?: readonly ServicePort[];
  };
}

export interface ServicePort {
  readonly name?: string;
  readonly protocol?: string;
  readonly appProtocol?: string;
  readonly port: number;
  /** A number, or the name of a container's port; omitted: `port`. */
  readonly targetPort?: number | string;
}

/** A v1 Pod as far as it is an endpoint. */
export interface EndpointPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly {
      readonly ports?: readonly {
        readonly name?: string;
        readonly containerPort: number;
        readonly protocol?: string;
      }[];
    }[];
  };
  readonly status: {
    readonly phase?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export type AddressType = 'IPv4' | 'IPv6';

export interface SlicePort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly appProtocol?: string;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean };
  readonly targetRef: {
    readonly kind: 'Pod';
    readonly namespace: string;
    readonly name: string;
    readonly uid?: string;
  };
  readonly nodeName?: string;
}

/** discovery.k8s.io/v1 EndpointSlice. */
export interface EndpointSliceObject {
  readonly apiVersion: 'discovery.k8s.io/v1';
  readonly kind: 'EndpointSlice';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly Readonly<Record<string, unknown>>[];
  };
  readonly addressType: AddressType;
  readonly endpoints: readonly SliceEndpoint[] | null;
  readonly ports: readonly SlicePort[] | null;
}

/**
 * What a cluster's EndpointSlice controller writes for a Service: a slice for each address family and each set of port numbers
 * that its Pods resolve named targetPorts to, sorted by name; one without endpoints for a family that no Pod has. None for a
 * Service without selector. Unlike the controller's, slices are of any length.
 */
export function endpointSlicesOf(service: ServiceObject, pods: readonly EndpointPod[]): EndpointSliceObject[] {
  const { selector = {}, ipFamilies = ['IPv4'], ports = [] } = service.spec;
  if (Object.keys(selector).length === 0) return [];
  const selected = pods.filter((pod) => isSelected(pod, service.metadata.namespace, selector));
  return ipFamilies
    .flatMap((type) => {
      const groups = new Map<string, { readonly ports: readonly SlicePort[]; readonly endpoints: SliceEndpoint[] }>();
      for (const pod of selected) {
        const endpoint = endpointOf(service, pod, type);
        if (endpoint === undefined) continue;
        const resolved = ports.flatMap((port) => resolvedPort(port, pod) ?? []);
        const key = JSON.stringify(resolved);
        const group = groups.get(key) ?? { ports: resolved, endpoints: [] };
        group.endpoints.push(endpoint);
        groups.set(key, group);
      }
      if (groups.size === 0) return [sliceOf(service, type, null, null)];
      return [...groups.values()].map((group) => sliceOf(service, type, group.ports, group.endpoints));
    })
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function isSelected(pod: EndpointPod, namespace: string, selector: Readonly<Record<string, string>>): boolean {
  const { labels = {} } = pod.metadata;
  if (pod.metadata.namespace !== namespace || pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed')
    return false;
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

/** undefined: the Pod has no address of the family. */
function endpointOf(service: ServiceObject, pod: EndpointPod, type: AddressType): SliceEndpoint | undefined {
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const address = pod.status.podIPs?.find(({ ip }) => ip.includes(':') === (type === 'IPv6'))?.ip;
  if (address === undefined) return undefined;
  const { conditions = [] } = pod.status;
  const serving = conditions.some((each) => each.type === 'Ready' && each.status === 'True');
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', namespace, name, ...(uid === undefined ? {} : { uid }) },
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
  };
}

/** undefined: no container has a port of that name and protocol. */
function resolvedPort(port: ServicePort, pod: EndpointPod): SlicePort | undefined {
  const { name = '', protocol = 'TCP', appProtocol, targetPort = port.port } = port;
  const named = pod.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find((each) => each.name === targetPort && (each.protocol ?? 'TCP') === protocol);
  const number = typeof targetPort === 'number' ? targetPort : named?.containerPort;
  if (number === undefined) return undefined;
  return { name, protocol, port: number, ...(appProtocol === undefined ? {} : { appProtocol }) };
}

/** Its name stays the same as long as its family and ports do. */
function sliceOf(
  service: ServiceObject,
  addressType: AddressType,
  ports: readonly SlicePort[] | null,
  endpoints: readonly SliceEndpoint[] | null,
): EndpointSliceObject {
  const { name, namespace, uid, labels = {} } = service.metadata;
  const suffix = createHash('sha256')
    .update(JSON.stringify([addressType, ports]))
    .digest('hex')
    .slice(0, 5);
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${suffix}`,
      namespace,
      labels: {
        ...labels,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': name,
      },
      ...(uid === undefined ? {} : { ownerReferences: [owner] }),
    },
    addressType,
    endpoints,
    ports,
  };
}
