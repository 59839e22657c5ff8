import type { Socket } from 'node:net';
import type { Lease } from '../../balance/lease.js';
import { sourceHash } from '../../compile/maglev.js';
import type { Refusal, TcpQuery, TcpResult } from './attempt.js';
import type { ClusterTraffic } from './cluster-traffic.js';
import { Dial } from './dial.js';
import type { PoolGround } from './pool.js';
import type { Traffic } from './traffic.js';

/** Endpoints that one connection is tried on. */
const attempts = 3;

/** A connection for bytes that are not looked into: each endpoint that cannot be reached is followed by another one. */
export async function connectTcp(cluster: ClusterTraffic, query: TcpQuery, ground: PoolGround): Promise<TcpResult> {
  const tried: string[] = [];
  const { clock } = ground;
  const traffic = cluster.for(query);
  const { balancing } = traffic.policy;
  const isBySource = balancing.type === 'hash' && balancing.key.type === 'sourceIp';
  const hash = isBySource ? sourceHash(query.downstream.address) : undefined;
  let why: Refusal | 'connect-failure' | 'connect-timeout' = 'no-healthy-upstream';
  for (let attempt = 0; attempt < attempts; attempt++) {
    const lease = traffic.balancer.pick({ hash, tried, now: clock.monotonic() });
    if (lease === undefined || tried.includes(lease.member.address)) {
      lease?.settle({ type: 'cancelled' }, undefined, clock.monotonic());
      break;
    }
    tried.push(lease.member.address);
    const { pod } = query.downstream;
    const { maxConnections } = traffic.limits;
    const isFull = maxConnections !== undefined && traffic.connections >= maxConnections;
    if (isFull || !(ground.budget.allows(pod) || traffic.makeRoom(pod))) {
      lease.settle({ type: 'cancelled' }, undefined, clock.monotonic());
      return { type: 'refused', why: 'overflow' };
    }
    const made = await dial(pod, lease, traffic, query.sni, ground);
    if (typeof made !== 'string') return made;
    why = made;
    lease.settle({ type: made }, undefined, clock.monotonic());
  }
  return { type: 'refused', why };
}

function dial(
  pod: string,
  lease: Lease,
  traffic: Traffic,
  sni: string,
  ground: PoolGround,
): Promise<TcpResult | 'connect-failure' | 'connect-timeout'> {
  const { clock, budget } = ground;
  const { limits, tls } = traffic;
  const { endpoint } = lease.member;
  const to = {
    pod,
    address: endpoint.address,
    port: endpoint.port,
    tls,
    host: sni,
    alpn: '',
    timeoutMs: limits.connectTimeoutMs,
    keepaliveMs: limits.tcpKeepalive?.timeMs,
  } as const;
  traffic.connections++;
  budget.take(pod);
  const release = () => {
    traffic.connections--;
    budget.give(pod);
  };
  return new Promise((resolve) => {
    new Dial(to, ground.sockets, clock, {
      connected(socket) {
        const end = bound(socket, traffic, ground);
        let isDone = false;
        const done = () => {
          if (isDone) return;
          isDone = true;
          end();
          release();
          lease.settle({ type: 'response', status: 200 }, undefined, clock.monotonic());
        };
        socket.on('error', ignore);
        socket.once('close', done);
        resolve({ type: 'connected', socket, endpoint, done });
      },
      failed(why) {
        release();
        resolve(why);
      },
    });
  });
}

/** idleTimeout and maxConnectionDuration. The returned function ends the watch. */
function bound(socket: Socket, traffic: Traffic, { clock }: PoolGround): () => void {
  const { tcpIdleTimeoutMs, maxConnectionDurationMs } = traffic.limits;
  if (tcpIdleTimeoutMs !== undefined && tcpIdleTimeoutMs > 0)
    socket.setTimeout(tcpIdleTimeoutMs, () => socket.destroy());
  return maxConnectionDurationMs === undefined
    ? () => {}
    : clock.after(maxConnectionDurationMs, () => socket.destroy());
}

/** `close` follows. */
function ignore(): void {}
