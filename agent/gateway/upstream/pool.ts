import type { Socket } from 'node:net';
import type { ConnectionPool, UpstreamTls } from '../../balance/cluster.js';
import type { Member } from '../../balance/member.js';
import type { Clock } from '../../clock.js';
import type { ConnectionBudget } from './budget.js';
import type { Codecs, Protocol } from './codecs.js';
import { Dial, type Dialler } from './dial.js';
import type { PooledAttempt, WaitingRoom } from './pooled-attempt.js';
import { type ConnectionHolder, PooledConnection } from './pooled-connection.js';
import type { SocketMaker } from './sockets.js';

/** Streams that a connection in the making is counted for: what servers allow at least (RFC 9113, 6.5.2). */
const expectedStreams = 100;

/** What all pools of a worker share. */
export interface PoolGround {
  readonly sockets: SocketMaker;
  readonly codecs: Codecs;
  readonly clock: Clock;
  readonly budget: ConnectionBudget;
}

/** What all pools of a cluster share. */
export interface PoolOwner {
  readonly limits: ConnectionPool;
  readonly tls: UpstreamTls | undefined;
  /** Connections, made and in the making. */
  connections: number;
  /** Attempts without a connection. */
  pending: number;
  /** Frees an idle connection of the worker, if there is one, so that another can be made. */
  makeRoom(pod: string): boolean;
}

/**
 * Connections from one Pod (or this node) to one endpoint, for one protocol. The connection that was used last is used first. An attempt waits for a connection that
 * comes free or is made, whichever is first.
 */
export class Pool implements WaitingRoom, ConnectionHolder {
  readonly pod: string;
  readonly member: Member;
  readonly protocol: Protocol;
  readonly host: string;
  readonly #owner: PoolOwner;
  readonly #ground: PoolGround;
  readonly #connections = new Set<PooledConnection>();
  /** Those that could take a request when they were listed; the last was used last. */
  #available: PooledConnection[] = [];
  readonly #pending = new Set<PooledAttempt>();
  readonly #dials = new Set<Dial>();
  #isRetired = false;

  /** `host`: for SNI and verification of TLS; empty where it does not matter. */
  constructor(pod: string, member: Member, protocol: Protocol, host: string, owner: PoolOwner, ground: PoolGround) {
    this.pod = pod;
    this.member = member;
    this.protocol = protocol;
    this.host = host;
    this.#owner = owner;
    this.#ground = ground;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get isEmpty(): boolean {
    return this.#connections.size === 0 && this.#dials.size === 0 && this.#pending.size === 0;
  }

