import type { Board, Section } from './board.js';
import { serviceLink } from './links.js';
import { heatmap, stat, table, timeSeries } from './panels.js';
import { failedPart, failuresOrNone, matchers, orZero, panelRate, quantile } from './promql.js';
import { longDuration, requestColumns, requestRate, successPart } from './signals.js';
import { datasourceVariable, jobVariable, ofJob, reporter } from './variables.js';

const traffic = matchers(ofJob, reporter);
const of = (...more: readonly string[]): string => matchers(ofJob, ...more);

/** So many are shown of what there may be thousands of. */
const most = 20;

const overview: Section = {
  title: 'Overview',
  panels: [
    requestRate(traffic, 'requests', {
      title: 'Requests',
      description: 'HTTP and gRPC requests that the gateway served for Pods and for clients outside.',
    }),
    successPart(traffic, {
      title: 'Success',
      description: 'Part of requests without 5xx and without a gRPC status that is the server’s fault.',
    }),
    longDuration(traffic, {
      title: 'Duration, p99',
      description:
        'What 99 % of requests stayed below, from the first byte of the request to the last of the response.',
    }),
    stat({
      title: 'Connections opened',
      description: 'TCP connections of Pods that the kernel balanced, and that the gateway carried as they are.',
      unit: 'cps',
      width: 4,
      queries: [{ expr: orZero(panelRate('istio_tcp_connections_opened_total', traffic)), legend: 'opened' }],
    }),
    stat({
      title: 'Nodes ready',
      description:
        'Agents whose tables are programmed and whose canary connection was redirected, as part of all that are scraped.',
      unit: 'percentunit',
      width: 4,
      max: 1,
      steps: [
        [null, 'red'],
        [1, 'green'],
      ],
      queries: [{ expr: `avg(weft_ready{${ofJob}})`, legend: 'ready' }],
    }),
    stat({
      title: 'Problems of manifests',
      description:
        'Errors and warnings about Services, routes and rules; `weft get problems` names file, line and fix. Every node counts the same ones: this is the most of any.',
      unit: 'none',
      width: 4,
      steps: [
        [null, 'green'],
        [1, 'orange'],
      ],
      queries: [{ expr: orZero(`max(sum by (instance) (weft_problems{${ofJob}}))`), legend: 'problems' }],
    }),
  ],
};

const requests: Section = {
  title: 'HTTP and gRPC',
  panels: [
    table({
      title: 'Services',
      description: `The golden signals of each Service that requests went to. \`unknown\`: no rule matched.`,
      unit: 'short',
      width: 24,
      sortBy: 'Requests',
      columns: [
        { name: 'Service', of: { label: 'destination_service' }, link: serviceLink },
        ...requestColumns(traffic, 'destination_service', [0.5, 0.9, 0.99]),
      ],
    }),
    timeSeries({
      title: 'Requests by Service',
      description: `The ${most} Services that most requests went to.`,
      unit: 'reqps',
      width: 12,
      queries: [
        {
          expr: `topk(${most}, ${panelRate('istio_requests_total', traffic, 'destination_service')})`,
          legend: '{{destination_service}}',
        },
      ],
    }),
    timeSeries({
      title: 'Failed requests by Service',
      description: '5xx, and gRPC statuses that are the server’s fault, as part of a Service’s requests.',
      unit: 'percentunit',
      width: 12,
      max: 1,
      queries: [
        {
          expr: `topk(${most}, ${failedPart(traffic, 'destination_service')})`,
          legend: '{{destination_service}}',
        },
      ],
    }),
    timeSeries({
      title: 'Top talkers',
      description: `The ${most} pairs of client workload and Service with most requests. \`unknown\`: a client outside the mesh.`,
      unit: 'reqps',
      width: 12,
      queries: [
        {
          expr: `topk(${most}, ${panelRate('istio_requests_total', traffic, 'source_workload_namespace, source_workload, destination_service')})`,
          legend: '{{source_workload_namespace}}/{{source_workload}} → {{destination_service}}',
        },
      ],
    }),
    heatmap({
      title: 'Durations',
      description: 'How many requests took how long, over all Services.',
      unit: 'ms',
      width: 12,
      expr: `sum by (le) (increase(istio_request_duration_milliseconds_bucket{${traffic}}[$__rate_interval]))`,
    }),
  ],
};

