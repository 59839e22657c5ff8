import type { FromWorker, WorkerReport } from '../gateway/messages.js';
import type { RequestRecord } from '../gateway/record.js';
import { type Histogram, histogramBounds, type TrafficLabels, type TrafficSeries } from '../gateway/telemetry.js';
import type { EndpointState } from '../gateway/upstream/attempt.js';

/** Bytes of one message: 2 000 records as a worker shortens them are 20 MiB at most, the state of 65 536 endpoints as much. */
export const longestMessage: number = 64 << 20;

const mostSeries = 1_000;
const mostRecords = 2_000;
const mostEndpoints = 65_536;
const mostBounds = 64;
/** Characters of a name, and of what a client may say at length. */
const longestName = 512;
const longestText = 2_048;
/** Every count, time and size is below; all are safe integers and times of Date. */
const most = 4e15;

type Fields = Readonly<Record<string, unknown>>;

/**
 * A worker's message, made anew of the fields that are known: a worker that was taken over can say what it likes, and must not bring the agent down by it.
 * Numbers are finite and not negative, texts bounded and without control characters. Undefined: it is no message.
 */
export function readWorkerMessage(value: unknown): FromWorker | undefined {
  const message = fieldsOf(value);
  switch (message.type) {
    case 'ready':
      return { type: 'ready' };
    case 'applied':
      return { type: 'applied', generation: amount(message.generation) };
    case 'opened':
      return { type: 'opened', pod: name(message.pod) };
    case 'opened-ingress':
      return { type: 'opened-ingress', port: amount(message.port) };
    case 'telemetry':
      return { type: 'telemetry', report: reportOf(fieldsOf(message.report)) };
    case 'records':
      return { type: 'records', records: list(message.records, mostRecords, recordOf), lost: amount(message.lost) };
    default:
      return undefined;
  }
}

function reportOf(report: Fields): WorkerReport {
  const sums = fieldsOf(report.sums);
  const bounds = Object.entries(fieldsOf(report.bounds)).filter(([bound]) => /^[A-Za-z]{1,40}$/.test(bound));
  return {
    sums: { series: list(sums.series, mostSeries, seriesOf), overflowed: amount(sums.overflowed) },
    endpoints: list(report.endpoints, mostEndpoints, endpointOf),
    connections: amount(report.connections),
    inFlight: amount(report.inFlight),
    rssBytes: amount(report.rssBytes),
    bounds: Object.fromEntries(bounds.slice(0, mostBounds).map(([bound, count]) => [bound, amount(count)])),
  };
}

function seriesOf(series: Fields): TrafficSeries {
  return {
    labels: labelsOf(fieldsOf(series.labels)),
    requests: amount(series.requests),
    durationMs: histogramOf(fieldsOf(series.durationMs)),
    requestBytes: histogramOf(fieldsOf(series.requestBytes)),
    responseBytes: histogramOf(fieldsOf(series.responseBytes)),
  };
}

function labelsOf(labels: Fields): TrafficLabels {
  return {
    source: workloadOf(fieldsOf(labels.source)),
    destination: workloadOf(fieldsOf(labels.destination)),
    host: name(labels.host),
    service: name(labels.service),
    serviceNamespace: name(labels.serviceNamespace),
    protocol: protocolOf(labels.protocol),
    code: amount(labels.code),
    grpcStatus: optional(labels.grpcStatus),
    flags: name(labels.flags),
  };
}

function workloadOf(workload: Fields): TrafficLabels['source'] {
  return {
    workload: name(workload.workload),
    namespace: name(workload.namespace),
    app: name(workload.app),
    version: name(workload.version),
    canonicalService: name(workload.canonicalService),
    canonicalRevision: name(workload.canonicalRevision),
  };
}

function histogramOf(histogram: Fields): Histogram {
  const counts = Array.isArray(histogram.counts) ? (histogram.counts as readonly unknown[]) : [];
  return {
    counts: Array.from({ length: histogramBounds.length + 1 }, (_, bucket) => amount(counts[bucket])),
    sum: amount(histogram.sum),
  };
}

function endpointOf(endpoint: Fields): EndpointState {
  return {
    cluster: name(endpoint.cluster),
    address: name(endpoint.address),
    name: name(endpoint.name),
    inFlight: amount(endpoint.inFlight),
    latencyMs: amount(endpoint.latencyMs),
    ejected: endpoint.ejected === true,
    ejection: name(endpoint.ejection),
    ejections: amount(endpoint.ejections),
    connections: amount(endpoint.connections),
  };
}

function recordOf(record: Fields): RequestRecord {
  return {
    startedMs: amount(record.startedMs),
    durationMs: amount(record.durationMs),
    origin: record.origin === 'mesh' ? 'mesh' : 'ingress',
    pod: name(record.pod),
    clientAddress: name(record.clientAddress),
    target: name(record.target),
    port: amount(record.port),
    rule: name(record.rule),
    cluster: name(record.cluster),
    service: name(record.service),
    backend: name(record.backend),
    backendAddress: name(record.backendAddress),
    protocol: protocolOf(record.protocol),
    version: name(record.version),
    method: name(record.method),
    authority: name(record.authority),
    path: text(record.path, longestText),
    userAgent: text(record.userAgent, longestText),
    requestId: name(record.requestId),
    status: amount(record.status),
    grpcStatus: optional(record.grpcStatus),
    flags: name(record.flags),
    requestBytes: amount(record.requestBytes),
    responseBytes: amount(record.responseBytes),
    attempts: amount(record.attempts),
    upstreamMs: amount(record.upstreamMs),
  };
}

function protocolOf(value: unknown): TrafficLabels['protocol'] {
  return value === 'grpc' || value === 'tcp' ? value : 'http';
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list<Item>(value: unknown, length: number, read: (fields: Fields) => Item): readonly Item[] {
  return Array.isArray(value) ? value.slice(0, length).map((each) => read(fieldsOf(each))) : [];
}

function amount(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value <= most ? value : 0;
}

function optional(value: unknown): number | undefined {
  return typeof value === 'number' ? amount(value) : undefined;
}

function name(value: unknown): string {
  return text(value, longestName);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: those that a terminal would obey
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function text(value: unknown, longest: number): string {
  return typeof value === 'string' ? value.slice(0, longest).replace(control, '?') : '';
}
