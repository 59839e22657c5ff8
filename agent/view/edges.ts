import type { EdgeMeasure, Identity } from '../api/measures.js';
import type { Backend } from '../kernel/backends.js';
import { type Edge, readEdges, takeEdges } from '../kernel/edges.js';
import type { Store } from '../kernel/store.js';
import { viewOf } from '../tables/bytes.js';
import type { EdgeKey, EdgeRow } from '../tables/layout.gen.js';
import { readEdgeRow } from '../tables/layout.gen.js';
import { IdNames, type IdSources, unnamed } from './ids.js';

/** Label sets that are kept; of more, those that grew least recently go. */
const defaultBound = 4096;

interface Sums {
  opened: number;
  closed: number;
  failed: number;
  sentBytes: number;
  receivedBytes: number;
}

type Total = Sums & Omit<EdgeMeasure, keyof Sums>;

const none: Readonly<Sums> = { opened: 0, closed: 0, failed: 0, sentBytes: 0, receivedBytes: 0 };

function sumsOf(row: EdgeRow): Sums {
  return {
    opened: Number(row.opened),
    closed: Number(row.closed),
    failed: Number(row.failed),
    sentBytes: Number(row.sentBytes),
    receivedBytes: Number(row.receivedBytes),
  };
}

function textOf({ pod, service, backend, generation }: EdgeKey): string {
  return `${pod} ${service} ${backend} ${generation}`;
}

/**
 * The graph's sums by who was at both ends. What a row of the `edges` table grew by is added to the names its ids had
 * then, so that no sum falls when ids are given to somebody else or labels change.
 */
export class EdgeLedger {
  readonly names: IdNames;
  readonly #store: Store;
  readonly #bound: number;
  /** By row, what is in the totals already. */
  #counted = new Map<string, Sums>();
  /** By labels; those that grew last come last. */
  readonly #totals = new Map<string, Total>();

  constructor(sources: IdSources & { readonly store: Store }, bound: number = defaultBound) {
    this.names = new IdNames(sources);
    this.#store = sources.store;
    this.#bound = bound;
  }

  /** The totals now, and how many rows the table has. */
  read(): { readonly edges: readonly EdgeMeasure[]; readonly rows: number } {
    const edges = readEdges(this.#store);
    const counted = new Map<string, Sums>();
    this.names.during(() => {
      for (const edge of edges) this.#count(edge, counted);
    });
    this.#counted = counted;
    return { edges: [...this.#totals.values()].map((total) => ({ ...total })), rows: edges.length };
  }

  /** Connections of edges that found no place in the table. */
  restOpened(): number {
    const row = this.#store.read('edge_rest', 1);
    return row.count === 0 ? 0 : Number(readEdgeRow(viewOf(row.values), 0).opened);
  }

  /** To be called before the ids of these backends are given away: takes their rows out of the table. */
  readonly retireBackends = (backends: readonly Backend[]): void => {
    this.names.during(() => {
      for (const backend of backends) this.names.nameBackend(backend);
      const ids = new Set(backends.map(({ id }) => id));
      this.#take((key) => ids.has(key.backend));
      this.names.forgetBackends(ids);
    });
  };

  /** The same for Pods. Their ids may be others' already, of whom there are no rows yet. */
  readonly retirePods = (ids: readonly number[]): void => {
    const gone = new Set(ids);
    this.#take((key) => gone.has(key.pod));
    this.names.forgetPods(gone);
  };

  #take(isOver: (key: EdgeKey) => boolean): void {
    for (const edge of takeEdges(this.#store, isOver)) {
      this.#count(edge, this.#counted);
      this.#counted.delete(textOf(edge.key));
    }
  }

  #count({ key, sums }: Edge, counted: Map<string, Sums>): void {
    if (key.pod === 0) return;
    const text = textOf(key);
    const now = sumsOf(sums);
    let before = this.#counted.get(text) ?? none;
    // Somebody else removed the row, and it was made anew.
    if (now.opened < before.opened || now.closed < before.closed) before = none;
    counted.set(text, now);
    const grew =
      now.opened > before.opened ||
      now.closed > before.closed ||
      now.failed > before.failed ||
      now.sentBytes > before.sentBytes ||
      now.receivedBytes > before.receivedBytes;
    if (!grew) return;
    const total = this.#totalOf(key);
    total.opened += now.opened - before.opened;
    total.closed += now.closed - before.closed;
    total.failed += now.failed - before.failed;
    total.sentBytes += now.sentBytes - before.sentBytes;
    total.receivedBytes += now.receivedBytes - before.receivedBytes;
  }

  #totalOf(key: EdgeKey): Total {
    const source = this.names.pod(key.pod) ?? unnamed;
    const destination = this.names.backend(key.backend, key.generation) ?? unnamed;
    const service = this.names.service(key.service)?.service ?? '';
    const id = `${labelsOf(source.identity)}|${labelsOf(destination.identity)}|${service}`;
    let total = this.#totals.get(id);
    if (total) this.#totals.delete(id);
    else {
      const slash = service.indexOf('/');
      total = {
        id,
        source: source.identity,
        destination: destination.identity,
        service: service.slice(slash + 1),
        serviceNamespace: slash < 0 ? '' : service.slice(0, slash),
        ...none,
      };
    }
    this.#totals.set(id, total);
    if (this.#totals.size > this.#bound) this.#totals.delete(this.#totals.keys().next().value!);
    return total;
  }
}

/** Label values have no `|`. */
function labelsOf(identity: Identity): string {
  const { workload, namespace, app, version, canonicalService, canonicalRevision } = identity;
  return `${workload}|${namespace}|${app}|${version}|${canonicalService}|${canonicalRevision}`;
}
