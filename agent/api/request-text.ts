import { showPairs } from './label-text.js';
import type { GatewayMeasure, HistogramMeasure, RequestMeasure } from './measures.js';

/** Histograms of requests (istio.io, "Istio Standard Metrics"). */
const histograms: readonly {
  readonly name: string;
  readonly help: string;
  readonly of: (measure: RequestMeasure) => HistogramMeasure;
}[] = [
  {
    name: 'istio_request_duration_milliseconds',
    help: 'Duration of requests.',
    of: ({ durationMs }) => durationMs,
  },
  { name: 'istio_request_bytes', help: 'Bytes of request bodies.', of: ({ requestBytes }) => requestBytes },
  { name: 'istio_response_bytes', help: 'Bytes of response bodies.', of: ({ responseBytes }) => responseBytes },
];

function showHistogram(
  name: string,
  pairs: string,
  bounds: readonly number[],
  { counts, sum }: HistogramMeasure,
): string {
  let text = '';
  let total = 0;
  for (const [bucket, bound] of bounds.entries()) {
    total += counts[bucket] ?? 0;
    text += `${name}_bucket{${pairs},le="${bound}"} ${total}\n`;
  }
  total += counts[bounds.length] ?? 0;
  return `${text}${name}_bucket{${pairs},le="+Inf"} ${total}\n${name}_sum{${pairs}} ${sum}\n${name}_count{${pairs}} ${total}\n`;
}

/** Requests through the gateway in Prometheus' text format, piece by piece: a registry would hold them several times over. */
export function* showRequests({ bounds, requests }: GatewayMeasure): Generator<string> {
  const measures = [...requests].filter(({ protocol }) => protocol !== 'tcp');
  const pairs = measures.map(({ labels }) => showPairs(labels));
  yield '# HELP istio_requests_total Requests.\n# TYPE istio_requests_total counter\n';
  for (const [index, measure] of measures.entries())
    yield `istio_requests_total{${pairs[index]}} ${measure.requests}\n`;
  for (const { name, help, of } of histograms) {
    yield `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
    for (const [index, measure] of measures.entries()) yield showHistogram(name, pairs[index]!, bounds, of(measure));
  }
}
