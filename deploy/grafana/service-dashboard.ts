import type { Board, Section } from './board.js';
import { heatmap, stat, timeSeries } from './panels.js';
import { failedPart, failuresOrNone, matchers, orZero, panelRate, quantile } from './promql.js';
import {
  bytes,
  clientLabels,
  clientLegend,
  clientTable,
  hadTraffic,
  longDuration,
  quantiles,
  requestRate,
  responses,
  successPart,
} from './signals.js';
import { choice, datasourceVariable, jobVariable, ofJob, reporter } from './variables.js';

const client = 'source_workload=~"$client"';
const toService = matchers(ofJob, reporter, 'destination_service="$service"');
const traffic = matchers(toService, client);
const cluster = matchers(ofJob, 'cluster=~"$service:.*"');
const workloadLabels = 'destination_workload_namespace, destination_workload, destination_version';
const workloadLegend = '{{destination_workload_namespace}}/{{destination_workload}} {{destination_version}}';

const overview: Section = {
  title: '$service',
  panels: [
    requestRate(traffic, 'requests', {
      title: 'Requests',
      description: 'HTTP and gRPC requests to the Service.',
    }),
    successPart(traffic, {
      title: 'Success',
      description: 'Part of requests without 5xx and without a gRPC status that is the server’s fault.',
    }),
    longDuration(traffic, {
      title: 'Duration, p99',
      description: 'What 99 % of requests stayed below.',
    }),
    stat({
      title: 'Connections opened',
      description: 'TCP connections to the Service that were balanced without looking into them.',
      unit: 'cps',
      width: 4,
      queries: [{ expr: orZero(panelRate('istio_tcp_connections_opened_total', traffic)), legend: 'opened' }],
    }),
    stat({
      title: 'Connections in flight',
      description: 'TCP connections to backends of the Service now, over all nodes.',
      unit: 'none',
      width: 4,
      queries: [
        { expr: orZero(`sum(weft_backend_inflight{${matchers(ofJob, 'service="$key"')}})`), legend: 'in flight' },
      ],
    }),
    stat({
      title: 'Backends ejected',
      description: 'Backends that a gateway worker of any node does not use now.',
      unit: 'none',
      width: 4,
      steps: [
        [null, 'green'],
        [1, 'orange'],
      ],
      queries: [
        {
          expr: orZero(`count(max by (backend) (weft_gateway_backend_ejected{${cluster}}) > 0)`),
          legend: 'ejected',
        },
      ],
    }),
  ],
};

const requests: Section = {
  title: 'HTTP and gRPC',
  panels: [
    responses(traffic),
    timeSeries({
      title: 'Failed requests',
      description:
        'As part of all: 5xx and gRPC statuses that are the server’s fault; beside it 4xx, which is the client’s.',
      unit: 'percentunit',
      width: 8,
      queries: [
        { expr: failedPart(traffic), legend: 'failed' },
        {
          expr: `(${panelRate('istio_requests_total', matchers(traffic, 'response_code=~"4.."'))} or 0 * ${panelRate('istio_requests_total', traffic)}) / (${panelRate('istio_requests_total', traffic)} > 0)`,
          legend: '4xx',
        },
      ],
    }),
    timeSeries({
      title: 'Responses without a backend’s answer',
      description:
        'By Envoy’s response flags: UH no healthy backend, UF connection failed, UO limit reached, UT timeout, URX retries spent, NR no route, DC client went, FI fault injected.',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          expr: orZero(panelRate('istio_requests_total', matchers(traffic, 'response_flags!="-"'), 'response_flags')),
          legend: '{{response_flags}}',
        },
      ],
    }),
    timeSeries({
      title: 'Duration',
      description:
        'From the first byte of the request to the last of the response, as the gateway of the client’s node saw it.',
      unit: 'ms',
      width: 8,
      queries: quantiles(traffic),
    }),
    heatmap({
      title: 'Durations',
      description: 'How many requests took how long.',
      unit: 'ms',
      width: 8,
      expr: `sum by (le) (increase(istio_request_duration_milliseconds_bucket{${traffic}}[$__rate_interval]))`,
    }),
    timeSeries({
      title: 'gRPC statuses',
      description:
        'Requests by status code of gRPC (0 OK, 4 DEADLINE_EXCEEDED, 13 INTERNAL, 14 UNAVAILABLE); 0 requests/s when the Service has no gRPC.',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          expr: orZero(
            panelRate('istio_requests_total', matchers(traffic, 'request_protocol="grpc"'), 'grpc_response_status'),
          ),
          legend: '{{grpc_response_status}}',
        },
      ],
    }),
    timeSeries({
      title: 'Request bodies',
      description: 'Sizes of request bodies.',
      unit: 'bytes',
      width: 12,
      queries: quantiles(traffic, 'istio_request_bytes'),
    }),
    timeSeries({
      title: 'Response bodies',
      description: 'Sizes of response bodies.',
      unit: 'bytes',
      width: 12,
      queries: quantiles(traffic, 'istio_response_bytes'),
    }),
  ],
};

