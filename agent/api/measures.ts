import type { Workload } from '../balance/cluster.js';
import type { BackendState } from '../compile/plan.js';
import type { Reason, Verdict } from './flow.js';
import type { Check } from './items.js';

/** Who is at one end of an edge, for Istio's labels. */
export type Identity = Workload;

/** One row of the `edges` map with its ends resolved. */
export interface EdgeMeasure {
  /** The row's key as text: other rows never have it while this one lives. */
  readonly id: string;
  readonly source: Identity;
  readonly destination: Identity;
  /** Service name and namespace. */
  readonly service: string;
  readonly serviceNamespace: string;
  readonly opened: number;
  readonly closed: number;
  readonly failed: number;
  /** From the client to the backend. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface DecisionMeasure {
  readonly verdict: Verdict;
  readonly reason: Reason;
  readonly count: number;
}

export interface MapMeasure {
  readonly map: string;
  readonly entries: number;
  readonly capacity: number;
}

export interface ProgramMeasure {
  readonly program: string;
  readonly runSeconds: number;
  readonly runs: number;
}

/** Connections in flight to one endpoint of one Service port. */
export interface InflightMeasure {
  /** NS/NAME. */
  readonly service: string;
  readonly port: number;
  readonly backend: string;
  readonly inflight: number;
}

export interface HistogramMeasure {
  /** Not cumulative; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Requests through the gateway, of one set of Istio's labels. */
export interface RequestMeasure {
  readonly labels: Readonly<Record<string, string>>;
  /** L4 connections that the gateway carried are `tcp`. */
  readonly protocol: 'http' | 'grpc' | 'tcp';
  readonly requests: number;
  /** In ms. */
  readonly durationMs: HistogramMeasure;
  readonly requestBytes: HistogramMeasure;
  readonly responseBytes: HistogramMeasure;
}

/** What one backend looks like to the gateway, over all workers. */
export interface EndpointMeasure {
  /** NS/POD, or its address. */
  readonly backend: string;
  readonly cluster: string;
  readonly inFlight: number;
  /** Peak-EWMA of the time to the response's head, ms: the greatest of the workers'. */
  readonly latencyMs: number;
  /** Workers that do not use it now. */
  readonly ejectedBy: number;
}

export interface GatewayMeasure {
  /** Upper bounds of the buckets of all histograms. */
  readonly bounds: readonly number[];
  readonly requests: Iterable<RequestMeasure>;
  /** Requests that were counted in `other`. */
  readonly dropped: number;
  readonly endpoints: Iterable<EndpointMeasure>;
  /** By reason. */
  readonly ejections: Iterable<{ readonly reason: string; readonly count: number }>;
  readonly workers: number;
  readonly restarts: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly rssBytes: number;
  /** Things that went over a bound, by name. */
  readonly overruns: Iterable<{ readonly bound: string; readonly count: number }>;
}

export interface ProblemMeasure {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly count: number;
}

/** Of one resource of the API server. Counts are since start. */
export interface WatchMeasure {
  readonly resource: string;
  readonly synced: boolean;
  readonly objects: number;
  /** By type of event. */
  readonly events: Readonly<Record<string, number>>;
  /** By reason. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** What /metrics shows, read once a scrape. Counts are cumulative. */
export interface Measures {
  readonly version: string;
  readonly mode: string;
  readonly generation: number;
  readonly checks: readonly Check[];
  readonly decisions: Iterable<DecisionMeasure>;
  readonly edges: Iterable<EdgeMeasure>;
  /** Connections of edges that did not fit the kernel's map. */
  readonly edgesFull: number;
  readonly maps: Iterable<MapMeasure>;
  readonly programs: Iterable<ProgramMeasure>;
  /** How many endpoints are in each state. */
  readonly backends: Iterable<{ readonly state: BackendState; readonly count: number }>;
  /** Only those with connections in flight. */
  readonly inflight: Iterable<InflightMeasure>;
  readonly problems: Iterable<ProblemMeasure>;
  readonly gateway: GatewayMeasure;
  readonly drift: number;
  /** Of the kernel's ring. */
  readonly eventsLost: number;
  /** Requests that workers left out of flows, because they tell of so many a second. */
  readonly requestsUntold: number;
  /** Objects held by the mass-delete brake now. */
  readonly held: number;
  readonly sources: Iterable<{ readonly source: string; readonly synced: boolean; readonly degraded: boolean }>;
  /** None without an API server as a source. */
  readonly watches: Iterable<WatchMeasure>;
  /** Whether this agent writes status to the API server; undefined without one. */
  readonly isStatusWriter: boolean | undefined;
}
