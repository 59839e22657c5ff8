import { existsSync, rmSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { sourceHash } from '../../agent/compile/maglev.js';
import type { FrontendPlan, PlanBackend } from '../../agent/compile/plan.js';
import { writeControl } from '../../agent/kernel/flows.js';
import { Datapath } from '../../agent/kernel/kernel.js';
import { type NativeRing, native } from '../../agent/kernel/native.js';
import { lockPins, type Pins, removePins } from '../../agent/kernel/pins.js';
import { type Programmed, Reconciler } from '../../agent/kernel/reconcile.js';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  type BackendStateRow,
  Counter,
  type EdgeKey,
  EdgeKeySize,
  type EdgeRow,
  EdgeRowSize,
  type FlowEventRow,
  FlowEventRowSize,
  PodKeySize,
  type PodRow,
  PodRowSize,
  Reason,
  readBackendStateRow,
  readEdgeKey,
  readEdgeRow,
  readFlowEventRow,
  readServiceStateRow,
  type ServiceStateRow,
  type TableName,
  writePodKey,
  writePodRow,
} from '../../agent/tables/layout.gen.js';
import { type Place, Program } from './program.js';
import {
  cgroupRoot,
  ip,
  makeCgroup,
  makeDirectory,
  makeNamespace,
  pinDirectory,
  removeCgroup,
  removeNamespace,
} from './scratch.js';

export interface PodOptions {
  /** On lo of its namespace. */
  readonly local?: readonly string[];
  /** On eth0, reachable from every other pod that has such: of 10.0.0.0/8 or fd00::/8. */
  readonly wired?: readonly string[];
  /** Default true: its connections are captured. */
  readonly meshed?: boolean;
}

export interface Pod {
  readonly id: number;
  readonly netns: string;
  readonly cookie: bigint;
}

/** Rows, where they are not to be the small ones of tests; `events` in bytes. */
export type Capacities = Partial<Record<TableName | 'events', number>>;

const small: Capacities = {
  frontends: 1024,
  slots: 16384,
  rings: 32768,
  backends: 4096,
  backend_states: 4096,
  service_states: 1024,
  pods: 64,
};

/**
 * The datapath in a world of its own: a cgroup, a pin directory, network namespaces as pods, programs in them. Nothing of it
 * outlives the test, nor the process.
 */
export class World {
  readonly cgroup: string = makeCgroup();
  readonly pins: Pins;
  /** Empty at first, for files. */
  readonly directory: string = makeDirectory();
  readonly log: string[] = [];
  readonly #unlock: () => void;
  readonly #namespaces: string[] = [];
  readonly #programs: Program[] = [];
  #datapath: Datapath;
  #reconciler: Reconciler;
  #ring: NativeRing | undefined;
  #bridge: string | undefined;
  #pods = 0;

  /** Loaded and attached, with empty tables. Closed when the test ends. */
  static open(t: ExecutionContext, capacities: Capacities = {}): World {
    const world = new World(capacities);
    t.teardown(() => world.close());
    return world;
  }

