import type { ClusterEndpoint } from '../balance/cluster.js';
import { canonicalAddress } from '../model/address.js';
import { type Family, keyOf, type Service } from '../model/mesh.js';
import { wildcardCovers } from '../model/names.js';
import type { ServiceEntry, ServiceEntryEndpoint, ServiceEntryPort } from '../model/service-entry.js';
import { showEndpoint } from '../tables/address.js';
import { localityFrom } from './locality.js';
import { workloadOfLabels } from './workload.js';

/** One port of a host, as all ServiceEntries of the host have it together. */
export interface EntryPort {
  /** Those with the port, older first; at least one. The first decides what they disagree about. */
  readonly entries: readonly ServiceEntry[];
  readonly port: ServiceEntryPort;
  readonly resolution: 'static' | 'dns' | 'none';
  /** Namespaces whose clients may use it; undefined: all. */
  readonly visibleTo: readonly string[] | undefined;
}

/** ServiceEntries by host. */
export class EntryLookup {
  readonly #entries = new Map<string, ServiceEntry[]>();
  /** Longer first. */
  readonly #wildcards: readonly string[];

  constructor(entries: Iterable<ServiceEntry>) {
    for (const entry of entries) {
      for (const host of new Set(entry.hosts.map((each) => each.toLowerCase()))) {
        const known = this.#entries.get(host);
        if (known === undefined) this.#entries.set(host, [entry]);
        else known.push(entry);
      }
    }
    for (const list of this.#entries.values()) {
      list.sort((a, b) => a.meta.created - b.meta.created || (keyOf(a) < keyOf(b) ? -1 : 1));
    }
    const wildcards = [...this.#entries.keys()].filter((host) => host.startsWith('*'));
    this.#wildcards = wildcards.sort((a, b) => b.length - a.length);
  }

  hosts(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Those with the host, else with the longest wildcard that covers it; older first. */
  of(host: string): readonly ServiceEntry[] {
    const exact = this.#entries.get(host);
    if (exact !== undefined || this.#wildcards.length === 0) return exact ?? [];
    const pattern = this.#wildcards.find((each) => wildcardCovers(each, host));
    return (pattern === undefined ? undefined : this.#entries.get(pattern)) ?? [];
  }

  /** Undefined where no entry of the host has the port. */
  port(host: string, number: number): EntryPort | undefined {
    const all = this.of(host).filter((entry) => entry.ports.some((each) => each.number === number));
    const [first] = all;
    if (first === undefined) return undefined;
    const entries = all.filter(({ resolution }) => resolution === first.resolution);
    return {
      entries,
      port: portOf(first, number)!,
      resolution: resolutions[first.resolution],
      visibleTo: entries.some(({ exportTo }) => exportTo === undefined)
        ? undefined
        : entries.flatMap(({ exportTo }) => exportTo ?? []),
    };
  }
}

/** With DNS_ROUND_ROBIN too every address of an answer is used. */
const resolutions = { STATIC: 'static', DNS: 'dns', DNS_ROUND_ROBIN: 'dns', NONE: 'none' } as const;

export function portOf(entry: ServiceEntry, number: number): ServiceEntryPort | undefined {
  return entry.ports.find((port) => port.number === number);
}

/** The endpoints that the entry itself lists; of one with resolution DNS that lists none, the host. Labels are complete. */
export function listedEndpoints(entry: ServiceEntry, host: string, number: number): readonly ClusterEndpoint[] {
  const port = portOf(entry, number);
  if (port === undefined || entry.resolution === 'NONE') return [];
  if (entry.resolution !== 'STATIC' && entry.endpoints.length === 0) {
    return host.startsWith('*') ? [] : [endpointOf(entry, port, { ...itself, address: host })];
  }
  const found: ClusterEndpoint[] = [];
  for (const endpoint of entry.endpoints) {
    const address =
      canonicalAddress(endpoint.address) ?? (entry.resolution === 'STATIC' ? undefined : endpoint.address);
    if (address !== undefined) found.push(endpointOf(entry, port, { ...endpoint, address }));
  }
  return found;
}

const itself: Omit<ServiceEntryEndpoint, 'address'> = { ports: new Map(), labels: {}, locality: undefined, weight: 1 };

function endpointOf(entry: ServiceEntry, port: ServiceEntryPort, endpoint: ServiceEntryEndpoint): ClusterEndpoint {
  const number = endpoint.ports.get(port.name) ?? port.targetPort ?? port.number;
  const namespace = entry.location === 'MESH_INTERNAL' ? entry.meta.namespace : '';
  return {
    name: showEndpoint(endpoint.address, number),
    address: endpoint.address,
    port: number,
    weight: endpoint.weight,
    state: 'ready',
    locality: localityFrom(endpoint.locality),
    node: '',
    labels: endpoint.labels,
    workload: workloadOfLabels('', namespace, endpoint.labels),
  };
}

/**
 * A Service that selects what the entry's workloadSelector does, so that its Pods become endpoints as a Service's do; undefined without
 * one. No object can have its name, so that nobody writes EndpointSlices for it.
 */
export function selectingService(entry: ServiceEntry): Service | undefined {
  if (entry.workloadSelector === undefined) return undefined;
  return {
    kind: 'Service',
    meta: { ...entry.meta, name: `serviceentry:${entry.meta.name}` },
    type: 'ClusterIP',
    addresses: [],
    externalName: '',
    headless: true,
    selector: entry.workloadSelector,
    ports: entry.ports.map(({ name, number, targetPort }) => ({
      name,
      port: number,
      protocol: 'TCP',
      targetPort: targetPort ?? number,
      appProtocol: '',
    })),
    internalTrafficPolicy: 'Cluster',
    trafficDistribution: undefined,
    affinitySeconds: 0,
    publishNotReadyAddresses: false,
  };
}

/** Families in the order in which a workload's addresses are looked for. */
export const bothFamilies: readonly Family[] = [4, 6];
