import type { Clock } from '../clock.js';
import { clustersOfTarget } from '../compile/clusters-named.js';
import type { Snapshot, Target } from '../compile/snapshot.js';

/** How long a Service port that is the gateway's no more is served still, for connections that have not ended, in ms. */
const keptMs = 60_000;

interface Retired {
  readonly key: string;
  readonly target: Target;
  /** Of the tables: a connection may have been led here by it and not be accepted yet. */
  readonly ids: Snapshot['ids'];
  readonly clusters: Snapshot['clusters'];
  readonly untilMs: number;
}

/** Service ports that have left the snapshot: connections that came to them before still have requests. */
export class RetiredTargets {
  readonly #clock: Clock;
  #retired: readonly Retired[] = [];
  #clients: Snapshot['clients'] = {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keys of `targets` that are in `before` and not in `after`. From now on they are kept for a while. */
  retire(before: Snapshot, after: Snapshot): ReadonlySet<string> {
    const gone = new Set(Object.keys(before.targets).filter((key) => !(key in after.targets)));
    const untilMs = this.#clock.monotonic() + keptMs;
    const left = this.#retired.filter((each) => each.untilMs > this.#clock.monotonic() && !(each.key in after.targets));
    const fresh = [...gone].flatMap((key): readonly Retired[] => {
      const target = before.targets[key]!;
      if (left.some((each) => each.key === key)) return [];
      const clusters = Object.fromEntries(
        [...clustersOfTarget(target)].flatMap((name) => {
          const cluster = before.clusters[name];
          return cluster === undefined ? [] : [[name, cluster] as const];
        }),
      );
      const ids = Object.fromEntries(Object.entries(before.ids).filter(([, named]) => named === key));
      return [{ key, target, ids, clusters, untilMs }];
    });
    this.#retired = [...left, ...fresh];
    // Clients leave the snapshot with its last target.
    this.#clients = this.#retired.length === 0 ? {} : { ...before.clients, ...after.clients };
    return new Set(fresh.map(({ key }) => key));
  }

  /** The snapshot with what has left it lately. */
  complete(snapshot: Snapshot): Snapshot {
    if (this.#retired.length === 0) return snapshot;
    const targets = Object.fromEntries(this.#retired.map(({ key, target }) => [key, target]));
    const clusters = Object.assign({}, ...this.#retired.map((each) => each.clusters)) as Snapshot['clusters'];
    const ids = Object.assign({}, ...this.#retired.map((each) => each.ids)) as Snapshot['ids'];
    return {
      ...snapshot,
      ids: { ...ids, ...snapshot.ids },
      clients: { ...this.#clients, ...snapshot.clients },
      targets: { ...targets, ...snapshot.targets },
      clusters: { ...clusters, ...snapshot.clusters },
    };
  }
}