  /** Whether `begin` will send or keep an attempt. */
  admits(): boolean {
    if (this.#top() !== undefined) return true;
    const { limits, pending } = this.#owner;
    if (pending >= (limits.maxPendingRequests ?? this.#ground.budget.bounds.pending)) return false;
    return this.#connections.size > 0 || this.#dials.size > 0 || this.#mayDial();
  }

  /** After `admits`. */
  begin(attempt: PooledAttempt): void {
    const connection = this.#top();
    if (connection !== undefined) {
      this.#give(connection, attempt);
      return;
    }
    this.#pending.add(attempt);
    this.#owner.pending++;
    attempt.waitingRoom = this;
    this.#dialForPending();
  }

  /** An attempt does not wait any more. */
  cancel(attempt: PooledAttempt): void {
    if (!this.#pending.delete(attempt)) return;
    this.#owner.pending--;
    attempt.waitingRoom = undefined;
  }

  /** The available connection that was used last. */
  #top(): PooledConnection | undefined {
    const available = this.#available;
    for (let last = available.length - 1; last >= 0; last--) {
      const connection = available[last]!;
      if (this.#isUsable(connection)) return connection;
      connection.isListed = false;
      available.pop();
    }
    return undefined;
  }

  #isUsable(connection: PooledConnection): boolean {
    const { client } = connection;
    if (client === undefined || connection.isRetiring || !client.isOpen || client.capacity <= 0) return false;
    const { maxConcurrentStreams } = this.#owner.limits;
    return maxConcurrentStreams === undefined || client.inFlight < maxConcurrentStreams;
  }

  /** To the connection at the top. */
  #give(connection: PooledConnection, attempt: PooledAttempt): void {
    const client = connection.client!;
    const { maxRequestsPerConnection } = this.#owner.limits;
    connection.served++;
    attempt.start(client);
    if (maxRequestsPerConnection !== undefined && connection.served >= maxRequestsPerConnection) connection.retire();
    if (!this.#isUsable(connection) && this.#available.at(-1) === connection) {
      connection.isListed = false;
      this.#available.pop();
    }
  }

  changed(connection: PooledConnection): void {
    if (connection.client!.inFlight === 0) connection.idleSince = this.#ground.clock.monotonic();
    if (!connection.isListed && this.#isUsable(connection)) {
      connection.isListed = true;
      this.#available.push(connection);
    }
    if (this.#pending.size > 0) this.#serve();
    else if (this.#isRetired) connection.retire();
  }

  closed(connection: PooledConnection): void {
    connection.isRetiring = true;
    if (!this.#connections.delete(connection)) return;
    this.#released();
    if (this.#pending.size > 0) this.#dialForPending();
  }

  #released(): void {
    this.#owner.connections--;
    this.#ground.budget.give(this.pod);
  }

  #serve(): void {
    for (const attempt of this.#pending) {
      const connection = this.#top();
      if (connection === undefined) break;
      this.cancel(attempt);
      this.#give(connection, attempt);
    }
    if (this.#pending.size > 0) this.#dialForPending();
  }

  /** As Envoy: a pool without a connection may make one whatever `maxConnections` says, else its requests would wait for nothing. */
  #mayDial(): boolean {
    const { maxConnections } = this.#owner.limits;
    const count = this.#connections.size + this.#dials.size;
    if (count >= this.#ground.budget.bounds.perEndpoint) return false;
    if (count > 0 && maxConnections !== undefined && this.#owner.connections >= maxConnections) return false;
    return this.#ground.budget.allows(this.pod) || this.#owner.makeRoom(this.pod);
  }

  #dialForPending(): void {
    while (this.#dials.size * this.#perConnection < this.#pending.size && this.#mayDial()) this.#dial();
    if (this.#dials.size === 0 && this.#connections.size === 0) this.#failAll();
  }

  /** Requests that a connection in the making will take at once. */
  get #perConnection(): number {
    if (this.protocol === 'http1') return 1;
    return Math.min(this.#owner.limits.maxConcurrentStreams ?? expectedStreams, expectedStreams);
  }

  #dial(): void {
    const { limits, tls } = this.#owner;
    const { endpoint } = this.member;
    const { clock, sockets, budget } = this.#ground;
    this.#owner.connections++;
    budget.take(this.pod);
    const dialler: Dialler = {
      connected: (socket) => {
        this.#dials.delete(dial);
        this.#connected(socket);
      },
      failed: (why) => {
        this.#dials.delete(dial);
        this.#released();
        this.#failed(why);
      },
    };
    const dial: Dial = new Dial(
      {
        pod: this.pod,
        address: endpoint.address,
        port: endpoint.port,
        tls,
        host: this.host,
        alpn: this.protocol === 'http2' ? 'h2' : 'http/1.1',
        timeoutMs: limits.connectTimeoutMs,
        keepaliveMs: limits.tcpKeepalive?.timeMs,
      },
      sockets,
      clock,
      dialler,
    );
    this.#dials.add(dial);
  }

  #connected(socket: Socket): void {
    const connection = new PooledConnection(this, this.#ground.clock.monotonic());
    const { maxRequestsPerConnection } = this.#owner.limits;
    this.#connections.add(connection);
    connection.client = this.#ground.codecs[this.protocol](socket, connection, maxRequestsPerConnection);
    this.changed(connection);
  }

  /** One connection less to wait for: those that it was made for hear of it. */
  #failed(why: 'connect-failure' | 'connect-timeout'): void {
    let count = this.#perConnection;
    for (const attempt of [...this.#pending]) {
      if (count-- <= 0) break;
      this.cancel(attempt);
      attempt.fail(why);
    }
    if (this.#pending.size > 0) this.#dialForPending();
  }

  #failAll(): void {
    for (const attempt of [...this.#pending]) {
      this.cancel(attempt);
      attempt.fail('connect-failure');
    }
  }

  /** Closes what was idle for too long, or is too old. */
  sweep(now: number): void {
    const { httpIdleTimeoutMs, maxConnectionDurationMs } = this.#owner.limits;
    for (const connection of this.#connections) {
      const isIdle =
        connection.client!.inFlight === 0 && httpIdleTimeoutMs > 0 && now - connection.idleSince >= httpIdleTimeoutMs;
      const isOld = maxConnectionDurationMs !== undefined && now - connection.madeAt >= maxConnectionDurationMs;
      if ((isIdle || isOld) && !connection.isRetiring) connection.retire();
    }
    if (this.#available.some((connection) => connection.isRetiring)) {
      this.#available = this.#available.filter((connection) => !connection.isRetiring);
    }
  }

  /** Ends one idle connection, the one that was idle longest. */
  evictIdle(): boolean {
    const idle = this.#available.find((connection) => connection.client!.inFlight === 0 && !connection.isRetiring);
    idle?.retire();
    return idle !== undefined;
  }

  /** No more requests come: idle connections end now, others after their requests. */
  retire(): void {
    this.#isRetired = true;
    for (const connection of [...this.#connections]) connection.retire();
  }

  destroy(): void {
    this.#isRetired = true;
    for (const dial of this.#dials) {
      dial.cancel();
      this.#released();
    }
    this.#dials.clear();
    this.#failAll();
    for (const connection of [...this.#connections]) connection.client?.destroy();
  }
}