const connections: Section = {
  title: 'TCP',
  panels: [
    table({
      title: 'Services',
      description:
        'Connections that were balanced without looking into them. Bytes are known when a connection closes.',
      unit: 'short',
      width: 24,
      sortBy: 'Opened',
      columns: [
        { name: 'Service', of: { label: 'destination_service' }, link: serviceLink },
        {
          name: 'Opened',
          of: { expr: panelRate('istio_tcp_connections_opened_total', traffic, 'destination_service') },
          unit: 'cps',
          decimals: 1,
        },
        {
          name: 'Failed',
          of: { expr: panelRate('weft_connections_failed_total', traffic, 'destination_service') },
          unit: 'cps',
          decimals: 1,
        },
        {
          name: 'From clients',
          of: { expr: panelRate('istio_tcp_received_bytes_total', traffic, 'destination_service') },
          unit: 'Bps',
        },
        {
          name: 'To clients',
          of: { expr: panelRate('istio_tcp_sent_bytes_total', traffic, 'destination_service') },
          unit: 'Bps',
        },
      ],
    }),
    timeSeries({
      title: 'Connections opened by Service',
      description: `The ${most} Services that most connections were opened to.`,
      unit: 'cps',
      width: 12,
      queries: [
        {
          expr: `topk(${most}, ${panelRate('istio_tcp_connections_opened_total', traffic, 'destination_service')})`,
          legend: '{{destination_service}}',
        },
      ],
    }),
    timeSeries({
      title: 'Connections that failed by Service',
      description: 'Closed before they were established: refused by the backend, or without an answer.',
      unit: 'cps',
      width: 12,
      queries: [
        {
          expr: `topk(${most}, ${panelRate('weft_connections_failed_total', traffic, 'destination_service')})`,
          legend: '{{destination_service}}',
        },
      ],
    }),
  ],
};

const decisions: Section = {
  title: 'Paths and decisions',
  panels: [
    timeSeries({
      title: 'Path of connections',
      description:
        'Redirected connections: straight to the backend by the kernel (l4), or to the gateway because HTTP rules are bound to their Service port.',
      unit: 'cps',
      width: 8,
      stacked: 'parts',
      queries: [
        {
          expr: panelRate('weft_path_total', of('reason=~"picked|affinity|sticky|gateway"'), 'path'),
          legend: '{{path}}',
        },
      ],
    }),
    timeSeries({
      title: 'Gateway by protocol',
      description: 'Requests, and connections carried as they are (tcp), that the gateway served.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_path_total', of('reason=~"http|grpc|tcp"'), 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Connections refused',
      description:
        'By reason: no_backend (none is usable), max_connections (the limit of a DestinationRule), gateway_down (with when-agent-down: closed), gateway_direct (somebody went for the gateway’s own address), table_broken (a fault of Weft’s).',
      unit: 'cps',
      width: 8,
      queries: [{ expr: panelRate('weft_decisions_total', of('verdict="refuse"'), 'reason'), legend: '{{reason}}' }],
    }),
  ],
};

const health: Section = {
  title: 'Health',
  panels: [
    timeSeries({
      title: 'Endpoints by state',
      description:
        'Endpoints of Service ports as this mesh sees them: the most of any node, since every node counts all.',
      unit: 'none',
      width: 8,
      stacked: 'values',
      queries: [{ expr: `max by (state) (weft_backends{${ofJob}})`, legend: '{{state}}' }],
    }),
    timeSeries({
      title: 'Ejections',
      description: 'Backends that gateway workers took out for a while, by reason. Each worker ejects by itself.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_ejections_total', ofJob, 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Propagation of changes',
      description:
        'From the arrival of a change until the kernel has it, over all nodes. Nothing while nothing changes.',
      unit: 's',
      width: 8,
      steps: [
        [null, 'green'],
        [0.5, 'red'],
      ],
      queries: [
        { expr: quantile(0.5, 'weft_propagation_seconds', ofJob), legend: 'p50' },
        { expr: quantile(0.99, 'weft_propagation_seconds', ofJob), legend: 'p99' },
      ],
    }),
    timeSeries({
      title: 'Failed requests',
      description: 'Requests/s that failed by the server’s fault, over all Services.',
      unit: 'reqps',
      width: 12,
      queries: [{ expr: orZero(failuresOrNone(traffic, { window: '$__rate_interval' })), legend: 'failed' }],
    }),
    timeSeries({
      title: 'Nodes that are not ready or degraded',
      description:
        'Not ready: no tables yet, or no canary connection. Degraded: the tables work, but a check says that something is wrong.',
      unit: 'none',
      width: 12,
      decimals: 0,
      queries: [
        { expr: `count(weft_ready{${ofJob}}) - sum(weft_ready{${ofJob}})`, legend: 'not ready' },
        { expr: `count(max by (instance) (weft_check_degraded{${ofJob}}) > 0) or vector(0)`, legend: 'degraded' },
      ],
    }),
  ],
};

export const meshDashboard: Board = {
  uid: 'weft-mesh',
  title: 'Weft / Mesh',
  description: 'Traffic of all Services, the paths it takes, and how the nodes of the mesh fare.',
  variables: [datasourceVariable, jobVariable],
  sections: [overview, requests, connections, decisions, health],
};
