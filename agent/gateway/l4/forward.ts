import type { Socket } from 'node:net';
import type { ClusterEndpoint, ConnectionPool } from '../../balance/cluster.js';
import { variantFor } from '../../balance/variant.js';
import type { Clock } from '../../clock.js';
import type { ClientPod, Snapshot } from '../../compile/snapshot.js';
import type { Downstream, Failure } from '../exchange.js';
import type { RequestRecord } from '../record.js';
import type { Refusal, TcpResult, Upstreams } from '../upstream/attempt.js';
import { cut, Tunnel, type TunnelEnd } from './tunnel.js';

/** A connection that is carried as it is. */
export interface Forwarding {
  readonly socket: Socket;
  /** Read already. */
  readonly first: Buffer;
  readonly downstream: Downstream;
  readonly client: ClientPod | undefined;
  readonly snapshot: Snapshot;
  /** NS/NAME of the Service that was addressed; empty for ingress. */
  readonly service: string;
  readonly port: number;
  /** Name of the rule; empty without one. */
  readonly rule: string;
  /** Key; empty: there is no destination. */
  readonly cluster: string;
  readonly sni: string;
}

export interface ForwardingParts {
  readonly upstreams: Pick<Upstreams, 'connect'>;
  readonly clock: Clock;
  readonly onRecord: (record: RequestRecord) => void;
  /** Where connectionPool.tcp.idleTimeout says nothing (ms). */
  readonly idleMs: number;
}

/** Connects a client to a backend of the cluster and carries their bytes. Never throws; the record tells how it went. */
export async function forward(forwarding: Forwarding, parts: ForwardingParts): Promise<void> {
  const { socket, cluster, snapshot, downstream, client, sni } = forwarding;
  const startedMs = parts.clock.now();
  const started = parts.clock.monotonic();
  const record = recorder(forwarding, parts, startedMs, started);
  let hasEnded = socket.readableEnded;
  const onEnd = (): void => {
    hasEnded = true;
  };
  const onError = (): void => {};
  socket.on('error', onError);
  socket.on('end', onEnd);
  socket.pause();
  const result: TcpResult =
    cluster === ''
      ? { type: 'refused', why: 'no-cluster' }
      : await parts.upstreams.connect({ snapshot, cluster, downstream, client, sni });
  socket.off('end', onEnd);
  if (result.type === 'refused') {
    if (!socket.destroyed) cut(socket);
    record(undefined, flagOf(result.why), 0, noBytes);
    return;
  }
  const upstreamMs = parts.clock.monotonic() - started;
  if (socket.destroyed) {
    result.socket.destroy();
    result.done();
    record(result.endpoint, 'DC', upstreamMs, noBytes);
    return;
  }
  const pool = poolOf(forwarding);
  new Tunnel({
    client: socket,
    backend: result.socket,
    first: forwarding.first,
    hasEnded,
    clock: parts.clock,
    idleMs: pool?.tcpIdleTimeoutMs ?? parts.idleMs,
    lifetimeMs: pool?.maxConnectionDurationMs,
    onEnd: (end) => {
      result.done();
      record(result.endpoint, endFlag(end.broken), upstreamMs, end);
    },
  });
}

const noBytes: Pick<TunnelEnd, 'fromClient' | 'fromBackend'> = { fromClient: 0, fromBackend: 0 };

/** Envoy's response flags. */
function flagOf(why: Refusal | Failure): string {
  switch (why) {
    case 'no-cluster':
      return 'NC';
    case 'no-healthy-upstream':
      return 'UH';
    case 'overflow':
      return 'UO';
    case 'connect-timeout':
      return 'UF,UT';
    default:
      return 'UF';
  }
}

function endFlag(broken: TunnelEnd['broken']): string {
  switch (broken) {
    case 'client':
      return 'DC';
    case 'backend':
      return 'UC';
    case 'idle':
      return 'SI';
    case 'lifetime':
      return 'DT';
    default:
      return '-';
  }
}

/** The limits that the client's view of the cluster has. */
function poolOf({ snapshot, cluster, client }: Forwarding): ConnectionPool | undefined {
  const variants = snapshot.clusters[cluster]?.variants;
  return variants?.[variantFor(variants, client)]?.policy.pool;
}

type Recorder = (
  endpoint: ClusterEndpoint | undefined,
  flags: string,
  upstreamMs: number,
  bytes: Pick<TunnelEnd, 'fromClient' | 'fromBackend'>,
) => void;

function recorder(forwarding: Forwarding, parts: ForwardingParts, startedMs: number, started: number): Recorder {
  const { downstream, snapshot, cluster, service, port, rule, sni } = forwarding;
  return (endpoint, flags, upstreamMs, { fromClient, fromBackend }) =>
    parts.onRecord({
      startedMs,
      durationMs: parts.clock.monotonic() - started,
      origin: downstream.origin,
      pod: downstream.pod,
      clientAddress: downstream.address,
      target: service,
      port,
      rule,
      cluster,
      service: snapshot.clusters[cluster]?.service ?? '',
      backend: endpoint?.name ?? '',
      backendAddress: endpoint === undefined ? '' : `${endpoint.address}:${endpoint.port}`,
      protocol: 'tcp',
      version: '',
      method: '',
      authority: sni,
      path: '',
      userAgent: '',
      requestId: '',
      status: 0,
      grpcStatus: undefined,
      flags,
      requestBytes: fromClient,
      responseBytes: fromBackend,
      attempts: endpoint === undefined ? 0 : 1,
      upstreamMs,
    });
}
