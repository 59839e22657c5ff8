import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { failuresOrNone, rate } from './promql.js';

/** A rule of Prometheus that keeps what an expression gives under a name. */
interface Recording {
  readonly record: string;
  readonly expr: string;
}

export interface Alert {
  readonly alert: string;
  /** Page, look in working hours, or know. */
  readonly severity: 'critical' | 'warning' | 'info';
  readonly expr: string;
  /** How long it must hold: a duration of Prometheus. */
  readonly for: string;
  readonly summary: string;
  readonly description: string;
}

/** Scrapes of agents: the chart's PodMonitor makes the job `weft`. */
const agents = 'job=~".*weft.*"';

const service = 'destination_service, destination_service_namespace';
const requests = 'weft:requests:rate5m';
const failed = 'weft:requests_failed:rate5m';

const recordings: readonly Recording[] = [
  { record: requests, expr: rate('istio_requests_total', 'reporter="source"', { by: service, window: '5m' }) },
  { record: failed, expr: failuresOrNone('reporter="source"', { by: service, window: '5m' }) },
];

/** Part of requests that failed, on average over a window of the recorded rates; nothing where fewer than one a second came. */
function failedOver(window: string): string {
  return `(avg_over_time(${failed}[${window}]) / (avg_over_time(${requests}[${window}]) >= 1))`;
}

/** Objective: 99.9 % of requests do not fail. The factors spend 2 % of a month's budget in 1 h, and 5 % in 6 h (Google's SRE workbook, chapter 5). */
function burns(factor: number, long: string, short: string): string {
  const limit = `${factor} * 0.001`;
  return `${failedOver(long)} > ${limit} and ${failedOver(short)} > ${limit}`;
}

