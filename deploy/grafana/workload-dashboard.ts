import type { Board, Section } from './board.js';
import { serviceLink, workloadLink } from './links.js';
import { stat, table, timeSeries } from './panels.js';
import { failedPart, failuresOrNone, fulfilledPart, matchers, orZero, panelRate, quantile } from './promql.js';
import { choice, datasourceVariable, jobVariable, ofJob, reporter } from './variables.js';

const eitherCounter = '__name__=~"istio_requests_total|istio_tcp_connections_opened_total"';
const inward = matchers(
  ...[ofJob, reporter, 'destination_workload_namespace="$namespace"', 'destination_workload="$workload"'],
);
const outward = matchers(ofJob, reporter, 'source_workload_namespace="$namespace"', 'source_workload="$workload"');
const clientLabels = 'source_workload_namespace, source_workload';
const clientLegend = '{{source_workload_namespace}}/{{source_workload}}';

/** Values of a label that is there twice: of whom traffic comes from, and of whom it goes to. */
function ofEitherEnd(label: string, source: string, destination: string, ...more: readonly string[]): string {
  const of = (end: string, ...matching: readonly string[]): string =>
    `label_replace({${matchers(eitherCounter, ofJob, ...matching)}}, "${label}", "$1", "${end}", "(.*)")`;
  const [atSource = '', atDestination = ''] = more;
  const either = [of(source, atSource), of(destination, atDestination)];
  return `query_result(${either.map((end) => `group by (${label}) (${end})`).join(' or ')})`;
}

const overview: Section = {
  title: '$namespace/$workload',
  panels: [
    stat({
      title: 'Requests in',
      description: 'HTTP and gRPC requests that the workload’s Pods were asked.',
      unit: 'reqps',
      width: 4,
      queries: [{ expr: orZero(panelRate('istio_requests_total', inward)), legend: 'in' }],
    }),
    stat({
      title: 'Success in',
      description: 'Part of them that did not fail by the workload’s fault.',
      unit: 'percentunit',
      width: 4,
      decimals: 2,
      max: 1,
      steps: [
        [null, 'red'],
        [0.95, 'orange'],
        [0.99, 'green'],
      ],
      queries: [{ expr: fulfilledPart(inward), legend: 'success' }],
      nothing: 'no requests',
    }),
    stat({
      title: 'Duration in, p99',
      description: 'What 99 % of them stayed below.',
      unit: 'ms',
      width: 4,
      queries: [{ expr: quantile(0.99, 'istio_request_duration_milliseconds', inward), legend: 'p99' }],
      nothing: 'no requests',
    }),
    stat({
      title: 'Requests out',
      description: 'HTTP and gRPC requests of the workload’s Pods through the gateway.',
      unit: 'reqps',
      width: 4,
      queries: [{ expr: orZero(panelRate('istio_requests_total', outward)), legend: 'out' }],
    }),
    stat({
      title: 'Success out',
      description: 'Part of them that did not fail by the server’s fault.',
      unit: 'percentunit',
      width: 4,
      decimals: 2,
      max: 1,
      steps: [
        [null, 'red'],
        [0.95, 'orange'],
        [0.99, 'green'],
      ],
      queries: [{ expr: fulfilledPart(outward), legend: 'success' }],
      nothing: 'no requests',
    }),
    stat({
      title: 'Connections in and out',
      description: 'TCP connections that were opened to the workload’s Pods, and by them.',
      unit: 'cps',
      width: 4,
      queries: [
        { expr: orZero(panelRate('istio_tcp_connections_opened_total', inward)), legend: 'in' },
        { expr: orZero(panelRate('istio_tcp_connections_opened_total', outward)), legend: 'out' },
      ],
    }),
  ],
};

