import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ejections } from '../balance/health.js';
import { showEdges } from './edge-text.js';
import { type EdgeCounts, EdgeLedger, mostEdges } from './edges.js';
import { showPairs } from './label-text.js';
import type { EndpointMeasure, GatewayMeasure, InflightMeasure, Measures } from './measures.js';
import { showRequests } from './request-text.js';
import type { AgentView } from './view.js';

type Values = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

/** A family whose values are read anew for each scrape. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly labels: readonly string[];
  readonly values: (measures: Measures, edges: EdgeLedger) => Values;
}

function one(value: number): Values {
  return [[{}, value]];
}

/** The busiest backends by name, the rest of them together. */
function inflightValues(measured: Iterable<InflightMeasure>): Values {
  const busiest = [...measured].sort((a, b) => b.inflight - a.inflight);
  const rest = busiest.slice(mostEdges).reduce((sum, each) => sum + each.inflight, 0);
  const named = busiest
    .slice(0, mostEdges)
    .map(({ service, port, backend, inflight }) => [{ service, port: String(port), backend }, inflight] as const);
  return rest === 0 ? named : [...named, [{ service: 'other', port: 'other', backend: 'other' }, rest]];
}

/** The busiest backends; those without requests in flight or ejection are left out when there are too many. */
function endpointValues(endpoints: Iterable<EndpointMeasure>, value: (endpoint: EndpointMeasure) => number): Values {
  return [...endpoints]
    .sort((a, b) => b.ejectedBy - a.ejectedBy || b.inFlight - a.inFlight)
    .slice(0, mostEdges)
    .map((endpoint) => [{ cluster: endpoint.cluster, backend: endpoint.backend }, value(endpoint)] as const);
}

/** L4 connections that the gateway carried, which have ended. */
function carriedBy({ requests }: GatewayMeasure): ReadonlyMap<string, EdgeCounts> {
  const carried = new Map<string, EdgeCounts>();
  for (const { labels, protocol, requests: ended, requestBytes, responseBytes } of requests) {
    if (protocol !== 'tcp') continue;
    const sums = { sentBytes: requestBytes.sum, receivedBytes: responseBytes.sum };
    carried.set(`{${showPairs(labels)}}`, { opened: ended, closed: ended, failed: 0, ...sums });
  }
  return carried;
}

function countsBy(resource: string, label: string, counts: Readonly<Record<string, number>>): Values {
  return Object.entries(counts).map(([key, count]) => [{ resource, [label]: key }, count] as const);
}

/** Requests of each protocol, over all series. */
function gatewayPaths({ requests }: GatewayMeasure): Values {
  const sums = new Map<string, number>();
  for (const { protocol, requests: count } of requests) sums.set(protocol, (sums.get(protocol) ?? 0) + count);
  return [...sums].sort().map(([reason, count]) => [{ path: 'gateway', reason }, count] as const);
}

/** Every reason, also those that nothing was ejected for yet: a rate needs the 0 before the first. */
function ejectionValues({ gateway }: Measures): Values {
  const counts = new Map<string, number>(ejections.map((reason) => [reason, 0]));
  for (const { reason, count } of gateway.ejections) counts.set(reason, count);
  return [...counts].map(([reason, count]) => [{ reason }, count] as const);
}

