import type { EdgeCounts, EdgeLabels, EdgeText } from './edges.js';
import { showPairs } from './label-text.js';

/** A counter of every edge. */
interface EdgeFamily {
  readonly name: string;
  readonly help: string;
  readonly count: keyof EdgeCounts;
}

/*
 * Istio's sent and received are those of its proxy towards the client: "size of total bytes sent during response" and
 * "received during request". What a client sent is therefore received.
 */
const families: readonly EdgeFamily[] = [
  { name: 'istio_tcp_connections_opened_total', help: 'Connections opened.', count: 'opened' },
  { name: 'istio_tcp_connections_closed_total', help: 'Connections closed.', count: 'closed' },
  {
    name: 'istio_tcp_sent_bytes_total',
    help: 'Bytes sent to the client in responses, known when a connection closes.',
    count: 'receivedBytes',
  },
  {
    name: 'istio_tcp_received_bytes_total',
    help: 'Bytes received from the client in requests, known when a connection closes.',
    count: 'sentBytes',
  },
  {
    name: 'weft_connections_failed_total',
    help: 'Connections that closed before they were established.',
    count: 'failed',
  },
];

/** `{name="value",…}`. */
export function showLabels(labels: EdgeLabels): string {
  return `{${showPairs({ ...labels })}}`;
}

const chunkLength = 64 * 1024;

/**
 * The counters of all edges in Prometheus' text format, piece by piece: with their 23 labels, 1 000 edges are some MB, which
 * a registry would hold several times over.
 */
export function* showEdges(series: readonly EdgeText[]): Generator<string> {
  for (const { name, help, count } of families) {
    let chunk = `# HELP ${name} ${help}\n# TYPE ${name} counter\n`;
    for (const { labelText, counts } of series) {
      chunk += `${name}${labelText} ${counts[count]}\n`;
      if (chunk.length >= chunkLength) {
        yield chunk;
        chunk = '';
      }
    }
    yield chunk;
  }
}
