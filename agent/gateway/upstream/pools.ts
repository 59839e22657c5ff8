import { isDeepStrictEqual } from 'node:util';
import type { Cluster } from '../../balance/cluster.js';
import type { Lease } from '../../balance/lease.js';
import type { Origin } from '../../balance/locality.js';
import type { Random } from '../../balance/picker.js';
import type { Clock } from '../../clock.js';
import type { Snapshot } from '../../compile/snapshot.js';
import type {
  Attempt,
  AttemptQuery,
  AttemptReceiver,
  EndpointState,
  TcpQuery,
  TcpResult,
  Upstreams,
} from './attempt.js';
import { type ConnectionBounds, ConnectionBudget, connectionBounds } from './budget.js';
import { clientCodecs } from './client-codecs.js';
import { ClusterTraffic } from './cluster-traffic.js';
import type { Codecs, Protocol } from './codecs.js';
import { statesOf } from './endpoint-states.js';
import type { PoolGround } from './pool.js';
import { PooledAttempt, type WaitingRoom } from './pooled-attempt.js';
import { NameTable, type Resolve, resolveName } from './resolver.js';
import { ownSockets, type SocketMaker } from './sockets.js';
import { connectTcp } from './tcp.js';
import { hostOf } from './tls.js';
import { Traffic } from './traffic.js';

/** How often idle connections, names and clusters that are gone are looked at, ms. */
const sweepMs = 1000;

/** Requests that wait for the first answer to a cluster's DNS name, over all clusters; more are refused. */
const maxUnresolved = 1024;

export interface UpstreamParts {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: Random;
  /** Default: `clientCodecs`. */
  readonly codecs?: Codecs;
  /** Default: sockets of this process's own network namespace for everyone. */
  readonly sockets?: SocketMaker;
  /** Default: the node's name servers. */
  readonly resolve?: Resolve;
  /** Default: `connectionBounds`. */
  readonly bounds?: ConnectionBounds;
}

/** Chooses endpoints, keeps connections to them, and counts what becomes of requests. */
export class UpstreamPools implements Upstreams, WaitingRoom {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #ground: PoolGround;
  readonly #names: NameTable;
  readonly #clusters = new Map<string, ClusterTraffic>();
  /** Attempts that wait for a name. */
  readonly #unresolved = new Map<PooledAttempt, { readonly cluster: ClusterTraffic; readonly query: AttemptQuery }>();
  readonly #stopSweeps: () => void;
  #snapshot: Snapshot | undefined;
  #overflows = 0;