export const alerts: readonly Alert[] = [
  {
    alert: 'WeftAgentDown',
    severity: 'critical',
    expr: `up{${agents}} == 0`,
    for: '2m',
    summary: 'The Weft agent of {{ $labels.instance }} does not answer',
    description:
      'Prometheus has not been able to scrape the agent of {{ $labels.instance }} for 2 minutes. Connections go on by the last tables; nothing changes them.',
  },
  {
    alert: 'WeftAgentsAbsent',
    severity: 'critical',
    expr: `absent(up{${agents}})`,
    for: '5m',
    summary: 'Prometheus knows no Weft agent',
    description: 'No scrape job whose name has `weft` in it has a target: no other alert of Weft can fire.',
  },
  {
    alert: 'WeftNotReady',
    severity: 'critical',
    expr: 'weft_ready == 0',
    for: '5m',
    summary: 'The Weft agent of {{ $labels.instance }} is not ready',
    description:
      'The agent runs, but has not read its sources, programmed its tables or seen its canary redirected for 5 minutes.',
  },
  {
    alert: 'WeftCheckDegraded',
    severity: 'warning',
    expr: 'weft_check_degraded{check!~"sources|kubernetes|mass-delete-brake"} == 1',
    for: '10m',
    summary: 'Check {{ $labels.check }} of {{ $labels.instance }} is degraded',
    description:
      'The tables of {{ $labels.instance }} work, but {{ $labels.check }} has been in trouble for 10 minutes.',
  },
  {
    alert: 'WeftSourceDegraded',
    severity: 'warning',
    expr: 'weft_source_degraded == 1',
    for: '10m',
    summary: 'Source {{ $labels.source }} of {{ $labels.instance }} is in trouble',
    description:
      'The agent of {{ $labels.instance }} has not been able to follow {{ $labels.source }} for 10 minutes: it goes by what it last read.',
  },
  {
    alert: 'WeftSourceNotSynced',
    severity: 'warning',
    expr: 'weft_source_synced == 0',
    for: '5m',
    summary: 'Source {{ $labels.source }} of {{ $labels.instance }} was never read',
    description: 'The agent of {{ $labels.instance }} has not read {{ $labels.source }} once since it started.',
  },
  {
    alert: 'WeftWatchStalled',
    severity: 'warning',
    expr: 'sum by (job, instance, resource) (increase(weft_watch_restarts_total{reason=~"idle|cut|unreachable|failed"}[10m])) > 5',
    for: '5m',
    summary: 'The watch of {{ $labels.resource }} on {{ $labels.instance }} does not hold',
    description:
      'The watch of {{ $labels.resource }} broke off or fell silent {{ $value | printf "%.0f" }} times in 10 minutes: changes may arrive late.',
  },
  {
    alert: 'WeftWatchMissedEvents',
    severity: 'warning',
    expr: 'sum by (job, instance, resource) (increase(weft_watch_restarts_total{reason="drift"}[1h]) > 0 or weft_watch_restarts_total{reason="drift"} unless weft_watch_restarts_total{reason="drift"} offset 1h) > 0',
    for: '0m',
    summary: 'The watch of {{ $labels.resource }} on {{ $labels.instance }} missed something',
    description:
      'A list showed objects of {{ $labels.resource }} that the watch had not told of. They are in effect now; the API server or what is before it loses events.',
  },
  {
    alert: 'WeftNoStatusWriter',
    severity: 'warning',
    expr: 'sum by (job) (weft_status_writer) == 0 and on (job) count by (job) (weft_watch_synced) > 0',
    for: '10m',
    summary: 'No Weft agent writes status to the API server',
    description:
      'For 10 minutes no agent of {{ $labels.job }} has held the Lease: conditions of Gateways and routes are out of date.',
  },
  {
    alert: 'WeftGatewayWorkersRestarting',
    severity: 'warning',
    expr: 'increase(weft_gateway_worker_restarts_total[15m]) > 3',
    for: '0m',
    summary: 'Gateway workers of {{ $labels.instance }} end again and again',
    description:
      '{{ $value | printf "%.0f" }} gateway workers of {{ $labels.instance }} ended by themselves in 15 minutes. Each takes its requests with it.',
  },
  {
    alert: 'WeftGatewayDown',
    severity: 'critical',
    expr: 'weft_gateway_workers == 0 and max_over_time(weft_gateway_workers[1d]) > 0',
    for: '1m',
    summary: 'No gateway worker runs on {{ $labels.instance }}',
    description:
      'HTTP rules are not in force for Pods of {{ $labels.instance }}: their connections are balanced by L4, or refused where a Service says when-agent-down: closed.',
  },
  {
    alert: 'WeftGatewayLimitReached',
    severity: 'warning',
    expr: 'sum by (job, instance, bound) (rate(weft_gateway_overruns_total{bound=~"connectionsRefused|acceptFailures|upstreamOverflows"}[5m])) > 0',
    for: '15m',
    summary: 'The gateway of {{ $labels.instance }} goes over {{ $labels.bound }}',
    description:
      'For 15 minutes gateway workers of {{ $labels.instance }} have hit the bound {{ $labels.bound }}, and clients failed by it.',
  },
  {
    alert: 'WeftMapPressure',
    severity: 'warning',
    expr: 'weft_map_pressure > 0.9',
    for: '5m',
    summary: 'Kernel map {{ $labels.map }} of {{ $labels.instance }} is nearly full',
    description:
      'Map {{ $labels.map }} is filled to {{ $value | humanizePercentage }}. What does not fit is not balanced.',
  },
  {
    alert: 'WeftMapDrift',
    severity: 'warning',
    expr: 'increase(weft_map_drift_total[15m]) > 0',
    for: '0m',
    summary: 'Somebody else writes the kernel maps of {{ $labels.instance }}',
    description:
      'Rows of kernel maps of {{ $labels.instance }} differed from what was desired in the last 15 minutes, and were repaired.',
  },
  {
    alert: 'WeftTableBroken',
    severity: 'critical',
    expr: 'sum by (job, instance) (increase(weft_decisions_total{reason="table_broken"}[15m])) > 0',
    for: '0m',
    summary: 'Connections on {{ $labels.instance }} are refused because of a broken table',
    description:
      'Programs found rows that contradict each other and refused {{ $value | printf "%.0f" }} connections in 15 minutes. This is a fault of Weft’s.',
  },
  {
    alert: 'WeftEventsLost',
    severity: 'info',
    expr: 'rate(weft_events_lost_total[5m]) > 0',
    for: '15m',
    summary: 'Flows of {{ $labels.instance }} have gaps',
    description:
      'For 15 minutes more connections have come on {{ $labels.instance }} than the kernel could tell of: `weft flows` lacks some. Metrics and balancing do not.',
  },
  {
    alert: 'WeftSeriesDropped',
    severity: 'info',
    expr: 'sum by (job, instance) (increase(weft_series_dropped_total[1h]) + increase(weft_edges_full_total[1h])) > 0',
    for: '0m',
    summary: 'Traffic metrics of {{ $labels.instance }} do not tell everybody apart',
    description:
      'More than 1 000 pairs of workload and Service had traffic on {{ $labels.instance }}: the rest is counted in `other`, or, where the kernel’s map is full, not at all.',
  },
  {
    alert: 'WeftConfigProblems',
    severity: 'warning',
    expr: 'max by (job, code) (weft_problems{severity="error"}) > 0',
    for: '10m',
    summary: 'Manifests have errors {{ $labels.code }}',
    description:
      '{{ $value | printf "%.0f" }} objects have error {{ $labels.code }}. Each is in force as it last was valid, or not at all.',
  },
  {
    alert: 'WeftMassDeletionHeld',
    severity: 'critical',
    expr: 'max_over_time(weft_held_objects[5m]) > 0',
    for: '0m',
    summary: 'More than half of the mesh vanished at once for {{ $labels.instance }}',
    description:
      'The mass-delete brake of {{ $labels.instance }} held {{ $value | printf "%.0f" }} objects in the last 5 minutes. What is still gone after 30 s is taken out of the tables.',
  },
  {
    alert: 'WeftPropagationSlow',
    severity: 'warning',
    expr: 'histogram_quantile(0.99, sum by (job, instance, le) (rate(weft_propagation_seconds_bucket[10m]))) > 0.5',
    for: '10m',
    summary: 'Changes reach the kernel of {{ $labels.instance }} slowly',
    description:
      '1 % of changes took longer than {{ $value | humanizeDuration }} until the kernel of {{ $labels.instance }} had them.',
  },
  {
    alert: 'WeftBackendsEjected',
    severity: 'warning',
    expr: 'sum by (job, instance, cluster) (weft_gateway_backend_ejected > bool 0) / count by (job, instance, cluster) (weft_gateway_backend_ejected) > 0.5',
    for: '5m',
    summary: 'Most backends of {{ $labels.cluster }} are ejected on {{ $labels.instance }}',
    description:
      '{{ $value | humanizePercentage }} of the backends of {{ $labels.cluster }} have been out of use on {{ $labels.instance }} for 5 minutes.',
  },
  {
    alert: 'WeftNoUsableBackend',
    severity: 'critical',
    expr: 'sum by (job, instance) (rate(weft_decisions_total{verdict="refuse", reason="no_backend"}[5m])) > 0',
    for: '5m',
    summary: 'Connections on {{ $labels.instance }} are refused: their Service has no usable backend',
    description:
      '{{ $value | printf "%.1f" }} connections/s have been refused on {{ $labels.instance }} for 5 minutes because no backend of their Service is ready.',
  },
  {
    alert: 'WeftHighErrorRatio',
    severity: 'critical',
    expr: `${failed} / (${requests} >= 1) > 0.05`,
    for: '5m',
    summary: 'Requests to {{ $labels.destination_service }} fail',
    description:
      '{{ $value | humanizePercentage }} of the requests to {{ $labels.destination_service }} have failed by the server’s fault for 5 minutes (5xx, or such a gRPC status).',
  },
  {
    alert: 'WeftErrorBudgetBurnFast',
    severity: 'critical',
    expr: burns(14.4, '1h', '5m'),
    for: '2m',
    summary: '{{ $labels.destination_service }} spends a month’s error budget within two days',
    description:
      '{{ $value | humanizePercentage }} of the requests to {{ $labels.destination_service }} failed over the last hour, with an objective of 99.9 %.',
  },
  {
    alert: 'WeftErrorBudgetBurnSlow',
    severity: 'warning',
    expr: burns(6, '6h', '30m'),
    for: '15m',
    summary: '{{ $labels.destination_service }} spends a month’s error budget within five days',
    description:
      '{{ $value | humanizePercentage }} of the requests to {{ $labels.destination_service }} failed over the last six hours, with an objective of 99.9 %.',
  },
];

/** An alert's entry in the runbook: a link where that has an address, else words, because what shows alerts takes any `runbook_url` for a link. */
function runbookOf(alert: string, runbookUrl: string | undefined): Readonly<Record<string, string>> {
  if (runbookUrl === undefined) return { runbook: `deploy/runbook.md, section ${alert}` };
  return { runbook_url: new URL(`#${alert.toLowerCase()}`, runbookUrl).href };
}

/** A rule file of Prometheus, which is also the `spec` of a PrometheusRule. `runbookUrl`: where deploy/runbook.md can be read; a TypeError when it is not absolute. Default: nowhere. */
export function renderRules(runbookUrl?: string): string {
  const rules = alerts.map(({ alert, description, expr, for: duration, severity, summary }) => ({
    alert,
    expr,
    for: duration,
    labels: { severity },
    annotations: { summary, description, ...runbookOf(alert, runbookUrl) },
  }));
  return stringify({ groups: [{ name: 'weft', rules: [...recordings, ...rules] }] }, { lineWidth: 0 });
}

if (argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(renderRules(argv[2]));
