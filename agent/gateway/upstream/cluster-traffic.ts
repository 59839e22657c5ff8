import { isIP } from 'node:net';
import type { Cluster, ClusterEndpoint, ClusterPolicy, PolicyVariant } from '../../balance/cluster.js';
import type { Origin } from '../../balance/locality.js';
import { addressOf } from '../../balance/member.js';
import { variantFor } from '../../balance/variant.js';
import type { ClientPod, Snapshot } from '../../compile/snapshot.js';
import { nobody } from '../../compile/workload.js';
import { canonicalAddress, familyOfAddress } from '../../model/address.js';
import type { Downstream } from '../exchange.js';
import type { NameTable } from './resolver.js';
import type { Traffic } from './traffic.js';

/** Who asks for a cluster. */
export interface Asker {
  readonly snapshot: Snapshot;
  readonly downstream: Downstream;
  readonly client: ClientPod | undefined;
}

type Labels = Readonly<Record<string, string>>;

type NewTraffic = (policy: ClusterPolicy, endpoints: readonly ClusterEndpoint[], labels: Labels) => Traffic;

interface Part {
  readonly variant: number;
  readonly traffic: Traffic;
  /** Labels of the client that failoverPriority compares. */
  readonly labels: Labels;
  /** The address that the client asked for, where that is the endpoint. */
  readonly destination: ClusterEndpoint | undefined;
}

/** One cluster, with its traffic by client policy; parts come into being with their first request. */
export class ClusterTraffic {
  #cluster: Cluster;
  readonly #names: NameTable;
  readonly #newTraffic: NewTraffic;
  /** By variant and what else sets the client apart. */
  readonly #parts = new Map<string, Part>();
  /** Of clusters with one variant that all clients share. */
  #shared: Traffic | undefined;
  /** The snapshot has it no more. */
  isGone = false;
  retries = 0;

  constructor(cluster: Cluster, names: NameTable, newTraffic: NewTraffic) {
    this.#cluster = cluster;
    this.#names = names;
    this.#newTraffic = newTraffic;
  }

  get cluster(): Cluster {
    return this.#cluster;
  }

  get traffic(): Iterable<Traffic> {
    return Array.from(this.#parts.values(), (part) => part.traffic);
  }

  /** No name of it has been answered yet. */
  get isUnresolved(): boolean {
    const { resolution, endpoints } = this.#cluster;
    if (resolution !== 'dns' || endpoints.length === 0) return false;
    return endpoints.every(({ address }) => isIP(address) === 0 && this.#names.addressesOf(address) === undefined);
  }

  /** Requests of all clients that are not settled. */
  get inFlight(): number {
    let sum = 0;
    for (const { traffic } of this.#parts.values()) sum += traffic.inFlight;
    return sum;
  }

  policyFor(client: ClientPod | undefined): ClusterPolicy {
    const { variants } = this.#cluster;
    return variants[variantFor(variants, client)]!.policy;
  }

  for(asker: Asker): Traffic {
    if (this.#shared !== undefined) return this.#shared;
    const { variants } = this.#cluster;
    const index = variantFor(variants, asker.client);
    const { policy } = variants[index]!;
    const names = policy.locality?.failoverPriority ?? [];
    const isAsked = this.#cluster.resolution === 'none' || policy.balancing.type === 'passthrough';
    const destination = isAsked ? destinationOf(asker) : undefined;
    const labels = names.length === 0 ? {} : (asker.client?.labels ?? {});
    const apart = names.map((name) => labels[name.split('=')[0]!] ?? '').join('\n');
    const key = `${index}\n${destination === undefined ? '' : addressOf(destination)}\n${apart}`;
    let part = this.#parts.get(key);
    if (part === undefined) {
      const endpoints = isAsked ? (destination === undefined ? [] : [destination]) : this.#endpoints(variants[index]!);
      part = { variant: index, traffic: this.#newTraffic(policy, endpoints, labels), labels, destination };
      this.#parts.set(key, part);
      if (variants.length === 1 && names.length === 0 && !isAsked) this.#shared = part.traffic;
    }
    return part.traffic;
  }

  /** The endpoints of a variant, each DNS name as all of its addresses. */
  #endpoints(variant: PolicyVariant): readonly ClusterEndpoint[] {
    const { endpoints, resolution } = this.#cluster;
    const chosen = variant.members?.map((index) => endpoints[index]!) ?? endpoints;
    if (resolution !== 'dns') return chosen;
    return chosen.flatMap((endpoint) => {
      if (isIP(endpoint.address) !== 0) return [endpoint];
      return (this.#names.addressesOf(endpoint.address) ?? []).map((address) => ({
        ...endpoint,
        address: canonicalAddress(address) ?? address,
      }));
    });
  }

  /** A new snapshot, or other addresses of its names. Parts whose policy is for nobody any more end. */
  update(cluster: Cluster, originOf: (labels: Labels) => Origin): void {
    this.#cluster = cluster;
    this.#shared = undefined;
    for (const [key, { variant, traffic, labels, destination }] of this.#parts) {
      const now = cluster.variants[variant];
      const isAsked =
        now !== undefined && (cluster.resolution === 'none' || now.policy.balancing.type === 'passthrough');
      if (now === undefined || isAsked !== (destination !== undefined)) {
        this.#parts.delete(key);
        traffic.retire();
      } else {
        traffic.update(destination === undefined ? this.#endpoints(now) : [destination], now.policy, originOf(labels));
      }
    }
  }

  get isIdle(): boolean {
    for (const { traffic } of this.#parts.values()) if (!traffic.isIdle) return false;
    return this.retries === 0;
  }
}

/** Undefined where the client asked for no address of a Service: traffic from outside. */
function destinationOf({ snapshot, downstream }: Asker): ClusterEndpoint | undefined {
  const target = snapshot.targets[downstream.target];
  const address = target?.addresses.find((each) => familyOfAddress(each) === target.family);
  if (target === undefined || address === undefined) return undefined;
  const { port } = target;
  return {
    name: addressOf({ address, port }),
    address,
    port,
    weight: 1,
    state: 'ready',
    locality: { region: '', zone: '', subzone: '' },
    node: '',
    labels: {},
    workload: nobody,
  };
}
