import { reasons, type Verdict } from '../api/flow.js';
import type { DecisionMeasure, InflightMeasure, MapMeasure, Measures, ProblemMeasure } from '../api/measures.js';
import type { BackendState } from '../compile/plan.js';
import { viewOf } from '../tables/bytes.js';
import { CounterRowSize, readCounterRow, type TableName } from '../tables/layout.gen.js';
import type { KernelFlows } from './flows.js';
import { measureGateway } from './gateway.js';
import { isNamed, type ViewParts } from './parts.js';
import type { ProblemList } from './problems.js';
import { Counts, isOfService } from './programmed.js';

/** How connections are redirected. */
export function modeOf(parts: ViewParts): string {
  return parts.programs === undefined ? 'memory' : 'connect';
}

/** `enum weft_reason` of tables.h says with each reason what is done. */
const verdictOf: Readonly<Record<(typeof reasons)[number], Verdict>> = {
  not_meshed: 'pass',
  no_service: 'pass',
  passthrough: 'pass',
  picked: 'redirect',
  affinity: 'redirect',
  sticky: 'redirect',
  no_backend: 'refuse',
  max_connections: 'refuse',
  table_broken: 'refuse',
  unsupported_socket: 'pass',
  gateway: 'redirect',
  gateway_down: 'refuse',
  gateway_direct: 'refuse',
  upstream: 'pass',
};

/** What a scrape shows: the tables' counters are read now. */
export function measure(parts: ViewParts, flows: KernelFlows, problems: ProblemList): Measures {
  const { edges, rows } = isNamed(parts) ? parts.edges.read() : { edges: [], rows: 0 };
  return {
    version: parts.version,
    mode: modeOf(parts),
    generation: parts.sync.generation,
    decisions: decisions(parts),
    edges,
    edgesFull: parts.edges.restOpened(),
    maps: maps(parts, rows),
    programs: programs(parts),
    backends: backendStates(parts),
    inflight: inflight(parts),
    problems: countProblems(problems),
    checks: parts.checks(),
    gateway: measureGateway(parts),
    drift: parts.sync.drift,
    eventsLost: flows.lostInRing,
    requestsUntold: flows.untold,
    held: parts.held(),
    sources: parts.sources().map(({ name, synced, trouble }) => ({ source: name, synced, degraded: trouble !== '' })),
    watches: parts.watches(),
    isStatusWriter: parts.isStatusWriter(),
  };
}

function decisions({ store }: ViewParts): readonly DecisionMeasure[] {
  const rows = store.read('decisions');
  const view = viewOf(rows.values);
  return reasons.map((reason, index) => ({
    verdict: verdictOf[reason],
    reason,
    count: index < rows.count ? Number(readCounterRow(view, index * CounterRowSize).value) : 0,
  }));
}

function maps({ overrides, pods, reconciler, store }: ViewParts, edges: number): readonly MapMeasure[] {
  const { weights, drained } = overrides.current;
  let services = 0;
  for (const _ of reconciler.programmed()) services++;
  const used = reconciler.used();
  const entries: Partial<Record<TableName, number>> = {
    affinities: store.read('affinities').count,
    backend_states: used.backends,
    ...used,
    connected_datagrams: store.read('connected_datagrams').count,
    edges,
    gateway_listeners: store.read('gateway_listeners').count,
    overrides: [...weights.values()].reduce((sum, each) => sum + each.size, drained.size),
    pods: pods.count,
    service_states: services,
  };
  return Object.entries(entries)
    .map(([map, count]) => ({ map, entries: count, capacity: store.capacity(map as TableName) }))
    .sort((a, b) => (a.map < b.map ? -1 : 1));
}

function programs({ programs }: ViewParts): Measures['programs'] {
  return [...(programs ?? [])].map(([program, handle]) => {
    const { runTimeNs, runCount } = handle.info();
    return { program, runSeconds: Number(runTimeNs) / 1e9, runs: Number(runCount) };
  });
}

function backendStates({ reconciler }: ViewParts): Measures['backends'] {
  const counts: Record<BackendState, number> = {
    ready: 0,
    terminating: 0,
    unready: 0,
    drained: 0,
    weightless: 0,
    'other-node': 0,
    'other-zone': 0,
    standby: 0,
  };
  for (const { plan, tally } of reconciler.programmed()) {
    if (isOfService(plan)) for (const [state, count] of tally) counts[state] += count;
  }
  return Object.entries(counts).map(([state, count]) => ({ state: state as BackendState, count }));
}

/** A backend that several Service ports list is there for each, with all of its connections. */
function inflight({ reconciler, store }: ViewParts): readonly InflightMeasure[] {
  const counts = new Counts(store, reconciler);
  const measures: InflightMeasure[] = [];
  for (const { plan, ids } of reconciler.programmed()) {
    if (!isOfService(plan)) continue;
    if (!ids.some((id) => counts.inflight(id) > 0)) continue;
    plan.backends.forEach(({ name }, i) => {
      const inflight = counts.inflight(ids[i]!);
      if (inflight > 0) measures.push({ service: plan.service, port: plan.port, backend: name, inflight });
    });
  }
  return measures;
}

function countProblems(problems: ProblemList): readonly ProblemMeasure[] {
  const counts = new Map<string, { severity: ProblemMeasure['severity']; code: string; count: number }>();
  for (const { severity, code } of problems.recent()) {
    const key = `${code} ${severity}`;
    const measure = counts.get(key);
    if (measure) measure.count++;
    else counts.set(key, { severity, code, count: 1 });
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, measure]) => measure);
}
