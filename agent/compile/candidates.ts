import { familyOfAddress } from '../model/address.js';
import { type EndpointSlice, type Family, keyOf, type Pod, type Service, type ServicePort } from '../model/mesh.js';
import type { CompileInput } from './input.js';

/** An address and port behind a Service port, before anybody decided whether this node uses it. */
export interface Candidate {
  /** NS/POD, or the bare address when no Pod is known. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly node: string;
  readonly zone: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly forZones: readonly string[] | undefined;
  readonly forNodes: readonly string[] | undefined;
  /** What the endpoint itself says; undefined: nothing. */
  readonly weight?: number;
}

/** Where a Service's endpoints come from: its EndpointSlices, or else the Pods its selector matches. */
export interface EndpointSource {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly pods: readonly Pod[];
}

export function endpointSource(service: Service, input: CompileInput): EndpointSource {
  const slices = input.slicesOf(keyOf(service));
  // An empty selector selects nobody: its endpoints are somebody else's to write (v1 ServiceSpec.selector).
  const selects = service.selector !== undefined && Object.keys(service.selector).length > 0;
  return { service, slices, pods: slices.length === 0 && selects ? input.podsMatching(service) : [] };
}

/**
 * Every endpoint of one Service port in one family, sorted by address (as text) then port, each once: of an
 * endpoint that moves between slices, the entry that is ready wins, else the one that serves.
 */
export function candidatesOf(
  source: EndpointSource,
  port: ServicePort,
  family: Family,
  input: CompileInput,
): readonly Candidate[] {
  const found =
    source.slices.length > 0 ? fromSlices(source.slices, port, family, input) : fromPods(source, port, family, input);
  found.sort(byAddress);
  return withoutDuplicates(found);
}

/** As kube-proxy's EndpointSliceCache: a slice's port belongs to the Service port of its name and protocol. */
function fromSlices(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  family: Family,
  input: CompileInput,
): Candidate[] {
  const found: Candidate[] = [];
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const target of slice.ports) {
      if (target.name !== port.name || target.protocol !== port.protocol || target.port === 0) continue;
      for (const endpoint of slice.endpoints) {
        const key = endpoint.pod === '' ? '' : `${slice.meta.namespace}/${endpoint.pod}`;
        const pod = key === '' ? podAt(endpoint.address, input) : undefined;
        const node = endpoint.node || pod?.node || (key !== '' && input.pod(key)?.node) || '';
        found.push({
          name: key || (pod === undefined ? endpoint.address : keyOf(pod)),
          address: endpoint.address,
          port: target.port,
          node,
          zone: endpoint.zone || zoneOf(node, input),
          ready: endpoint.ready,
          serving: endpoint.serving,
          terminating: endpoint.terminating,
          forZones: endpoint.forZones,
          forNodes: endpoint.forNodes,
          ...(endpoint.weight !== undefined && { weight: endpoint.weight }),
        });
      }
    }
  }
  return found;
}

/** As the EndpointSlice controller writes them (podToEndpoint): one address a Pod and family. */
function fromPods(source: EndpointSource, port: ServicePort, family: Family, input: CompileInput): Candidate[] {
  const found: Candidate[] = [];
  const publish = source.service.publishNotReadyAddresses;
  for (const pod of source.pods) {
    if (pod.finished) continue;
    const address = pod.addresses.find((each) => familyOfAddress(each) === family);
    const target = targetPort(port, pod);
    if (address === undefined || target === undefined) continue;
    found.push({
      name: keyOf(pod),
      address,
      port: target,
      node: pod.node,
      zone: zoneOf(pod.node, input),
      ready: publish || (pod.ready && !pod.terminating),
      serving: pod.ready,
      terminating: pod.terminating,
      forZones: undefined,
      forNodes: undefined,
    });
  }
  return found;
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort;
  if (typeof target === 'number') return target;
  return pod.ports.find((each) => each.name === target && each.protocol === port.protocol)?.port;
}

function podAt(address: string, input: CompileInput): Pod | undefined {
  const pod = input.podByAddress(address);
  return pod?.hostNetwork || pod?.finished ? undefined : pod;
}

function zoneOf(node: string, input: CompileInput): string {
  return node === '' ? '' : (input.node(node)?.zone ?? '');
}

function byAddress(a: Candidate, b: Candidate): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return a.port - b.port;
}

function withoutDuplicates(sorted: readonly Candidate[]): readonly Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of sorted) {
    const last = kept.at(-1);
    if (last === undefined || byAddress(last, candidate) !== 0) kept.push(candidate);
    else if (rank(candidate) > rank(last)) kept[kept.length - 1] = candidate;
  }
  return kept;
}

function rank(candidate: Candidate): number {
  if (candidate.ready) return 2;
  return candidate.serving ? 1 : 0;
}
