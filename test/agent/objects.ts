/** A manifest's object, as somebody would write it. */
export type Manifest = Readonly<Record<string, unknown>>;

export interface ServiceOptions {
  readonly addresses: readonly string[];
  readonly ports?: readonly Manifest[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** More of its spec. */
  readonly spec?: Manifest;
}

/** A Service of namespace default that selects Pods by the label app, its own name; port 80 to 8080. */
export function service(name: string, options: ServiceOptions): Manifest {
  const { addresses, annotations = {}, ports = [{ name: 'main', port: 80, targetPort: 8080 }], spec = {} } = options;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', annotations },
    spec: { clusterIP: addresses[0], clusterIPs: addresses, selector: { app: name }, ports, ...spec },
  };
}

export interface PodOptions {
  readonly addresses: readonly string[];
  readonly app?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** A name of /run/netns. */
  readonly netns?: string;
  readonly ready?: boolean;
  readonly terminating?: boolean;
  readonly node?: string;
  readonly ports?: readonly Manifest[];
}

/** A Pod of namespace default; without `netns` it is only a backend. */
export function pod(name: string, options: PodOptions): Manifest {
  const { addresses, app = '', labels = {}, netns, node = '', ports = [], ready = true, terminating = false } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      labels: app === '' ? labels : { ...labels, app },
      ...(netns === undefined ? {} : { annotations: { 'weft.dev/netns': netns } }),
      ...(terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { ...(node === '' ? {} : { nodeName: node }), containers: [{ name: 'main', ports }] },
    status: {
      podIP: addresses[0],
      podIPs: addresses.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

/** Ready Pods `APP-1`, `APP-2`, … with these addresses. */
export function backends(app: string, addresses: readonly string[]): readonly Manifest[] {
  return addresses.map((address, index) => pod(`${app}-${index + 1}`, { app, addresses: [address] }));
}

export interface SliceOptions {
  readonly service: string;
  readonly family?: 'IPv4' | 'IPv6';
  readonly ports: readonly Manifest[];
  readonly endpoints: readonly Manifest[];
}

export function endpointSlice(name: string, options: SliceOptions): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': options.service } },
    addressType: options.family ?? 'IPv4',
    ports: options.ports,
    endpoints: options.endpoints,
  };
}

/** A DestinationRule for the Service of the same name. */
export function destinationRule(name: string, trafficPolicy: Manifest): Manifest {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace: 'default' },
    spec: { host: name, trafficPolicy },
  };
}

export function node(name: string, zone: string): Manifest {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } } };
}
