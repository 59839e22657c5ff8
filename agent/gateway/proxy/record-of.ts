import type { ClusterEndpoint } from '../../balance/cluster.js';
import type { Call } from './call.js';
import type { LoggedRequest } from './parts.js';

/** The record of a call that has ended. */
export function recordOf(
  call: Call,
  status: number,
  grpcStatus: number | undefined,
  responseBytes: number,
): LoggedRequest {
  const { request, downstream, snapshot, endpoint } = call;
  const { origin } = downstream;
  const target = origin === 'mesh' ? snapshot.targets[downstream.target] : undefined;
  return {
    startedMs: call.startedMs,
    durationMs: call.parts.clock.monotonic() - call.started,
    origin,
    pod: downstream.pod,
    clientAddress: downstream.address,
    target: target?.service ?? '',
    port: request.port,
    rule: call.plan?.rule?.name ?? '',
    cluster: call.cluster,
    service: snapshot.clusters[call.cluster]?.service ?? '',
    backend: endpoint?.name ?? '',
    backendAddress: endpoint === undefined ? '' : addressOf(endpoint),
    protocol: request.isGrpc ? 'grpc' : 'http',
    version: request.head.version,
    method: request.method,
    authority: request.authority,
    path: request.head.target,
    userAgent: request.userAgent,
    requestId: call.requestId,
    status,
    grpcStatus,
    flags: call.flags === '' ? '-' : call.flags,
    requestBytes: call.requestBytes,
    responseBytes,
    attempts: call.attempts,
    upstreamMs: call.upstreamMs,
    clientPort: downstream.port,
    forwardedFor: request.forwardedFor,
    serverName: downstream.tls?.sni ?? '',
  };
}

const addresses = new WeakMap<ClusterEndpoint, string>();

/** `ADDRESS:PORT`; the same string each time, so that looking something up by it is cheap. */
function addressOf(endpoint: ClusterEndpoint): string {
  let text = addresses.get(endpoint);
  if (text === undefined) {
    text = `${endpoint.address}:${endpoint.port}`;
    addresses.set(endpoint, text);
  }
  return text;
}