const incoming: Section = {
  title: 'Inbound',
  panels: [
    table({
      title: 'Clients',
      description: 'Who asks the workload, and how it goes. `unknown`: a client outside the mesh.',
      unit: 'short',
      width: 24,
      sortBy: 'Requests',
      columns: [
        { name: 'Namespace', of: { label: 'source_workload_namespace' } },
        { name: 'Workload', of: { label: 'source_workload' }, link: workloadLink },
        {
          name: 'Requests',
          of: { expr: panelRate('istio_requests_total', inward, clientLabels) },
          unit: 'reqps',
          decimals: 1,
        },
        { name: 'Success', of: { expr: fulfilledPart(inward, clientLabels) }, unit: 'percentunit', decimals: 2 },
        {
          name: 'p99',
          of: { expr: quantile(0.99, 'istio_request_duration_milliseconds', inward, clientLabels) },
          unit: 'ms',
        },
      ],
    }),
    timeSeries({
      title: 'Requests by response',
      description: 'By response code. 0: the client went before there was a response.',
      unit: 'reqps',
      width: 8,
      stacked: 'values',
      queries: [{ expr: panelRate('istio_requests_total', inward, 'response_code'), legend: '{{response_code}}' }],
    }),
    timeSeries({
      title: 'Failed requests by client',
      description: 'Requests/s that failed by the workload’s fault.',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: failuresOrNone(inward, { by: clientLabels, window: '$__rate_interval' }), legend: clientLegend },
      ],
    }),
    timeSeries({
      title: 'Duration',
      description: 'From the first byte of the request to the last of the response.',
      unit: 'ms',
      width: 8,
      queries: [0.5, 0.9, 0.99].map((q) => ({
        expr: quantile(q, 'istio_request_duration_milliseconds', inward),
        legend: `p${q * 100}`,
      })),
    }),
    timeSeries({
      title: 'Connections in',
      description: 'TCP connections that were opened to the workload, by client, and those that failed.',
      unit: 'cps',
      width: 12,
      queries: [
        {
          expr: panelRate('istio_tcp_connections_opened_total', inward, clientLabels),
          legend: `${clientLegend} opened`,
        },
        { expr: panelRate('weft_connections_failed_total', inward, clientLabels), legend: `${clientLegend} failed` },
      ],
    }),
    timeSeries({
      title: 'Bytes in connections',
      description: 'From clients and to them, known when a connection closes.',
      unit: 'Bps',
      width: 12,
      queries: [
        { expr: panelRate('istio_tcp_received_bytes_total', inward), legend: 'from clients' },
        { expr: panelRate('istio_tcp_sent_bytes_total', inward), legend: 'to clients' },
      ],
    }),
  ],
};

const outgoing: Section = {
  title: 'Outbound',
  panels: [
    table({
      title: 'Services asked',
      description: 'What the workload asks of others through the gateway.',
      unit: 'short',
      width: 24,
      sortBy: 'Requests',
      columns: [
        { name: 'Service', of: { label: 'destination_service' }, link: serviceLink },
        {
          name: 'Requests',
          of: { expr: panelRate('istio_requests_total', outward, 'destination_service') },
          unit: 'reqps',
          decimals: 1,
        },
        {
          name: 'Success',
          of: { expr: fulfilledPart(outward, 'destination_service') },
          unit: 'percentunit',
          decimals: 2,
        },
        {
          name: 'p99',
          of: { expr: quantile(0.99, 'istio_request_duration_milliseconds', outward, 'destination_service') },
          unit: 'ms',
        },
      ],
    }),
    timeSeries({
      title: 'Requests by Service',
      description: 'By the Service that was asked.',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          expr: panelRate('istio_requests_total', outward, 'destination_service'),
          legend: '{{destination_service}}',
        },
      ],
    }),
    timeSeries({
      title: 'Failed requests by Service',
      description: 'As part of the requests to the Service.',
      unit: 'percentunit',
      width: 8,
      queries: [{ expr: failedPart(outward, 'destination_service'), legend: '{{destination_service}}' }],
    }),
    timeSeries({
      title: 'Duration by Service, p99',
      description: 'What 99 % of the requests stayed below.',
      unit: 'ms',
      width: 8,
      queries: [
        {
          expr: quantile(0.99, 'istio_request_duration_milliseconds', outward, 'destination_service'),
          legend: '{{destination_service}}',
        },
      ],
    }),
    timeSeries({
      title: 'Connections by Service',
      description: 'TCP connections that the workload opened, and those that failed.',
      unit: 'cps',
      width: 12,
      queries: [
        {
          expr: panelRate('istio_tcp_connections_opened_total', outward, 'destination_service'),
          legend: '{{destination_service}} opened',
        },
        {
          expr: panelRate('weft_connections_failed_total', outward, 'destination_service'),
          legend: '{{destination_service}} failed',
        },
      ],
    }),
    timeSeries({
      title: 'Bytes by Service',
      description: 'What the workload sent and got, known when a connection closes.',
      unit: 'Bps',
      width: 12,
      queries: [
        {
          expr: panelRate('istio_tcp_received_bytes_total', outward, 'destination_service'),
          legend: '{{destination_service}} sent',
        },
        {
          expr: panelRate('istio_tcp_sent_bytes_total', outward, 'destination_service'),
          legend: '{{destination_service}} got',
        },
      ],
    }),
  ],
};

export const workloadDashboard: Board = {
  uid: 'weft-workload',
  title: 'Weft / Workload',
  description: 'What comes to one workload, and what it asks of others.',
  variables: [
    datasourceVariable,
    jobVariable,
    choice('namespace', {
      label: 'Namespace',
      description: 'Of workloads that had traffic',
      query: ofEitherEnd('namespace', 'source_workload_namespace', 'destination_workload_namespace'),
      regex: '/namespace="([^"]+)"/',
    }),
    choice('workload', {
      label: 'Workload',
      description: 'A Deployment or what else owns the Pods',
      query: ofEitherEnd(
        ...(['workload', 'source_workload', 'destination_workload'] as const),
        ...(['source_workload_namespace="$namespace"', 'destination_workload_namespace="$namespace"'] as const),
      ),
      regex: '/workload="([^"]+)"/',
    }),
  ],
  sections: [overview, incoming, outgoing],
};
