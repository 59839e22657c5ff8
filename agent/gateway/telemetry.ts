import type { Cluster, Workload } from '../balance/cluster.js';
import type { Snapshot } from '../compile/snapshot.js';
import { everywhere, nobody } from '../compile/workload.js';
import { hostOfService } from '../model/names.js';
import type { RequestRecord } from './record.js';

/** Upper bounds of the buckets of all histograms, ms and bytes alike: Envoy's, as Istio shows them. What is greater is in one more. */
export const histogramBounds: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** Series of one batch; requests of others are summed up in one that is called `other`. */
export const mostSeries = 1000;

/** Each has an `other` of its own. */
const protocols = 3;

/** So many ways from a client to a backend are remembered between two batches. */
const mostPaths = 8192;

/** Whose traffic a series is. Nothing of it comes from the network. `unknown` where nobody knows. */
export interface TrafficLabels {
  readonly source: Workload;
  readonly destination: Workload;
  /** NAME.NS.svc.cluster.local, or a ServiceEntry's host. */
  readonly host: string;
  readonly service: string;
  readonly serviceNamespace: string;
  readonly protocol: 'http' | 'grpc' | 'tcp';
  /** 0: no answer was sent. */
  readonly code: number;
  /** Undefined unless gRPC. */
  readonly grpcStatus: number | undefined;
  readonly flags: string;
}

export interface Histogram {
  /** Not cumulative; one more than there are bounds. */
  readonly counts: number[];
  sum: number;
}

export interface TrafficSeries {
  readonly labels: TrafficLabels;
  /** Requests, or L4 connections that have ended. */
  requests: number;
  readonly durationMs: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
}

/** What was summed up since the last one; JSON-serialisable. */
export interface TelemetryBatch {
  readonly series: readonly TrafficSeries[];
  /** Requests that went into `other`. */
  readonly overflowed: number;
}

const unknown = 'unknown';
const others: Workload = everywhere('other');

/** The rest of what decides a record's series, besides its pod and its backend. */
interface Path {
  readonly target: string;
  readonly cluster: string;
  readonly series: TrafficSeries;
}

function fits({ target, cluster, series: { labels } }: Path, record: RequestRecord): boolean {
  return (
    labels.code === record.status &&
    labels.grpcStatus === record.grpcStatus &&
    labels.flags === record.flags &&
    labels.protocol === record.protocol &&
    target === record.target &&
    cluster === record.cluster
  );
}

/** Sums records by who asked whom and how it went. Names are looked up in the snapshot of the moment. */
export class Telemetry {
  readonly #snapshot: () => Snapshot;
  /** By labels. */
  #series = new Map<string, TrafficSeries>();
  /** By pod and backend: short ways from records to their series. */
  #paths = new Map<string, Map<string, Path[]>>();
  #pathCount = 0;
  #overflowed = 0;

  constructor(snapshot: () => Snapshot) {
    this.#snapshot = snapshot;
  }

  add(record: RequestRecord): void {
    const series = this.#seriesOf(record);
    series.requests++;
    observe(series.durationMs, record.durationMs);
    observe(series.requestBytes, record.requestBytes);
    observe(series.responseBytes, record.responseBytes);
  }

  /** What has come since the last call. */
  drain(): TelemetryBatch {
    const batch = { series: [...this.#series.values()], overflowed: this.#overflowed };
    this.#series = new Map();
    this.#forgetPaths();
    this.#overflowed = 0;
    return batch;
  }

  #seriesOf(record: RequestRecord): TrafficSeries {
    const paths = this.#pathsOf(record);
    let series = paths.find((path) => fits(path, record))?.series;
    if (series === undefined) {
      series = this.#find(labelsOf(record, this.#snapshot()));
      const { target, cluster } = record;
      if (series.labels.source !== others) {
        paths.push({ target, cluster, series });
        this.#pathCount++;
      }
    }
    if (series.labels.source === others) this.#overflowed++;
    return series;
  }

  #pathsOf({ pod, backendAddress }: RequestRecord): Path[] {
    if (this.#pathCount >= mostPaths) this.#forgetPaths();
    let ofPod = this.#paths.get(pod);
    if (ofPod === undefined) {
      ofPod = new Map();
      this.#paths.set(pod, ofPod);
    }
    let paths = ofPod.get(backendAddress);
    if (paths === undefined) {
      paths = [];
      ofPod.set(backendAddress, paths);
      this.#pathCount++;
    }
    return paths;
  }

  #forgetPaths(): void {
    this.#paths = new Map();
    this.#pathCount = 0;
  }

