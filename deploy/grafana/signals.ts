import { workloadLink } from './links.js';
import { type Column, type Query, stat, table, timeSeries, type Unplaced } from './panels.js';
import { fulfilledPart, matchers, orZero, panelRate, quantile } from './promql.js';

/** What several dashboards show of some traffic: the golden signals, each of the series that `traffic` matches. */

const durations = 'istio_request_duration_milliseconds';

/** Matches what says that there was traffic at all. */
const eitherCounter = '__name__=~"istio_requests_total|istio_tcp_connections_opened_total"';

/** A client workload, as labels to sum by and as a legend. */
export const clientLabels = 'source_workload_namespace, source_workload';
export const clientLegend = '{{source_workload_namespace}}/{{source_workload}}';

/** Series of requests or connections. */
export function hadTraffic(...matching: readonly string[]): string {
  return `{${matchers(eitherCounter, ...matching)}}`;
}

interface SignalText {
  readonly title: string;
  readonly description: string;
}

/** Requests/s. */
export function requestRate(traffic: string, legend: string, text: SignalText): Unplaced {
  const queries = [{ expr: orZero(panelRate('istio_requests_total', traffic)), legend }];
  return stat({ ...text, unit: 'reqps', width: 4, queries });
}

/** The part that did not fail by the server's fault. `nothing`: shown while there are no requests. */
export function successPart(traffic: string, text: SignalText & { readonly nothing?: string }): Unplaced {
  return stat({
    ...text,
    unit: 'percentunit',
    width: 4,
    decimals: 2,
    max: 1,
    steps: [
      [null, 'red'],
      [0.95, 'orange'],
      [0.99, 'green'],
    ],
    queries: [{ expr: fulfilledPart(traffic), legend: 'success' }],
  });
}

/** What 99 % of durations stayed below. */
export function longDuration(traffic: string, text: SignalText & { readonly nothing?: string }): Unplaced {
  return stat({
    ...text,
    unit: 'ms',
    width: 4,
    queries: [{ expr: quantile(0.99, durations, traffic), legend: 'p99' }],
  });
}

/** Columns of a table with a row for each `by`. */
export function requestColumns(traffic: string, by: string, quantiles: readonly number[] = [0.99]): readonly Column[] {
  return [
    { name: 'Requests', of: { expr: panelRate('istio_requests_total', traffic, by) }, unit: 'reqps', decimals: 1 },
    { name: 'Success', of: { expr: fulfilledPart(traffic, by) }, unit: 'percentunit', decimals: 2 },
    ...quantiles.map((q) => ({
      name: `p${q * 100}`,
      of: { expr: quantile(q, durations, traffic, by) },
      unit: 'ms',
    })),
  ];
}

/** The golden signals by client workload. */
export function clientTable(traffic: string, text: SignalText): Unplaced {
  return table({
    ...text,
    unit: 'short',
    width: 24,
    sortBy: 'Requests',
    columns: [
      { name: 'Namespace', of: { label: 'source_workload_namespace' } },
      { name: 'Workload', of: { label: 'source_workload' }, link: workloadLink },
      ...requestColumns(traffic, clientLabels),
    ],
  });
}

export function responses(traffic: string): Unplaced {
  return timeSeries({
    title: 'Requests by response',
    description: 'By response code. 0: the client went before there was a response.',
    unit: 'reqps',
    width: 8,
    stacked: 'values',
    queries: [{ expr: panelRate('istio_requests_total', traffic, 'response_code'), legend: '{{response_code}}' }],
  });
}

/** Median and the upper tail of a histogram. */
export function quantiles(traffic: string, histogram: string = durations): readonly Query[] {
  return [0.5, 0.9, 0.99].map((q) => ({ expr: quantile(q, histogram, traffic), legend: `p${q * 100}` }));
}

/** Bytes/s of TCP connections, both ways. */
export function bytes(traffic: string): readonly Query[] {
  return [
    { expr: panelRate('istio_tcp_received_bytes_total', traffic), legend: 'from clients' },
    { expr: panelRate('istio_tcp_sent_bytes_total', traffic), legend: 'to clients' },
  ];
}
