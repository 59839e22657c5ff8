import type { CompileContext, CompileInput } from '../../agent/compile/input.js';
import { noOverrides, type Overrides } from '../../agent/compile/plan.js';
import type { ConnectionPolicy } from '../../agent/model/connection-policy.js';
import type { PortPolicy } from '../../agent/model/destination-rule.js';
import {
  type DestinationRule,
  type Endpoint,
  type EndpointSlice,
  keyOf,
  type MeshObject,
  type Metadata,
  type Node,
  type Pod,
  type Service,
  type ServicePort,
} from '../../agent/model/mesh.js';

function metaOf(name: string, rest: Partial<Metadata> = {}): Metadata {
  const origin = { file: 'mesh.yaml', document: 0, item: -1 };
  return { namespace: 'shop', name, labels: {}, annotations: {}, created: 0, generation: 0, origin, ...rest };
}

export const http: ServicePort = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, appProtocol: '' };

export function service(name: string, rest: Partial<Service> = {}, meta: Partial<Metadata> = {}): Service {
  return {
    kind: 'Service',
    meta: metaOf(name, meta),
    type: 'ClusterIP',
    addresses: ['10.96.0.10'],
    externalName: '',
    headless: false,
    selector: { app: name },
    ports: [http],
    internalTrafficPolicy: 'Cluster',
    trafficDistribution: undefined,
    affinitySeconds: 0,
    publishNotReadyAddresses: false,
    ...rest,
  };
}

export function pod(name: string, address: string, rest: Partial<Pod> = {}, meta: Partial<Metadata> = {}): Pod {
  return {
    kind: 'Pod',
    meta: metaOf(name, { labels: { app: 'web' }, ...meta }),
    addresses: [address],
    ports: [],
    ready: true,
    terminating: false,
    finished: false,
    node: 'here',
    hostNetwork: false,
    uid: '',
    netns: '',
    cgroup: '',
    mesh: undefined,
    workload: name,
    ...rest,
  };
}

export function endpoint(address: string, rest: Partial<Endpoint> = {}): Endpoint {
  return {
    address,
    ready: true,
    serving: true,
    terminating: false,
    node: '',
    zone: '',
    pod: '',
    forZones: undefined,
    forNodes: undefined,
    ...rest,
  };
}

export function slice(name: string, endpoints: readonly Endpoint[], rest: Partial<EndpointSlice> = {}): EndpointSlice {
  const ports = [{ name: 'http', port: 8080, protocol: 'TCP' as const }];
  return { kind: 'EndpointSlice', meta: metaOf(name), service: 'web', family: 4, ports, endpoints, ...rest };
}

export function node(name: string, zone: string): Node {
  return { kind: 'Node', meta: metaOf(name, { namespace: '' }), region: '', zone, subzone: '' };
}

/** A policy that says this, in the words of DestinationRule. */
export function policy({ loadBalancer, tableSize, maxConnections }: Partial<ConnectionPolicy>): PortPolicy {
  const hashed = loadBalancer === 'SOURCE_IP';
  return {
    loadBalancer: {
      simple: hashed ? undefined : loadBalancer,
      consistentHash: hashed ? { key: { type: 'sourceIp' }, algorithm: { type: 'maglev', tableSize } } : undefined,
      localityLbSetting: undefined,
      warmup: undefined,
    },
    connectionPool: maxConnections === undefined ? undefined : { tcp: { ...noTcp, maxConnections }, http: undefined },
    outlierDetection: undefined,
    tls: undefined,
  };
}

const noTcp = {
  connectTimeoutMs: undefined,
  tcpKeepalive: undefined,
  maxConnectionDurationMs: undefined,
  idleTimeoutMs: undefined,
};

/** A rule for the Service of its own name. */
export function rule(name: string, general: PortPolicy, ports: readonly [number, PortPolicy][] = []): DestinationRule {
  return {
    kind: 'DestinationRule',
    meta: metaOf(name),
    host: name,
    trafficPolicy: { ...general, portLevelSettings: new Map(ports), retryBudget: undefined },
    subsets: [],
    exportTo: undefined,
    workloadSelector: undefined,
  };
}

/** The mesh of these objects, looked up the slow, obvious way. */
export function meshOf(...objects: readonly MeshObject[]): CompileInput {
  const of = <K extends MeshObject['kind']>(kind: K) =>
    objects.filter((each): each is Extract<MeshObject, { kind: K }> => each.kind === kind);
  return {
    service: (key) => of('Service').find((each) => keyOf(each) === key),
    slicesOf: (key) => of('EndpointSlice').filter((each) => `${each.meta.namespace}/${each.service}` === key),
    podsMatching: ({ meta, selector }) =>
      of('Pod').filter(
        (each) =>
          each.meta.namespace === meta.namespace &&
          Object.entries(selector ?? {}).every(([label, value]) => each.meta.labels[label] === value),
      ),
    pod: (key) => of('Pod').find((each) => keyOf(each) === key),
    podByAddress: (address) => of('Pod').find((each) => each.addresses.includes(address)),
    node: (name) => of('Node').find((each) => each.meta.name === name),
    ruleFor: (key) => of('DestinationRule').find((each) => `${each.meta.namespace}/${each.host}` === key),
  };
}

/** Compiled on node `here` in zone `a`. */
export function contextOf(overrides: Partial<Overrides> = {}, rest: Partial<CompileContext> = {}): CompileContext {
  return { node: 'here', zone: 'a', overrides: { ...noOverrides, ...overrides }, ...rest };
}
