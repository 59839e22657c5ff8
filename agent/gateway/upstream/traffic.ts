import { isDeepStrictEqual } from 'node:util';
import { ClusterBalancer } from '../../balance/balancer.js';
import type { ClusterEndpoint, ClusterPolicy, ConnectionPool, UpstreamTls } from '../../balance/cluster.js';
import type { Origin } from '../../balance/locality.js';
import type { Member } from '../../balance/member.js';
import type { Random } from '../../balance/picker.js';
import type { Protocol } from './codecs.js';
import { Pool, type PoolGround, type PoolOwner } from './pool.js';
import type { AttemptCounter } from './pooled-attempt.js';

/** The requests of some clients to one cluster: their balancing, their connections, their limits. */
export class Traffic implements PoolOwner, AttemptCounter {
  readonly balancer: ClusterBalancer;
  readonly #ground: PoolGround;
  readonly #makeRoom: (pod: string) => boolean;
  /** By Pod (empty: this node), then by member. TLS for several hosts, and several protocols, are several pools. */
  readonly #pools = new Map<string, Map<Member, Pool[]>>();
  /** Of members that are gone, until they are empty. */
  readonly #leaving = new Set<Pool>();
  #policy: ClusterPolicy;
  connections = 0;
  pending = 0;
  inFlight = 0;

  constructor(
    policy: ClusterPolicy,
    endpoints: readonly ClusterEndpoint[],
    origin: Origin,
    random: Random,
    ground: PoolGround,
    makeRoom: (pod: string) => boolean,
  ) {
    const now = ground.clock.monotonic();
    this.balancer = new ClusterBalancer(policy, origin, random, now);
    this.balancer.update(endpoints, policy, now);
    this.#policy = policy;
    this.#ground = ground;
    this.#makeRoom = makeRoom;
  }

  get policy(): ClusterPolicy {
    return this.#policy;
  }

  get limits(): ConnectionPool {
    return this.#policy.pool;
  }

  get tls(): UpstreamTls | undefined {
    return this.#policy.tls;
  }

  makeRoom(pod: string): boolean {
    return this.#makeRoom(pod);
  }

  /** Connections of before are not for other TLS settings. */
  update(endpoints: readonly ClusterEndpoint[], policy: ClusterPolicy, origin: Origin): void {
    const isSameTls = isDeepStrictEqual(policy.tls, this.#policy.tls);
    this.#policy = isSameTls ? { ...policy, tls: this.#policy.tls } : policy;
    const gone = new Set(this.balancer.update(endpoints, policy, this.#ground.clock.monotonic(), origin));
    for (const pools of this.#pools.values()) {
      for (const [member, list] of pools) {
        if (isSameTls && !gone.has(member)) continue;
        pools.delete(member);
        for (const pool of list) this.#leave(pool);
      }
    }
  }

  #leave(pool: Pool): void {
    pool.retire();
    if (!pool.isEmpty) this.#leaving.add(pool);
  }

  /** `host`: of the request, for TLS without an SNI of its own. */
  poolFor(pod: string, member: Member, protocol: Protocol, host: string): Pool {
    let pools = this.#pools.get(pod);
    if (pools === undefined) {
      pools = new Map();
      this.#pools.set(pod, pools);
    }
    let list = pools.get(member);
    if (list === undefined) {
      list = [];
      pools.set(member, list);
    }
    for (const pool of list) if (pool.protocol === protocol && pool.host === host) return pool;
    const pool = new Pool(pod, member, protocol, host, this, this.#ground);
    list.push(pool);
    return pool;
  }

  settled(): void {
    this.inFlight--;
  }

  /** Connections to an endpoint. */
  connectionsOf(member: Member): number {
    let count = 0;
    for (const pools of this.#pools.values()) {
      for (const pool of pools.get(member) ?? []) count += pool.connections;
    }
    return count;
  }

  get isIdle(): boolean {
    return this.inFlight === 0 && this.connections === 0 && this.pending === 0;
  }

  *#all(): Iterable<Pool> {
    for (const pools of this.#pools.values()) for (const list of pools.values()) yield* list;
  }

  sweep(now: number): void {
    for (const pool of this.#leaving) if (pool.isEmpty) this.#leaving.delete(pool);
    for (const [pod, pools] of this.#pools) {
      for (const [member, list] of pools) {
        for (const pool of list) pool.sweep(now);
        const left = list.filter((pool) => !pool.isEmpty);
        if (left.length === 0) pools.delete(member);
        else if (left.length < list.length) pools.set(member, left);
      }
      if (pools.size === 0) this.#pools.delete(pod);
    }
  }

  /** Ends one idle connection, for another one of `pod` (any, where that is empty). */
  evictIdle(pod: string): boolean {
    for (const pool of this.#all()) if ((pod === '' || pool.pod === pod) && pool.evictIdle()) return true;
    return false;
  }

  /** Ends connections of a Pod at once. */
  forget(pod: string): void {
    const pools = this.#pools.get(pod);
    this.#pools.delete(pod);
    for (const list of pools?.values() ?? []) for (const pool of list) pool.destroy();
    for (const pool of this.#leaving) if (pool.pod === pod) pool.destroy();
  }

  /** The cluster is gone. */
  retire(): void {
    for (const pool of this.#all()) this.#leave(pool);
    this.#pools.clear();
  }

  destroy(): void {
    for (const pool of [...this.#all(), ...this.#leaving]) pool.destroy();
    this.#pools.clear();
    this.#leaving.clear();
  }
}