  constructor(parts: UpstreamParts) {
    const { clock } = parts;
    this.#clock = clock;
    this.#random = parts.random;
    this.#ground = {
      clock,
      codecs: parts.codecs ?? clientCodecs(clock),
      sockets: parts.sockets ?? ownSockets,
      budget: new ConnectionBudget(parts.bounds ?? connectionBounds),
    };
    this.#names = new NameTable(parts.resolve ?? resolveName, clock, (name) => this.#resolved(name));
    this.#stopSweeps = clock.every(sweepMs, () => this.#sweep());
  }

  /** Requests and connections that went over a limit of a cluster or of the worker, since start. */
  get overflows(): number {
    return this.#overflows;
  }

  /** Connections to endpoints, made and in the making. */
  get connections(): number {
    return this.#ground.budget.total;
  }

  update(snapshot: Snapshot): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    const isMoved =
      before === undefined || before.node !== snapshot.node || !isDeepStrictEqual(before.locality, snapshot.locality);
    this.#names.watch(namesOf(snapshot));
    for (const [key, traffic] of this.#clusters) {
      const cluster = snapshot.clusters[key];
      if (cluster === undefined) {
        if (!traffic.isGone) for (const each of traffic.traffic) each.retire();
        traffic.isGone = true;
      } else if (
        isMoved ||
        traffic.isGone ||
        (cluster !== traffic.cluster && !isDeepStrictEqual(cluster, traffic.cluster))
      ) {
        traffic.isGone = false;
        this.#refresh(traffic, cluster);
      }
    }
  }

  #refresh(traffic: ClusterTraffic, cluster: Cluster): void {
    traffic.update(cluster, (labels) => this.#origin(labels));
  }

  #origin(labels: Readonly<Record<string, string>>): Origin {
    const { locality, node } = this.#snapshot ?? { locality: { region: '', zone: '', subzone: '' }, node: '' };
    return { locality, node, labels };
  }

  #cluster(snapshot: Snapshot, key: string): ClusterTraffic | undefined {
    const known = this.#clusters.get(key);
    if (known !== undefined) return known;
    const cluster = snapshot.clusters[key];
    if (cluster === undefined) return undefined;
    this.#snapshot ??= snapshot;
    const traffic = new ClusterTraffic(
      cluster,
      this.#names,
      (policy, endpoints, labels) =>
        new Traffic(policy, endpoints, this.#origin(labels), this.#random, this.#ground, (pod) => this.#makeRoom(pod)),
    );
    traffic.isGone = this.#snapshot.clusters[key] === undefined;
    this.#clusters.set(key, traffic);
    return traffic;
  }

  begin(query: AttemptQuery, ended: boolean, receiver: AttemptReceiver): Attempt {
    const attempt = new PooledAttempt(query.head, ended, receiver, this.#clock);
    const cluster = this.#cluster(query.snapshot, query.cluster);
    if (cluster === undefined) attempt.refuse('no-cluster');
    else if (cluster.isUnresolved) this.#waitForName(attempt, cluster, query);
    else this.#place(attempt, cluster, query);
    return attempt;
  }

  #waitForName(attempt: PooledAttempt, cluster: ClusterTraffic, query: AttemptQuery): void {
    if (this.#unresolved.size >= maxUnresolved) {
      this.#overflows++;
      attempt.refuse('overflow');
      return;
    }
    attempt.waitingRoom = this;
    this.#unresolved.set(attempt, { cluster, query });
  }

  cancel(attempt: PooledAttempt): void {
    this.#unresolved.delete(attempt);
    attempt.waitingRoom = undefined;
  }

  #place(attempt: PooledAttempt, cluster: ClusterTraffic, query: AttemptQuery): void {
    const traffic = cluster.for(query);
    const { maxRequests } = traffic.limits;
    if (maxRequests !== undefined && traffic.inFlight >= maxRequests) {
      this.#overflows++;
      attempt.refuse('overflow');
      return;
    }
    const lease = traffic.balancer.pick({ hash: query.hash, tried: query.tried, now: this.#clock.monotonic() });
    if (lease === undefined) {
      attempt.refuse('no-healthy-upstream');
      return;
    }
    this.#send(attempt, traffic, lease, query);
  }

  #send(attempt: PooledAttempt, traffic: Traffic, lease: Lease, query: AttemptQuery): void {
    const { tls } = traffic;
    const host = tls !== undefined && tls.sni === '' ? hostOf(query.head.authority) : '';
    const { pod } = query.downstream;
    const pool = traffic.poolFor(pod, lease.member, protocolOf(traffic, query), host);
    traffic.inFlight++;
    attempt.assign(lease, traffic);
    if (!pool.admits()) {
      this.#overflows++;
      attempt.refuse('overflow');
      return;
    }
    attempt.receiver.chosen(lease.member.endpoint);
    if (!attempt.isOver) pool.begin(attempt);
  }

  /** Other addresses of a name, or the first answer, which requests may wait for. */
  #resolved(name: string): void {
    for (const traffic of this.#clusters.values()) {
      const { cluster } = traffic;
      if (cluster.resolution !== 'dns' || !cluster.endpoints.some(({ address }) => address === name)) continue;
      this.#refresh(traffic, cluster);
    }
    for (const [attempt, { cluster, query }] of [...this.#unresolved]) {
      if (cluster.isUnresolved) continue;
      this.cancel(attempt);
      this.#place(attempt, cluster, query);
    }
  }

  connect(query: TcpQuery): Promise<TcpResult> {
    const cluster = this.#cluster(query.snapshot, query.cluster);
    if (cluster === undefined) return Promise.resolve({ type: 'refused', why: 'no-cluster' });
    return connectTcp(cluster, query, this.#ground);
  }

  beginRetry(query: Pick<AttemptQuery, 'snapshot' | 'cluster' | 'client'>): boolean {
    const cluster = this.#clusters.get(query.cluster);
    if (cluster === undefined) return true;
    const { retryBudget, pool } = cluster.policyFor(query.client);
    const most =
      retryBudget === undefined
        ? (pool.maxRetries ?? Number.POSITIVE_INFINITY)
        : Math.max(retryBudget.minimum, (retryBudget.percent / 100) * cluster.inFlight);
    if (cluster.retries >= most) {
      this.#overflows++;
      return false;
    }
    cluster.retries++;
    return true;
  }

  endRetry(key: string): void {
    const cluster = this.#clusters.get(key);
    if (cluster !== undefined && cluster.retries > 0) cluster.retries--;
  }

  /** Frees a connection for one of `pod`: one of its own where it has too many. */
  #makeRoom(pod: string): boolean {
    const isOwn = pod !== '' && !this.#ground.budget.allows('') ? '' : pod;
    for (const cluster of this.#clusters.values()) {
      for (const traffic of cluster.traffic) if (traffic.evictIdle(isOwn)) return true;
    }
    return false;
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    this.#names.refresh();
    this.#ground.sockets.sweep();
    for (const [key, cluster] of this.#clusters) {
      for (const traffic of cluster.traffic) traffic.sweep(now);
      if (cluster.isGone && cluster.isIdle) this.#clusters.delete(key);
    }
  }

  forget(pod: string): void {
    for (const cluster of this.#clusters.values()) for (const traffic of cluster.traffic) traffic.forget(pod);
    this.#ground.sockets.forget(pod);
  }

  states(): readonly EndpointState[] {
    return statesOf(this.#clusters, this.#clock.monotonic());
  }

  close(): void {
    this.#stopSweeps();
    for (const attempt of [...this.#unresolved.keys()]) {
      this.cancel(attempt);
      attempt.refuse('no-healthy-upstream');
    }
    for (const cluster of this.#clusters.values()) for (const traffic of cluster.traffic) traffic.destroy();
    this.#clusters.clear();
    this.#ground.sockets.close();
  }
}

function protocolOf(traffic: Traffic, query: AttemptQuery): Protocol {
  const { protocol } = traffic.policy;
  if (protocol !== 'client') return protocol;
  return query.head.version === 'HTTP/2' ? 'http2' : 'http1';
}

function* namesOf(snapshot: Snapshot): Iterable<string> {
  for (const key in snapshot.clusters) {
    const cluster = snapshot.clusters[key]!;
    if (cluster.resolution !== 'dns') continue;
    for (const { address } of cluster.endpoints) if (isName(address)) yield address;
  }
}

function isName(address: string): boolean {
  return /[a-z]/i.test(address) && !address.includes(':');
}