const clients: Section = {
  title: 'Clients',
  panels: [
    clientTable(traffic, {
      title: 'Client workloads',
      description: 'Who asks, and how it goes. `unknown`: a client outside the mesh.',
    }),
    timeSeries({
      title: 'Requests by client',
      description: 'By client workload.',
      unit: 'reqps',
      width: 12,
      queries: [{ expr: panelRate('istio_requests_total', traffic, clientLabels), legend: clientLegend }],
    }),
    timeSeries({
      title: 'Failed requests by client',
      description: 'Requests/s that failed by the server’s fault, by client workload.',
      unit: 'reqps',
      width: 12,
      queries: [
        { expr: failuresOrNone(traffic, { by: clientLabels, window: '$__rate_interval' }), legend: clientLegend },
      ],
    }),
  ],
};

const workloads: Section = {
  title: 'Workloads behind the Service',
  panels: [
    timeSeries({
      title: 'Requests by version',
      description: 'What part each workload and version has: a rollout’s weights as they come out.',
      unit: 'reqps',
      width: 8,
      stacked: 'parts',
      queries: [{ expr: panelRate('istio_requests_total', traffic, workloadLabels), legend: workloadLegend }],
    }),
    timeSeries({
      title: 'Failed requests by version',
      description: 'As part of a version’s requests.',
      unit: 'percentunit',
      width: 8,
      queries: [{ expr: failedPart(traffic, workloadLabels), legend: workloadLegend }],
    }),
    timeSeries({
      title: 'Duration by version, p99',
      description: 'What 99 % of a version’s requests stayed below.',
      unit: 'ms',
      width: 8,
      queries: [
        {
          expr: quantile(0.99, 'istio_request_duration_milliseconds', traffic, workloadLabels),
          legend: workloadLegend,
        },
      ],
    }),
  ],
};

const backends: Section = {
  title: 'Backends',
  panels: [
    timeSeries({
      title: 'Expected time to the response',
      description:
        'Peak-EWMA of the time until a backend’s response begins, the greatest of any gateway worker: what ADAPTIVE balances by.',
      unit: 'ms',
      width: 8,
      queries: [
        { expr: `max by (backend) (weft_gateway_backend_latency_milliseconds{${cluster}})`, legend: '{{backend}}' },
      ],
    }),
    timeSeries({
      title: 'Requests in flight',
      description: 'Of all gateways to a backend.',
      unit: 'none',
      width: 8,
      queries: [{ expr: `sum by (backend) (weft_gateway_backend_inflight{${cluster}})`, legend: '{{backend}}' }],
    }),
    timeSeries({
      title: 'Workers that ejected a backend',
      description: 'How many gateway workers do not use a backend now: outlier detection, or connections that fail.',
      unit: 'none',
      width: 8,
      decimals: 0,
      queries: [{ expr: `sum by (backend) (weft_gateway_backend_ejected{${cluster}})`, legend: '{{backend}}' }],
    }),
  ],
};

const tcp: Section = {
  title: 'TCP',
  panels: [
    timeSeries({
      title: 'Connections by client',
      description: 'Opened, by client workload.',
      unit: 'cps',
      width: 8,
      queries: [{ expr: panelRate('istio_tcp_connections_opened_total', traffic, clientLabels), legend: clientLegend }],
    }),
    timeSeries({
      title: 'Connections that failed',
      description: 'Closed before they were established, by client workload.',
      unit: 'cps',
      width: 8,
      queries: [{ expr: panelRate('weft_connections_failed_total', traffic, clientLabels), legend: clientLegend }],
    }),
    timeSeries({
      title: 'Bytes',
      description: 'From clients and to them, known when a connection closes.',
      unit: 'Bps',
      width: 8,
      queries: bytes(traffic),
    }),
    timeSeries({
      title: 'Connections in flight by backend',
      description: 'Of all nodes to each backend; those without connections are left out.',
      unit: 'none',
      width: 24,
      queries: [
        {
          expr: orZero(`sum by (backend, port) (weft_backend_inflight{${matchers(ofJob, 'service="$key"')}})`),
          legend: '{{backend}} port {{port}}',
        },
      ],
    }),
  ],
};

export const serviceDashboard: Board = {
  uid: 'weft-service',
  title: 'Weft / Service',
  description: 'Golden signals of one Service, its clients, its versions and its backends.',
  variables: [
    datasourceVariable,
    jobVariable,
    choice('service', {
      label: 'Service',
      description: 'A Service’s host, or a ServiceEntry’s',
      query: `label_values(${hadTraffic(ofJob)}, destination_service)`,
    }),
    choice('client', {
      label: 'Client',
      description: 'Workloads that ask the Service',
      query: `label_values(${hadTraffic(toService)}, source_workload)`,
      several: true,
    }),
    choice('key', {
      label: 'Key',
      description: 'NAMESPACE/NAME of the Service, as metrics of Weft alone name it',
      query: `query_result(label_join(group by (destination_service_namespace, destination_service_name) (${hadTraffic(toService)}), "key", "/", "destination_service_namespace", "destination_service_name"))`,
      regex: '/key="([^"]+)"/',
      hidden: true,
    }),
  ],
  sections: [overview, requests, clients, workloads, backends, tcp],
};
