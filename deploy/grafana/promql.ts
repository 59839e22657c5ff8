/** Label matchers of PromQL without their braces; empty ones are left out. */
export function matchers(...each: readonly string[]): string {
  return each.filter((matcher) => matcher !== '').join(', ');
}

/** Grafana's window for rates: at least four scrapes, and as long as a step of the panel. */
const panelWindow = '$__rate_interval';

export interface Rates {
  /** A duration, or Grafana's variable for one. */
  readonly window: string;
  /** Labels to sum by; none: one value. */
  readonly by?: string;
}

/** Sums rates of one counter. */
export function rate(counter: string, labels: string, { by = '', window }: Rates): string {
  return `${sumBy(by)} (rate(${counter}{${labels}}[${window}]))`;
}

/** `sum`, or `sum by (labels)`. */
function sumBy(labels: string): string {
  return labels === '' ? 'sum' : `sum by (${labels})`;
}

/** Of a panel: rates of one counter by labels. */
export function panelRate(counter: string, labels: string, by = ''): string {
  return rate(counter, labels, { by, window: panelWindow });
}

/**
 * gRPC status codes that are the server's fault, as OpenTelemetry's semantic conventions have them: UNKNOWN, DEADLINE_EXCEEDED,
 * UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
 */
const failedGrpc = 'grpc_response_status=~"2|4|12|13|14|15"';
const failedHttp = 'response_code=~"5.."';

/** Requests/s that failed by the server's fault: 5xx, or such a gRPC status. A request that is both counts once: `or` takes each series once. */
function failures(labels: string, { by = '', window }: Rates): string {
  const of = (failed: string): string => `rate(istio_requests_total{${matchers(labels, failed)}}[${window}])`;
  return `${sumBy(by)} (${of(failedHttp)} or ${of(failedGrpc)})`;
}

/** {@link failures}, and 0 where there are requests and none failed. */
export function failuresOrNone(labels: string, rates: Rates): string {
  return `(${failures(labels, rates)} or 0 * ${rate('istio_requests_total', labels, rates)})`;
}

/** Part of requests that failed, 0 to 1; nothing where there are no requests. */
export function failedPart(labels: string, by = '', window: string = panelWindow): string {
  const all = rate('istio_requests_total', labels, { by, window });
  return `${failuresOrNone(labels, { by, window })} / (${all} > 0)`;
}

/** Part of requests that did not fail, 0 to 1. */
export function fulfilledPart(labels: string, by = ''): string {
  return `1 - ${failedPart(labels, by)}`;
}

/** A quantile of a histogram, estimated from its buckets; nothing where it had no values, instead of NaN. */
export function quantile(q: number, histogram: string, labels: string, by = '', window: string = panelWindow): string {
  const bucket = rate(`${histogram}_bucket`, labels, { by: matchers('le', by), window });
  return `histogram_quantile(${q}, ${bucket}) >= 0`;
}

/** The value, or 0 when there is none at all. Series with labels do not get another one beside them. */
export function orZero(expression: string): string {
  return `${expression} or on () vector(0)`;
}
