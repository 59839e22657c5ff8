import type { Board, Section } from './board.js';
import { serviceLink } from './links.js';
import { stat, table, timeSeries } from './panels.js';
import { failedPart, failuresOrNone, matchers, orZero, panelRate, quantile } from './promql.js';
import {
  bytes,
  clientLabels,
  clientLegend,
  clientTable,
  hadTraffic,
  longDuration,
  quantiles,
  requestColumns,
  requestRate,
  responses,
  successPart,
} from './signals.js';
import { choice, datasourceVariable, jobVariable, ofJob, reporter } from './variables.js';

const inward = matchers(
  ...[ofJob, reporter, 'destination_workload_namespace="$namespace"', 'destination_workload="$workload"'],
);
const outward = matchers(ofJob, reporter, 'source_workload_namespace="$namespace"', 'source_workload="$workload"');

/** Values of a label that is there twice: of whom traffic comes from, and of whom it goes to. */
function ofEitherEnd(label: string, source: string, destination: string, ...more: readonly string[]): string {
  const of = (end: string, ...matching: readonly string[]): string =>
    `label_replace(${hadTraffic(ofJob, ...matching)}, "${label}", "$1", "${end}", "(.*)")`;
  const [atSource = '', atDestination = ''] = more;
  const either = [of(source, atSource), of(destination, atDestination)];
  return `query_result(${either.map((end) => `group by (${label}) (${end})`).join(' or ')})`;
}

const overview: Section = {
  title: '$namespace/$workload',
  panels: [
    requestRate(inward, 'in', {
      title: 'Requests in',
      description: 'HTTP and gRPC requests that the workload’s Pods were asked.',
    }),
    successPart(inward, {
      title: 'Success in',
      description: 'Part of them that did not fail by the workload’s fault.',
      nothing: 'no requests',
    }),
    longDuration(inward, {
      title: 'Duration in, p99',
      description: 'What 99 % of them stayed below.',
      nothing: 'no requests',
    }),
    requestRate(outward, 'out', {
      title: 'Requests out',
      description: 'HTTP and gRPC requests of the workload’s Pods through the gateway.',
    }),
    successPart(outward, {
      title: 'Success out',
      description: 'Part of them that did not fail by the server’s fault.',
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
    clientTable(inward, {
      title: 'Clients',
      description: 'Who asks the workload, and how it goes. `unknown`: a client outside the mesh.',
    }),
    responses(inward),
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
      queries: quantiles(inward),
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
      queries: bytes(inward),
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
        ...requestColumns(outward, 'destination_service'),
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
