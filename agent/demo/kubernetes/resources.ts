/** A kind of object that an API server keeps, as its discovery tells it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  /** Served ones, the preferred first; all show the same objects. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Comes with a CustomResourceDefinition: its lists name kind and version in each item, and it may be missing. */
  readonly custom: boolean;
  /** `/status` is a subresource: a write to the object leaves `status` alone, one to the subresource touches nothing else. */
  readonly status: boolean;
  /** A PUT needs no resourceVersion (`AllowUnconditionalUpdate` of the registry's strategy). */
  readonly unconditional: boolean;
  /** Paths that a fieldSelector may name, beside metadata.name and metadata.namespace. */
  readonly fields: readonly string[];
  /** What a bookmark's object has beside kind, version and metadata: Go's zero values without omitempty. */
  readonly blank: Readonly<Record<string, unknown>>;
}

type Traits = Partial<Pick<Resource, 'namespaced' | 'status' | 'unconditional' | 'fields' | 'blank' | 'versions'>>;

function builtIn(group: string, plural: string, kind: string, traits: Traits = {}): Resource {
  return {
    ...{ group, versions: ['v1'], plural, kind, custom: false },
    ...{ namespaced: true, status: false, unconditional: true, fields: [], blank: {} },
    ...traits,
  };
}

function custom(group: string, plural: string, kind: string, traits: Traits = {}): Resource {
  return { ...builtIn(group, plural, kind), custom: true, status: true, unconditional: false, ...traits };
}

const istio = (plural: string, kind: string): Resource =>
  custom('networking.istio.io', plural, kind, { versions: ['v1', 'v1beta1', 'v1alpha3'] });

const gatewayApi = (plural: string, kind: string, traits: Traits = {}): Resource =>
  custom('gateway.networking.k8s.io', plural, kind, traits);

const emptyNode = {
  daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
  nodeInfo: {
    ...{ machineID: '', systemUUID: '', bootID: '', kernelVersion: '', osImage: '', containerRuntimeVersion: '' },
    ...{ kubeletVersion: '', kubeProxyVersion: '', operatingSystem: '', architecture: '' },
  },
};

const eventFields = ['reason', 'type', 'regarding.kind', 'regarding.name', 'regarding.namespace', 'regarding.uid'];

/** Everything that the API in memory can serve. */
export const resources: readonly Resource[] = [
  builtIn('', 'namespaces', 'Namespace', { namespaced: false, status: true, blank: { spec: {}, status: {} } }),
  builtIn('', 'nodes', 'Node', { namespaced: false, status: true, blank: { spec: {}, status: emptyNode } }),
  builtIn('', 'pods', 'Pod', {
    status: true,
    fields: ['spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'status.phase', 'status.podIP'],
    blank: { spec: { containers: null }, status: {} },
  }),
  builtIn('', 'services', 'Service', { status: true, blank: { spec: {}, status: { loadBalancer: {} } } }),
  builtIn('', 'secrets', 'Secret', { fields: ['type'] }),
  builtIn('', 'configmaps', 'ConfigMap'),
  builtIn('', 'events', 'Event', { fields: ['reason', 'type', 'involvedObject.kind', 'involvedObject.name'] }),
  builtIn('apps', 'deployments', 'Deployment', { status: true }),
  builtIn('discovery.k8s.io', 'endpointslices', 'EndpointSlice', {
    blank: { addressType: '', endpoints: null, ports: null },
  }),
  builtIn('coordination.k8s.io', 'leases', 'Lease', { unconditional: false, blank: { spec: {} } }),
  builtIn('events.k8s.io', 'events', 'Event', { fields: eventFields, blank: { eventTime: null } }),
  istio('virtualservices', 'VirtualService'),
  istio('destinationrules', 'DestinationRule'),
  istio('gateways', 'Gateway'),
  istio('serviceentries', 'ServiceEntry'),
  istio('workloadentries', 'WorkloadEntry'),
  istio('workloadgroups', 'WorkloadGroup'),
  istio('sidecars', 'Sidecar'),
  gatewayApi('gatewayclasses', 'GatewayClass', { namespaced: false, versions: ['v1', 'v1beta1'] }),
  gatewayApi('gateways', 'Gateway', { versions: ['v1', 'v1beta1'] }),
  gatewayApi('httproutes', 'HTTPRoute', { versions: ['v1', 'v1beta1'] }),
  gatewayApi('grpcroutes', 'GRPCRoute'),
  gatewayApi('referencegrants', 'ReferenceGrant', { versions: ['v1', 'v1beta1'], status: false }),
];

/** As CustomResourceDefinitions are named: `virtualservices.networking.istio.io`; `services` in the core group. */
export const resourceName = ({ plural, group }: Pick<Resource, 'plural' | 'group'>): string =>
  group === '' ? plural : `${plural}.${group}`;

/** As an object's `apiVersion`. */
export const groupVersion = (group: string, version: string): string =>
  group === '' ? version : `${group}/${version}`;