const families: readonly Family[] = [
  {
    name: 'weft_build_info',
    help: 'The version of the agent; always 1.',
    type: 'gauge',
    labels: ['version', 'node_version'],
    values: ({ version }) => [[{ version, node_version: process.version }, 1]],
  },
  {
    name: 'weft_datapath_mode',
    help: 'How connections are redirected; always 1.',
    type: 'gauge',
    labels: ['mode'],
    values: ({ mode }) => [[{ mode }, 1]],
  },
  {
    name: 'weft_ready',
    help: 'Whether the node is ready.',
    type: 'gauge',
    labels: [],
    values: ({ checks }) => one(checks.every((check) => check.state !== 'failed') ? 1 : 0),
  },
  {
    name: 'weft_check_degraded',
    help: 'Whether a check of readiness is degraded.',
    type: 'gauge',
    labels: ['check'],
    values: ({ checks }) => checks.map(({ name, state }) => [{ check: name }, state === 'degraded' ? 1 : 0]),
  },
  {
    name: 'weft_config_generation',
    help: 'Generation of the tables; grows with each change that was written.',
    type: 'gauge',
    labels: [],
    values: ({ generation }) => one(generation),
  },
  {
    name: 'weft_decisions_total',
    help: 'Decisions about connections and datagrams of Pods.',
    type: 'counter',
    labels: ['verdict', 'reason'],
    values: ({ decisions }) => [...decisions].map(({ verdict, reason, count }) => [{ verdict, reason }, count]),
  },
  {
    name: 'weft_path_total',
    help: 'Connections (l4; gateway: led to it) and requests that the gateway served, by protocol.',
    type: 'counter',
    labels: ['path', 'reason'],
    values: ({ decisions, gateway }) => [
      ...[...decisions]
        .filter(({ verdict }) => verdict === 'redirect')
        .map(({ reason, count }) => [{ path: reason === 'gateway' ? 'gateway' : 'l4', reason }, count] as const),
      ...gatewayPaths(gateway),
    ],
  },
  {
    name: 'weft_gateway_workers',
    help: 'Gateway workers that run.',
    type: 'gauge',
    labels: [],
    values: ({ gateway }) => one(gateway.workers),
  },
  {
    name: 'weft_gateway_worker_restarts_total',
    help: 'Gateway workers that ended by themselves and were started again.',
    type: 'counter',
    labels: [],
    values: ({ gateway }) => one(gateway.restarts),
  },
  {
    name: 'weft_gateway_connections',
    help: 'Connections that clients have to gateway workers.',
    type: 'gauge',
    labels: [],
    values: ({ gateway }) => one(gateway.connections),
  },
  {
    name: 'weft_gateway_requests_in_flight',
    help: 'Requests in the gateway that have not ended.',
    type: 'gauge',
    labels: [],
    values: ({ gateway }) => one(gateway.inFlight),
  },
  {
    name: 'weft_gateway_resident_memory_bytes',
    help: 'Resident memory of all gateway workers.',
    type: 'gauge',
    labels: [],
    values: ({ gateway }) => one(gateway.rssBytes),
  },
  {
    name: 'weft_gateway_overruns_total',
    help: 'Things in gateway workers that went over a bound.',
    type: 'counter',
    labels: ['bound'],
    values: ({ gateway }) => [...gateway.overruns].map(({ bound, count }) => [{ bound }, count]),
  },
  {
    name: 'weft_ejections_total',
    help: 'Backends that were ejected for a while, by reason; each worker ejects by itself.',
    type: 'counter',
    labels: ['reason'],
    values: ejectionValues,
  },
  {
    name: 'weft_gateway_backend_latency_milliseconds',
    help: 'What the gateway expects a backend to take until its response begins (Peak-EWMA), the greatest of its workers.',
    type: 'gauge',
    labels: ['cluster', 'backend'],
    values: ({ gateway }) => endpointValues(gateway.endpoints, ({ latencyMs }) => latencyMs),
  },
  {
    name: 'weft_gateway_backend_inflight',
    help: 'Requests of the gateway in flight to a backend.',
    type: 'gauge',
    labels: ['cluster', 'backend'],
    values: ({ gateway }) => endpointValues(gateway.endpoints, ({ inFlight }) => inFlight),
  },
  {
    name: 'weft_gateway_backend_ejected',
    help: 'How many workers do not use a backend now.',
    type: 'gauge',
    labels: ['cluster', 'backend'],
    values: ({ gateway }) => endpointValues(gateway.endpoints, ({ ejectedBy }) => ejectedBy),
  },
  {
    name: 'weft_map_entries',
    help: 'Entries of a kernel map.',
    type: 'gauge',
    labels: ['map'],
    values: ({ maps }) => [...maps].map(({ map, entries }) => [{ map }, entries]),
  },
  {
    name: 'weft_map_capacity',
    help: 'Entries that a kernel map has room for.',
    type: 'gauge',
    labels: ['map'],
    values: ({ maps }) => [...maps].map(({ map, capacity }) => [{ map }, capacity]),
  },
  {
    name: 'weft_map_pressure',
    help: 'Entries of a kernel map over its capacity, 0 to 1.',
    type: 'gauge',
    labels: ['map'],
    values: ({ maps }) =>
      [...maps].map(({ map, entries, capacity }) => [{ map }, capacity === 0 ? 0 : entries / capacity]),
  },
  {
    name: 'weft_map_drift_total',
    help: 'Rows that were found to differ from what was desired, and repaired.',
    type: 'counter',
    labels: [],
    values: ({ drift }) => one(drift),
  },
  {
    name: 'weft_program_run_seconds_total',
    help: 'Time a kernel program ran; 0 while the kernel keeps no statistics.',
    type: 'counter',
    labels: ['program'],
    values: ({ programs }) => [...programs].map(({ program, runSeconds }) => [{ program }, runSeconds]),
  },
  {
    name: 'weft_program_runs_total',
    help: 'How often a kernel program ran; 0 while the kernel keeps no statistics.',
    type: 'counter',
    labels: ['program'],
    values: ({ programs }) => [...programs].map(({ program, runs }) => [{ program }, runs]),
  },
  {
    name: 'weft_backends',
    help: 'Endpoints of Service ports by state.',
    type: 'gauge',
    labels: ['state'],
    values: ({ backends }) => [...backends].map(({ state, count }) => [{ state }, count]),
  },
  {
    name: 'weft_backend_inflight',
    help: 'Connections in flight to an endpoint of a Service port; those without are left out.',
    type: 'gauge',
    labels: ['service', 'port', 'backend'],
    values: ({ inflight }) => inflightValues(inflight),
  },
  {
    name: 'weft_problems',
    help: 'What is wrong with the manifests.',
    type: 'gauge',
    labels: ['severity', 'code'],
    values: ({ problems }) => [...problems].map(({ severity, code, count }) => [{ severity, code }, count]),
  },
  {
    name: 'weft_held_objects',
    help: 'Objects that vanished and are held by the mass-delete brake.',
    type: 'gauge',
    labels: [],
    values: ({ held }) => one(held),
  },
  {
    name: 'weft_source_synced',
    help: 'Whether a source of manifests has been read once.',
    type: 'gauge',
    labels: ['source'],
    values: ({ sources }) => [...sources].map(({ source, synced }) => [{ source }, synced ? 1 : 0]),
  },
  {
    name: 'weft_source_degraded',
    help: 'Whether a source of manifests has trouble now.',
    type: 'gauge',
    labels: ['source'],
    values: ({ sources }) => [...sources].map(({ source, degraded }) => [{ source }, degraded ? 1 : 0]),
  },
  {
    name: 'weft_watch_synced',
    help: 'Whether a resource of the API server has been listed once.',
    type: 'gauge',
    labels: ['resource'],
    values: ({ watches }) => [...watches].map(({ resource, synced }) => [{ resource }, synced ? 1 : 0]),
  },
  {
    name: 'weft_watch_objects',
    help: 'Objects that are kept of a resource of the API server.',
    type: 'gauge',
    labels: ['resource'],
    values: ({ watches }) => [...watches].map(({ resource, objects }) => [{ resource }, objects]),
  },
  {
    name: 'weft_watch_events_total',
    help: 'Events of watches of the API server.',
    type: 'counter',
    labels: ['resource', 'type'],
    values: ({ watches }) => [...watches].flatMap(({ resource, events }) => countsBy(resource, 'type', events)),
  },
  {
    name: 'weft_watch_restarts_total',
    help: 'Lists and watches of the API server that were begun again.',
    type: 'counter',
    labels: ['resource', 'reason'],
    values: ({ watches }) => [...watches].flatMap(({ resource, restarts }) => countsBy(resource, 'reason', restarts)),
  },
  {
    name: 'weft_status_writer',
    help: 'Whether this agent is the one that writes status to the API server.',
    type: 'gauge',
    labels: [],
    values: ({ isStatusWriter }) => (isStatusWriter === undefined ? [] : one(isStatusWriter ? 1 : 0)),
  },
  {
    name: 'weft_events_lost_total',
    help: 'Events of connections that the kernel had no room to tell of, so that flows lack them.',
    type: 'counter',
    labels: [],
    values: ({ eventsLost }) => one(eventsLost),
  },
  {
    name: 'weft_gateway_requests_untold_total',
    help: 'Requests that flows lack, because gateway workers tell of so many a second; all other metrics count them.',
    type: 'counter',
    labels: [],
    values: ({ requestsUntold }) => one(requestsUntold),
  },
  {
    name: 'weft_edges_full_total',
    help: 'Connections whose edge did not fit the kernel map; they are counted in no istio_tcp series of their own.',
    type: 'counter',
    labels: [],
    values: ({ edgesFull }) => one(edgesFull),
  },
  {
    name: 'weft_series_dropped_total',
    help: 'Edges, and requests, that were counted in `other`, because a node shows at most 1000 of either.',
    type: 'counter',
    labels: [],
    values: ({ gateway }, edges) => one(edges.dropped + gateway.dropped),
  },
];

