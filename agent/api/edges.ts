import { everywhere } from '../compile/workload.js';
import { hostOfService } from '../model/names.js';
import { showLabels } from './edge-text.js';
import type { EdgeMeasure, Identity } from './measures.js';

/** Istio's labels of TCP metrics (istio.io, "Istio Standard Metrics"), in the order in which Istio's proxies write them. */
export interface EdgeLabels {
  readonly reporter: 'source';
  readonly source_workload: string;
  readonly source_canonical_service: string;
  readonly source_canonical_revision: string;
  readonly source_workload_namespace: string;
  readonly source_principal: string;
  readonly source_app: string;
  readonly source_version: string;
  readonly source_cluster: string;
  readonly destination_workload: string;
  readonly destination_workload_namespace: string;
  readonly destination_principal: string;
  readonly destination_app: string;
  readonly destination_version: string;
  readonly destination_service: string;
  readonly destination_canonical_service: string;
  readonly destination_canonical_revision: string;
  readonly destination_service_name: string;
  readonly destination_service_namespace: string;
  readonly destination_cluster: string;
  readonly request_protocol: 'tcp';
  readonly response_flags: '-';
  readonly connection_security_policy: 'none';
}

export interface EdgeCounts {
  opened: number;
  closed: number;
  failed: number;
  /** From the client to the backend. */
  sentBytes: number;
  receivedBytes: number;
}

export interface EdgeText {
  /** The labels as they stand in the text format. */
  readonly labelText: string;
  readonly counts: EdgeCounts;
}

export interface EdgeSeries extends EdgeText {
  readonly labels: EdgeLabels;
}

/** How many edges a node shows; the others are one series. */
export const mostEdges = 1_000;

const unknown = 'unknown';
const other = 'other';

/** Of a Service, where there is one. */
function known(text: string): string {
  return text === '' ? unknown : text;
}

function labelsOf(edge: Pick<EdgeMeasure, 'source' | 'destination' | 'service' | 'serviceNamespace'>): EdgeLabels {
  const { source, destination, service, serviceNamespace } = edge;
  const host = service === '' || serviceNamespace === '' ? unknown : hostOfService(`${serviceNamespace}/${service}`);
  return {
    reporter: 'source',
    source_workload: source.workload,
    source_canonical_service: source.canonicalService,
    source_canonical_revision: source.canonicalRevision,
    source_workload_namespace: source.namespace,
    source_principal: unknown,
    source_app: source.app,
    source_version: source.version,
    source_cluster: unknown,
    destination_workload: destination.workload,
    destination_workload_namespace: destination.namespace,
    destination_principal: unknown,
    destination_app: destination.app,
    destination_version: destination.version,
    destination_service: host,
    destination_canonical_service: destination.canonicalService,
    destination_canonical_revision: destination.canonicalRevision,
    destination_service_name: known(service),
    destination_service_namespace: known(serviceNamespace),
    destination_cluster: unknown,
    request_protocol: 'tcp',
    response_flags: '-',
    connection_security_policy: 'none',
  };
}

const others: Identity = everywhere(other);

const otherLabels: EdgeLabels = {
  ...labelsOf({ source: others, destination: others, service: other, serviceNamespace: other }),
  destination_service: other,
};

function keyOf({ source, destination, service, serviceNamespace }: EdgeMeasure): string {
  const identity = (end: Identity): readonly string[] => [
    end.workload,
    end.namespace,
    end.app,
    end.version,
    end.canonicalService,
    end.canonicalRevision,
  ];
  return [...identity(source), ...identity(destination), service, serviceNamespace].join('\n');
}

const countNames = ['opened', 'closed', 'failed', 'sentBytes', 'receivedBytes'] as const;

function sumOf(a: EdgeCounts, b: EdgeCounts): EdgeCounts {
  const sum = noCounts();
  for (const name of countNames) sum[name] = a[name] + b[name];
  return sum;
}

function noCounts(): EdgeCounts {
  return { opened: 0, closed: 0, failed: 0, sentBytes: 0, receivedBytes: 0 };
}

interface Row extends EdgeCounts {
  readonly source: Identity;
  readonly destination: Identity;
  readonly key: string;
  readonly series: Series;
  fold: number;
}

interface Series extends EdgeSeries {
  /** The fold that last saw a row of it. */
  fold: number;
}

function makeSeries(labels: EdgeLabels, fold: number): Series {
  return { labels, labelText: showLabels(labels), counts: noCounts(), fold };
}

/**
 * Sums rows of the kernel's `edges` map into series that only grow: rows come and go with Pods, and several share a
 * series, so what is added is each row's growth since it was last seen. Series without rows stay until their place is needed.
 */
export class EdgeLedger {
  readonly #rows = new Map<string, Row>();
  readonly #series = new Map<string, Series>();
  readonly #other: Series = makeSeries(otherLabels, 0);
  readonly #limit: number;
  #fold = 0;
  #dropped = 0;

  constructor(limit: number = mostEdges) {
    this.#limit = limit;
  }

  /** Rows that came when there was no place for a series of theirs, and went into `other`. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes in the rows as they are now. */
  fold(edges: Iterable<EdgeMeasure>): void {
    this.#fold += 1;
    for (const edge of edges) {
      const row = this.#rowOf(edge);
      row.fold = this.#fold;
      row.series.fold = this.#fold;
      for (const name of countNames) {
        row.series.counts[name] += edge[name] < row[name] ? edge[name] : edge[name] - row[name];
        row[name] = edge[name];
      }
    }
    for (const [id, row] of this.#rows) if (row.fold !== this.#fold) this.#rows.delete(id);
  }

  /** Every series with what the gateway carried besides: connections by their labels' text. `other` last, and only when it has counts. */
  seriesWith(carried: ReadonlyMap<string, EdgeCounts>): readonly EdgeText[] {
    const left = new Map(carried);
    const merged = [...this.series()].map(({ labelText, counts }): EdgeText => {
      const more = left.get(labelText);
      left.delete(labelText);
      return { labelText, counts: more === undefined ? counts : sumOf(counts, more) };
    });
    return [...merged, ...[...left].map(([labelText, counts]) => ({ labelText, counts }))];
  }

  /** Every series, `other` last and only when it has counts. */
  *series(): Generator<EdgeSeries> {
    yield* this.#series.values();
    if (countNames.some((name) => this.#other.counts[name] > 0)) yield this.#other;
  }

  /** The row as it was; a new one when it is another edge now. A row that went into `other` stays there. */
  #rowOf(edge: EdgeMeasure): Row {
    const before = this.#rows.get(edge.id);
    if (before !== undefined && before.source === edge.source && before.destination === edge.destination) return before;
    const key = keyOf(edge);
    if (before?.key === key) return before;
    const { source, destination } = edge;
    const row: Row = { ...noCounts(), source, destination, key, series: this.#seriesOf(key, edge), fold: 0 };
    this.#rows.set(edge.id, row);
    return row;
  }

  #seriesOf(key: string, edge: EdgeMeasure): Series {
    const present = this.#series.get(key);
    if (present !== undefined) return present;
    if (this.#series.size >= this.#limit && !this.#forgetOne()) {
      this.#dropped += 1;
      return this.#other;
    }
    const series = makeSeries(labelsOf(edge), this.#fold);
    this.#series.set(key, series);
    return series;
  }

  /** Gives up a series whose rows are gone. */
  #forgetOne(): boolean {
    for (const [key, series] of this.#series) {
      if (series.fold < this.#fold - 1) {
        this.#series.delete(key);
        return true;
      }
    }
    return false;
  }
}