  #find(labels: TrafficLabels): TrafficSeries {
    const key = keyOf(labels);
    const found = this.#series.get(key);
    if (found !== undefined) return found;
    const isFull = this.#series.size >= mostSeries - protocols;
    if (isFull && labels.source !== others) return this.#find(otherLabels(labels.protocol));
    const series = {
      labels,
      requests: 0,
      durationMs: emptyHistogram(),
      requestBytes: emptyHistogram(),
      responseBytes: emptyHistogram(),
    };
    this.#series.set(key, series);
    return series;
  }
}

/** Of the series for what there is no place for: only the protocol is kept. */
export function otherLabels(protocol: TrafficLabels['protocol']): TrafficLabels {
  const names = { host: 'other', service: 'other', serviceNamespace: 'other' };
  return { source: others, destination: others, ...names, protocol, code: 0, grpcStatus: undefined, flags: '-' };
}

function emptyHistogram(): Histogram {
  return { counts: new Array<number>(histogramBounds.length + 1).fill(0), sum: 0 };
}

function observe(histogram: Histogram, value: number): void {
  let bucket = 0;
  while (bucket < histogramBounds.length && value > histogramBounds[bucket]!) bucket++;
  histogram.counts[bucket]!++;
  histogram.sum += value;
}

function labelsOf(record: RequestRecord, snapshot: Snapshot): TrafficLabels {
  const { protocol, status, grpcStatus, flags } = record;
  const cluster = snapshot.clusters[record.cluster];
  const name = record.service === '' ? record.target : record.service;
  const slash = name.indexOf('/');
  const service = name === '' ? unknown : name.slice(slash + 1);
  const serviceNamespace = name === '' ? unknown : name.slice(0, slash);
  const ownHost = name === '' ? unknown : hostOfService(name);
  return {
    source: snapshot.clients[record.pod]?.workload ?? nobody,
    destination: cluster === undefined ? nobody : (workloadsOf(cluster).get(record.backendAddress) ?? nobody),
    host: cluster?.host ?? ownHost,
    service: cluster !== undefined && cluster.service === '' ? cluster.host : service,
    serviceNamespace,
    protocol,
    code: status,
    grpcStatus,
    flags,
  };
}

const workloads = new WeakMap<Cluster, ReadonlyMap<string, Workload>>();

function workloadsOf(cluster: Cluster): ReadonlyMap<string, Workload> {
  let found = workloads.get(cluster);
  if (found === undefined) {
    found = new Map(cluster.endpoints.map(({ address, port, workload }) => [`${address}:${port}`, workload]));
    workloads.set(cluster, found);
  }
  return found;
}

function keyOf(labels: TrafficLabels): string {
  const { source, destination, host, service, serviceNamespace, protocol, code, grpcStatus, flags } = labels;
  const of = (end: Workload) =>
    `${end.workload}\n${end.namespace}\n${end.app}\n${end.version}\n${end.canonicalService}\n${end.canonicalRevision}`;
  return [of(source), of(destination), host, service, serviceNamespace, protocol, code, grpcStatus, flags].join('\n');
}

/**
 * The labels as Istio names them ("Istio Standard Metrics"), for istio_requests_total and its histograms. A gRPC status is `unknown` where none was
 * said; the response's code is left out where there is no response to have one.
 */
export function istioLabels(labels: TrafficLabels): Readonly<Record<string, string>> {
  const { source, destination } = labels;
  return {
    reporter: 'source',
    source_workload: source.workload,
    source_canonical_service: source.canonicalService,
    source_canonical_revision: source.canonicalRevision,
    source_workload_namespace: source.namespace,
    source_principal: unknown,
    source_app: source.app,
    source_version: source.version,
    source_cluster: unknown,
    destination_workload: destination.workload,
    destination_workload_namespace: destination.namespace,
    destination_principal: unknown,
    destination_app: destination.app,
    destination_version: destination.version,
    destination_service: labels.host,
    destination_canonical_service: destination.canonicalService,
    destination_canonical_revision: destination.canonicalRevision,
    destination_service_name: labels.service,
    destination_service_namespace: labels.serviceNamespace,
    destination_cluster: unknown,
    request_protocol: labels.protocol,
    ...(labels.protocol === 'tcp' ? {} : { response_code: String(labels.code) }),
    grpc_response_status: labels.grpcStatus === undefined ? unknown : String(labels.grpcStatus),
    response_flags: labels.flags,
    connection_security_policy: 'none',
  };
}

/** Adds what one batch says to sums by labels; for series that only grow. */
export function mergeHistogram(into: Histogram, from: Histogram): void {
  for (const [bucket, count] of from.counts.entries()) into.counts[bucket]! += count;
  into.sum += from.sum;
}