  private constructor(capacities: Capacities) {
    const { pins, release } = lockPins(pinDirectory());
    this.pins = pins;
    this.#unlock = release;
    [this.#datapath, this.#reconciler] = this.#load(capacities);
    writeControl(this.datapath.store, { heartbeatNs: native().monotonicNs(), events: true });
  }

  get datapath(): Datapath {
    return this.#datapath;
  }

  get reconciler(): Reconciler {
    return this.#reconciler;
  }

  /** What a new agent does over the pins of one that died: loads, attaches and adopts. The lock stays. */
  restart(capacities: Capacities = {}): void {
    this.#ring?.close();
    this.#ring = undefined;
    this.#datapath.close();
    [this.#datapath, this.#reconciler] = this.#load(capacities);
  }

  #load(capacities: Capacities): [Datapath, Reconciler] {
    const datapath = Datapath.load({
      pins: this.pins,
      cgroup: this.cgroup,
      cgroupRoot: cgroupRoot(),
      capacities: { ...small, ...capacities },
      log: (message) => this.log.push(message),
    });
    datapath.attach();
    const reconciler = new Reconciler(datapath.store);
    reconciler.adopt();
    return [datapath, reconciler];
  }

  /** A new namespace with addresses, meshed unless told otherwise. */
  pod(options: PodOptions): Pod {
    const netns = makeNamespace();
    this.#namespaces.push(netns);
    const family = (address: string): string => (address.includes(':') ? `${address}/128 nodad` : `${address}/32`);
    ip(
      netns,
      (options.local ?? []).map((address) => `addr add ${family(address)} dev lo`),
    );
    const id = ++this.#pods;
    if (options.wired) this.#wire(netns, id, options.wired);
    const cookie = native().netnsCookie(netns);
    const pod = { id, netns, cookie };
    if (options.meshed !== false) this.enrol(pod, [...(options.wired ?? []), ...(options.local ?? [])]);
    return pod;
  }

  /** Writes the pod's row: from now on its connections are captured. `gateway`: where it listens in there. */
  enrol(
    { id, cookie }: Pod,
    addresses: readonly string[] = [],
    gateway: Pick<PodRow, 'gatewayPort' | 'gatewaySix'> = { gatewayPort: 0, gatewaySix: 0 },
  ): void {
    const keys = new Uint8Array(PodKeySize);
    const values = new Uint8Array(PodRowSize);
    const [four = '', six = ''] = [false, true].map((isSix) => addresses.find((each) => each.includes(':') === isSix));
    writePodKey({ netns: cookie }, viewOf(keys), 0);
    writePodRow({ id, hash4: sourceHash(four), hash6: sourceHash(six), four, six, ...gateway }, viewOf(values), 0);
    this.datapath.store.update('pods', { keys, values, count: 1 });
  }

  #wire(netns: string, id: number, addresses: readonly string[]): void {
    if (!this.#bridge) {
      this.#bridge = makeNamespace();
      this.#namespaces.push(this.#bridge);
      ip(this.#bridge, ['link add br0 type bridge', 'link set br0 up']);
    }
    ip(this.#bridge, [`link add p${id} type veth peer name e${id}`, `link set p${id} master br0 up`]);
    ip(this.#bridge, [`link set e${id} netns ${netns.slice(netns.lastIndexOf('/') + 1)}`]);
    ip(netns, [
      `link set e${id} name eth0`,
      'link set eth0 up',
      ...addresses.map((each) => `addr add ${each}${each.includes(':') ? '/8 nodad' : '/8'} dev eth0`),
    ]);
  }

  /** Whether a gateway serves; else it said so last just before it counts as down. */
  setServing(serves: boolean): void {
    const heartbeatNs = native().monotonicNs();
    const gatewayNs = serves ? heartbeatNs + 3_600_000_000_000n : heartbeatNs - 3_000_000_000n;
    writeControl(this.datapath.store, { heartbeatNs, events: true, gatewayNs });
  }

  /** Where the pod's programs run. */
  placeOf(pod: Pod): Place {
    return { netns: pod.netns, cgroup: this.cgroup };
  }

  /** A program in the pod, and in the world's cgroup unless another (or none) is named. */
  start(pod: Pod, place: Partial<Place> = {}): Program {
    const program = new Program({ ...this.placeOf(pod), ...place });
    this.#programs.push(program);
    return program;
  }

  /** Makes these plans the whole of their Services. Throws when one does not fit. */
  apply(...plans: readonly FrontendPlan[]): void {
    const services = new Map<string, FrontendPlan[]>();
    for (const each of plans) services.set(each.service, [...(services.get(each.service) ?? []), each]);
    this.reconciler.apply(services);
    for (const { plan, table } of this.reconciler.unfit()) throw new Error(`${plan.key} does not fit into ${table}`);
  }

  withdraw(service: string): void {
    this.reconciler.apply(new Map([[service, []]]));
  }

  programmed(plan: FrontendPlan): Programmed {
    const found = this.reconciler.plan(plan.key);
    if (!found) throw new Error(`${plan.key} is not programmed`);
    return found;
  }

  /** The id of a backend of a plan, by its address. */
  idOf(plan: FrontendPlan, address: string): number {
    const { ids } = this.programmed(plan);
    return ids[plan.backends.findIndex((each) => each.address === address)]!;
  }

  backendState(id: number): BackendStateRow {
    return readBackendStateRow(viewOf(this.datapath.store.lookup('backend_states', indexKey(id))!), 0);
  }

  /** Connections in flight of a plan: to each backend, and to the Service. */
  inflight(plan: FrontendPlan): { backends: readonly number[]; service: number } {
    const { ids } = this.programmed(plan);
    return { backends: ids.map((id) => this.backendState(id).inflight), service: this.serviceState(plan).inflight };
  }

  serviceState(plan: FrontendPlan): ServiceStateRow {
    const { service } = this.programmed(plan);
    return readServiceStateRow(viewOf(this.datapath.store.lookup('service_states', indexKey(service))!), 0);
  }

  /** Decisions so far by reason, all CPUs. */
  decisions(reason: keyof typeof Reason): number {
    return this.#sum('decisions', Reason[reason]);
  }

  counter(counter: keyof typeof Counter): number {
    return this.#sum('counters', Counter[counter]);
  }

  #sum(table: 'decisions' | 'counters', index: number): number {
    return Number(viewOf(this.datapath.store.read(table).values).getBigUint64(index * 8, true));
  }

  edges(): readonly (EdgeKey & EdgeRow)[] {
    const { keys, values, count } = this.datapath.store.read('edges');
    return Array.from({ length: count }, (_, i) => ({
      ...readEdgeKey(viewOf(keys), i * EdgeKeySize),
      ...readEdgeRow(viewOf(values), i * EdgeRowSize),
    }));
  }

  /** Flow events since the last call. */
  events(): readonly FlowEventRow[] {
    this.#ring ??= native().openRing(this.datapath.maps.get('events')!);
    const { data, lengths } = this.#ring.drain(1 << 24);
    return Array.from(lengths, (_, i) => readFlowEventRow(viewOf(data), i * FlowEventRowSize));
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
    this.#ring?.close();
    this.#datapath.close();
    if (existsSync(this.pins.directory)) removePins(this.pins, false);
    this.#unlock();
    removeCgroup(this.cgroup);
    rmSync(this.directory, { recursive: true });
    for (const netns of this.#namespaces) removeNamespace(netns);
  }
}

export interface PlanOptions {
  readonly service?: string;
  readonly address: string;
  /** The Service's; default 80. */
  readonly port?: number;
  readonly protocol?: 'TCP' | 'UDP';
  readonly policy?: FrontendPlan['policy'];
  /** Address to weight, or addresses of weight 1. */
  readonly backends: readonly string[] | Readonly<Record<string, number>>;
  /** The backends'; default 8080 for TCP and 5300 for UDP. */
  readonly backendPort?: number;
  readonly affinitySeconds?: number;
  readonly maxConnections?: number;
  readonly tableSize?: number;
  /** Default `none`. */
  readonly gateway?: FrontendPlan['gateway'];
}

/** A plan as the compiler makes them; ROUND_ROBIN unless told otherwise. */
export function planOf(options: PlanOptions): FrontendPlan {
  const { address, service = 'test/service', port = 80, protocol = 'TCP', backends } = options;
  const weights = Array.isArray(backends)
    ? backends.map((each: string) => [each, 1] as const)
    : Object.entries(backends as Readonly<Record<string, number>>);
  const family = address.includes(':') ? 6 : 4;
  return {
    key: `${service}:${port}/${protocol}/${family}`,
    service,
    port,
    portName: '',
    protocol,
    family,
    addresses: [address],
    policy: options.policy ?? 'ROUND_ROBIN',
    policySource: 'default',
    affinitySeconds: options.affinitySeconds ?? 0,
    maxConnections: options.maxConnections ?? 0,
    tableSize: options.policy === 'SOURCE_IP' ? (options.tableSize ?? 1021) : 0,
    onRemoval: 'drain',
    gateway: options.gateway ?? 'none',
    backends: weights.map(
      ([backend, weight]): PlanBackend => ({
        name: backend,
        address: backend,
        port: options.backendPort ?? (protocol === 'TCP' ? 8080 : 5300),
        node: '',
        zone: '',
        state: weight > 0 ? 'ready' : 'weightless',
        weight,
      }),
    ),
  };
}

/** Polls until what asynchronous closes bring about is there; throws after 20 s with what was there instead. */
export async function eventually<T>(read: () => T, isThere: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 20_000;
  for (;;) {
    const value = read();
    if (isThere(value)) return value;
    if (performance.now() > end) throw new Error(`still ${JSON.stringify(value)} after 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
