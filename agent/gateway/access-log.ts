import type { RequestRecord } from './record.js';

/** What only requests through the proxy have besides. */
export interface LogDetails {
  readonly clientPort?: number;
  /** x-forwarded-for as received; empty without. */
  readonly forwardedFor?: string;
  /** SNI; empty without TLS. */
  readonly serverName?: string;
}

/** Characters of a value that is logged; the rest is cut. */
const longestValue = 1024;

/**
 * One request as a line of JSON, without a newline, under the names of Istio's JSON access log (istio.io, "Envoy Access Logs"); what is not there is
 * null. Control characters in values are escaped, so that a line is always one line.
 */
export function accessLogLine(record: RequestRecord & LogDetails): string {
  const { clientPort } = record;
  const remote = record.clientAddress.includes(':') ? `[${record.clientAddress}]` : record.clientAddress;
  return JSON.stringify({
    start_time: new Date(record.startedMs).toISOString(),
    method: text(record.method),
    path: text(record.path),
    protocol: text(record.version),
    response_code: record.status,
    response_flags: record.flags,
    bytes_received: record.requestBytes,
    bytes_sent: record.responseBytes,
    duration: Math.round(record.durationMs),
    upstream_service_time: record.upstreamMs > 0 ? Math.round(record.upstreamMs) : null,
    x_forwarded_for: text(record.forwardedFor),
    user_agent: text(record.userAgent),
    request_id: text(record.requestId),
    authority: text(record.authority),
    upstream_host: text(record.backendAddress),
    upstream_cluster: text(record.cluster),
    downstream_remote_address: clientPort === undefined ? text(remote) : `${remote}:${clientPort}`,
    requested_server_name: text(record.serverName),
    route_name: text(record.rule),
    grpc_status: record.grpcStatus ?? null,
    attempts: record.attempts,
    source: text(record.pod),
  });
}

function text(value: string | undefined): string | null {
  if (value === undefined || value === '') return null;
  return value.length > longestValue ? `${value.slice(0, longestValue)}…` : value;
}
