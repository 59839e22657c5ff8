import type { Flow } from '../api/flow.js';
import type { EndpointMeasure, GatewayMeasure, RequestMeasure } from '../api/measures.js';
import type { RequestRecord } from '../gateway/record.js';
import { histogramBounds, istioLabels } from '../gateway/telemetry.js';
import type { ViewParts } from './parts.js';

/** What the workers of the gateway said of themselves and of what they served. */
export function measureGateway({ requests, supervisor }: Pick<ViewParts, 'requests' | 'supervisor'>): GatewayMeasure {
  const reports = [...requests.reports.values()];
  const sum = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const overruns = new Map<string, number>();
  for (const { bounds } of reports)
    for (const [bound, count] of Object.entries(bounds)) overruns.set(bound, (overruns.get(bound) ?? 0) + count);
  return {
    bounds: histogramBounds,
    requests: Array.from(
      requests.series(),
      ({ labels, ...series }): RequestMeasure => ({
        ...series,
        labels: istioLabels(labels),
        protocol: labels.protocol,
      }),
    ),
    dropped: requests.dropped,
    endpoints: endpointMeasures(requests),
    ejections: [...requests.ejections].map(([reason, count]) => ({ reason, count })),
    workers: supervisor.pids.length,
    restarts: supervisor.restarts,
    connections: sum(({ connections }) => connections),
    inFlight: sum(({ inFlight }) => inFlight),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    overruns: [...overruns].sort().map(([bound, count]) => ({ bound, count })),
  };
}

function endpointMeasures({ reports }: ViewParts['requests']): readonly EndpointMeasure[] {
  const measures = new Map<string, { -readonly [Name in keyof EndpointMeasure]: EndpointMeasure[Name] }>();
  for (const { endpoints } of reports.values()) {
    for (const { cluster, name, address, inFlight, latencyMs, ejected } of endpoints) {
      const key = `${cluster} ${address}`;
      const measure = measures.get(key) ?? { cluster, backend: name, inFlight: 0, latencyMs: 0, ejectedBy: 0 };
      measure.inFlight += inFlight;
      measure.latencyMs = Math.max(measure.latencyMs, latencyMs);
      measure.ejectedBy += ejected ? 1 : 0;
      measures.set(key, measure);
    }
  }
  return [...measures].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, measure]) => measure);
}

/** A request as a flow. */
export function flowOfRequest(record: RequestRecord): Flow {
  const colon = record.backendAddress.lastIndexOf(':');
  const { method, authority, path, version, status, rule, cluster, flags, attempts, upstreamMs, requestId } = record;
  return {
    time: new Date(record.startedMs + record.durationMs).toISOString(),
    event: 'request',
    verdict: record.backend === '' && status >= 500 ? 'refuse' : 'redirect',
    reason: 'gateway',
    protocol: 'TCP',
    from: record.pod,
    service: record.service === '' ? record.target : record.service,
    serviceAddress: record.pod === '' ? record.clientAddress : '',
    servicePort: record.port,
    backend: record.backend,
    backendAddress: colon < 0 ? '' : record.backendAddress.slice(0, colon).replace(/^\[|\]$/g, ''),
    backendPort: colon < 0 ? 0 : Number(record.backendAddress.slice(colon + 1)),
    connectMs: 0,
    durationMs: record.durationMs,
    sentBytes: record.requestBytes,
    receivedBytes: record.responseBytes,
    rttMs: 0,
    request: {
      ...{ method, authority, path, version, status, rule, cluster, flags, attempts, upstreamMs, requestId },
      grpcStatus: record.grpcStatus ?? -1,
    },
  };
}