function fill(family: Family, metric: Counter | Gauge, values: Values): void {
  metric.reset();
  for (const [labels, value] of values) {
    if (family.labels.length > 0) metric.inc(labels, value);
    else metric.inc(value);
  }
}

/** prom-client's own set has gauges that end in _total, which is for counters only (OpenMetrics 1.0, 5.1). */
function dropMisnamed(registry: Registry): void {
  for (const { name, type } of registry.getMetricsAsArray()) {
    const isCounter = (type as unknown) === 'counter';
    if (name.endsWith('_total') && !isCounter) registry.removeSingleMetric(name);
  }
}

export interface Metrics {
  readonly contentType: string;
  /** Everything in Prometheus' text format 0.0.4, read anew from the view, piece by piece. */
  render(): Promise<Iterable<string>>;
  close(): void;
}

function* pieces(first: string, rest: readonly Iterable<string>[]): Generator<string> {
  yield `${first.trimEnd()}\n`;
  for (const texts of rest) yield* texts;
}

/** Seconds: a change shall be effective within 0.5. */
const propagationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** A registry of its own over one agent. */
export function makeMetrics(view: AgentView): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  dropMisnamed(registry);
  const propagation = new Histogram({
    name: 'weft_propagation_seconds',
    help: 'From the arrival of a change until the kernel has it.',
    buckets: propagationBuckets,
    registers: [registry],
  });
  const unsubscribe = view.onPropagation((seconds) => propagation.observe(seconds));
  const metrics = families.map(({ name, help, type, labels }) => {
    const configuration = { name, help, labelNames: [...labels], registers: [registry] };
    return type === 'counter' ? new Counter(configuration) : new Gauge(configuration);
  });
  const edges = new EdgeLedger();
  return {
    contentType: registry.contentType,
    async render() {
      const measures = view.measures();
      edges.fold(measures.edges);
      families.forEach((family, index) => {
        fill(family, metrics[index]!, family.values(measures, edges));
      });
      const texts = [showEdges(edges.seriesWith(carriedBy(measures.gateway))), showRequests(measures.gateway)];
      return pieces(await registry.metrics(), texts);
    },
    close() {
      unsubscribe();
      registry.clear();
    },
  };
}
