import { canonicalAddress, familyOfAddress } from './address.js';
import type { Endpoint, EndpointSlice, Metadata, Service, ServicePort } from './mesh.js';
import { keyOf } from './mesh.js';
import { keyOfHost } from './names.js';
import type { ServiceEntry, ServiceEntryEndpoint, ServiceEntryPort } from './service-entry.js';
import { SliceIndex } from './slices.js';

/**
 * Services that stand for hosts of ServiceEntries with addresses, so that connections to these are captured as those to a Service are. Entries of
 * one namespace and host are one Service: NS/HOST (names.ts keyOfHost), which nobody can write. The first host of an entry has its addresses.
 */
export class EntryServices {
  /** By the Service's key; older first. */
  readonly #entries = new Map<string, readonly ServiceEntry[]>();
  readonly #services = new Map<string, Service>();
  readonly #slices = new SliceIndex();
  /** Keys of Services, by the host in lower case. */
  readonly #byHost = new Map<string, readonly string[]>();

  get slices(): SliceIndex {
    return this.#slices;
  }

  get(key: string): Service | undefined {
    return this.#services.get(key);
  }

  all(): IterableIterator<Service> {
    return this.#services.values();
  }

  keys(): IterableIterator<string> {
    return this.#services.keys();
  }

  /** Those of a full host, by namespace. */
  of(host: string): readonly Service[] {
    return (this.#byHost.get(host) ?? []).map((key) => this.#services.get(key)!);
  }

  /** Puts `entry` where `before` was; undefined: none. Returns each Service that this can have changed, as it was. */
  set(before: ServiceEntry | undefined, entry: ServiceEntry | undefined): ReadonlyMap<string, Service | undefined> {
    const touched = new Map<string, Service | undefined>();
    for (const each of [before, entry]) {
      for (const host of each?.hosts ?? []) {
        const key = keyOfHost(host, each!.meta.namespace);
        touched.set(key, this.#services.get(key));
      }
    }
    for (const key of touched.keys()) this.#setEntries(key, before, entry);
    return touched;
  }

  #setEntries(key: string, before: ServiceEntry | undefined, entry: ServiceEntry | undefined): void {
    const kept = (this.#entries.get(key) ?? []).filter((each) => each !== before);
    const entries = entry === undefined || !isOf(entry, key) ? kept : [...kept, entry].sort(compareAge);
    if (entries.length === 0) this.#entries.delete(key);
    else this.#entries.set(key, entries);
    for (const slice of this.#slices.of(key)) this.#slices.set(keyOf(slice), undefined);
    this.#setService(key, serviceOf(key, entries));
    if (!this.#services.has(key)) return;
    for (const slice of slicesOf(key, entries)) this.#slices.set(keyOf(slice), slice);
  }

  #setService(key: string, service: Service | undefined): void {
    if (service === undefined) this.#services.delete(key);
    else this.#services.set(key, service);
    const host = hostOf(key);
    const keys = (this.#byHost.get(host) ?? []).filter((each) => each !== key);
    if (service !== undefined) keys.push(key);
    if (keys.length === 0) this.#byHost.delete(host);
    else this.#byHost.set(host, keys.sort());
  }
}

function isOf(entry: ServiceEntry, key: string): boolean {
  return entry.hosts.some((host) => keyOfHost(host, entry.meta.namespace) === key);
}

function compareAge(a: ServiceEntry, b: ServiceEntry): number {
  return a.meta.created - b.meta.created || (keyOf(a) < keyOf(b) ? -1 : 1);
}

function nameOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

function hostOf(key: string): string {
  return nameOf(key).replace(/\.$/, '');
}

/** Entries that resolve the host as the oldest one does. */
function agreeing(entries: readonly ServiceEntry[]): readonly ServiceEntry[] {
  return entries.filter(({ resolution }) => resolution === entries[0]!.resolution);
}

/** Undefined: no entry gives the host an address. Blocks of addresses are none. */
function serviceOf(key: string, entries: readonly ServiceEntry[]): Service | undefined {
  const own = entries.filter(({ hosts, meta }) => keyOfHost(hosts[0]!, meta.namespace) === key);
  const addresses = [...new Set(own.flatMap((entry) => entry.addresses.filter((each) => !each.includes('/'))))];
  if (addresses.length === 0) return undefined;
  const used = agreeing(entries);
  const [first] = used;
  const ports = new Map<number, ServicePort>();
  for (const port of used.flatMap((entry) => entry.ports)) {
    const isLeft = port.protocol === 'UDP' && isNamed(first!);
    if (!isLeft && !ports.has(port.number)) ports.set(port.number, servicePort(port));
  }
  return {
    kind: 'Service',
    meta: { ...first!.meta, name: nameOf(key) },
    type: 'ClusterIP',
    addresses,
    externalName: '',
    headless: false,
    selector: used.find(({ workloadSelector }) => workloadSelector !== undefined)?.workloadSelector,
    ports: [...ports.values()],
    internalTrafficPolicy: 'Cluster',
    trafficDistribution: undefined,
    affinitySeconds: 0,
    publishNotReadyAddresses: false,
    entry: { key: keyOf(first!), resolution: first!.resolution },
  };
}

/** Whether its endpoints are names, which only the gateway resolves. */
function isNamed({ resolution }: ServiceEntry): boolean {
  return resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN';
}

function servicePort({ name, number, protocol, targetPort }: ServiceEntryPort): ServicePort {
  const transport = protocol === 'UDP' ? 'UDP' : 'TCP';
  return {
    name,
    port: number,
    protocol: transport,
    targetPort: targetPort ?? number,
    appProtocol: protocol.toLowerCase(),
  };
}

/** One for each endpoint, as each may have ports of its own; none where endpoints are names. */
function slicesOf(key: string, entries: readonly ServiceEntry[]): readonly EndpointSlice[] {
  return agreeing(entries).flatMap((entry) =>
    entry.resolution === 'STATIC'
      ? entry.endpoints.flatMap((endpoint, index) => sliceOf(key, entry, endpoint, index) ?? [])
      : [],
  );
}

function sliceOf(
  key: string,
  entry: ServiceEntry,
  endpoint: ServiceEntryEndpoint,
  index: number,
): EndpointSlice | undefined {
  const address = canonicalAddress(endpoint.address);
  if (address === undefined) return undefined;
  const meta: Metadata = { ...entry.meta, name: `${nameOf(key)}/${entry.meta.name}/${index}` };
  const ports = entry.ports.map((port) => {
    const { name, protocol, targetPort } = servicePort(port);
    return { name, port: endpoint.ports.get(name) ?? Number(targetPort), protocol };
  });
  const endpoints = [endpointOf(address, endpoint)];
  return { kind: 'EndpointSlice', meta, service: nameOf(key), family: familyOfAddress(address), ports, endpoints };
}

function endpointOf(address: string, { locality, weight }: ServiceEntryEndpoint): Endpoint {
  return {
    address,
    ready: true,
    serving: true,
    terminating: false,
    node: '',
    zone: locality?.split('/')[1] ?? '',
    pod: '',
    forZones: undefined,
    forNodes: undefined,
    weight,
  };
}
