import type { Clock } from './clock.js';
import { compileService } from './compile/frontends.js';
import type { FrontendPlan, Overrides } from './compile/plan.js';
import type { Backend } from './kernel/backends.js';
import type { FoundCounts } from './kernel/found.js';
import type { Captured, PodTable } from './kernel/pods.js';
import { type Drift, type PlanTable, planTables, type Reconciler } from './kernel/reconcile.js';
import type { Catalog, Touched } from './model/catalog.js';
import type { Change } from './model/mesh.js';
import type { Routing } from './routing.js';

export interface SyncOptions {
  readonly catalog: Catalog;
  readonly reconciler: Reconciler;
  readonly pods: PodTable;
  readonly overrides: () => Overrides;
  readonly node: string;
  readonly clock: Clock;
  /** Which ports are the gateway's, and whom to tell. Default: none are. */
  readonly routing?: Pick<Routing, 'take' | 'gatewayOf' | 'publish' | 'capture'>;
  /** Ends sockets to backends that are gone. */
  readonly endSockets: (gone: readonly Backend[], pods: Iterable<Captured>) => void;
  /** Keeps sums before ids are given to somebody else. */
  readonly retireBackends: (backends: readonly Backend[]) => void;
  readonly retirePods: (ids: readonly number[]) => void;
}

/** What somebody else might write into: tables that decide where connections go. */
export type VerifiedTable = PlanTable | 'pods';
export const verifiedTables: readonly VerifiedTable[] = [...planTables, 'pods'];

/** How long what an earlier agent left is kept when the sources want hardly any of it, in ms: as long as the mass-delete brake holds. */
const holdMs = 30_000;

/** Whether so much is gone that a source may be wrong. */
function isMost({ found, left }: FoundCounts): boolean {
  return found >= 3 && left * 2 > found;
}

/**
 * Turns the wheel: changes of the mesh are compiled and written, for the Services they touch and no others.
 * Until `start` changes only gather: nothing is programmed, let alone deleted, before every source has synced.
 */
export class Sync {
  readonly #options: SyncOptions;
  #started = false;
  /** What an earlier agent left was removed, as far as nobody wants it. */
  #hasPruned = false;
  /** Monotonic ms. */
  #startedAt: number | undefined;
  /** Services that keep what an earlier agent left for them, because the sources have no endpoints for them, nor for most. */
  readonly #bare = new Set<string>();
  #generation = 0;
  #drift = 0;
  /** Keys of Services that are to be compiled. */
  readonly #due = new Set<string>();
  readonly #listeners = new Set<(seconds: number) => void>();

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  /** Grows with every change that was written. */
  get generation(): number {
    return this.#generation;
  }

  /** Rows that were found to differ from what was desired, since start. */
  get drift(): number {
    return this.#drift;
  }

  /** Services' ports and Pods that an earlier agent left and no source has, and which are kept for a while because they are most of what there was. */
  get held(): number {
    if (!this.#started || this.#hasPruned) return 0;
    return this.#options.reconciler.foundCounts.left + this.#options.pods.foundCounts.left;
  }

  /**
   * Programs everything that has gathered and removes what an earlier agent left: unless that is most of it, which is held for 30 s. When the
   * store fails it throws and can be called again.
   */
  start(): void {
    if (this.#started) return;
    const { catalog, clock } = this.#options;
    this.#startedAt ??= clock.monotonic();
    for (const pod of catalog.pods()) this.#wantPod(`${pod.meta.namespace}/${pod.meta.name}`);
    this.#refreshPods();
    const services = [...catalog.serviceKeys()].sort();
    this.#options.routing?.take({ services: new Set(services), pods: new Set(), routing: true });
    this.#program(services);
    this.#prune();
    this.#started = true;
  }

  /**
   * Takes changes in; once started they are in the kernel when this returns. `since`: when they arrived, in the clock's monotonic ms.
   * Throws as the store does; what could not be written is written by a later `change` or `tick`.
   */
  change(changes: readonly Change[], since: number = this.#options.clock.monotonic()): Touched {
    const touched = this.#options.catalog.apply(changes);
    if (!this.#started) return touched;
    for (const key of touched.services) this.#due.add(key);
    for (const key of this.#options.routing?.take(touched) ?? []) this.#due.add(key);
    // Most Pods of a cluster live on other nodes: what becomes of them is no reason to look at this one.
    const moved = [...touched.pods].filter((key) => this.#wantPod(key));
    if (moved.length > 0) this.#refreshPods();
    this.#program([]);
    const seconds = (this.#options.clock.monotonic() - since) / 1000;
    for (const listener of this.#listeners) listener(seconds);
    return touched;
  }

  /** Compiles Services again, as after a change of weights or drains. */
  recompile(services: Iterable<string>): void {
    if (!this.#started) return;
    const keys = new Set(services);
    this.#options.routing?.take({ services: keys, pods: new Set(), routing: false });
    this.#program(keys);
  }

  /** Compiles again what the gateway serves by, as after a change of files that rules name. */
  reroute(): void {
    const { routing } = this.#options;
    if (!this.#started || routing === undefined) return;
    for (const key of routing.take({ services: new Set(), pods: new Set(), routing: true })) this.#due.add(key);
    this.#generation++;
    this.#program([]);
  }

  onPropagation(listener: (seconds: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What time alone changes: namespaces that came or went, ids and regions that can be given away, plans that fit now. */
  tick(): void {
    if (!this.#started) return;
    this.#refreshPods();
    this.#prune();
    this.#options.reconciler.reclaim(this.#options.retireBackends);
    if (this.#due.size > 0) this.#program([]);
    else this.#removeGone(this.#options.reconciler.apply(new Map()).gone);
  }

  /** Takes in Pods whose namespace may have come to be in the last moment. Cheap when none is expected. */
  seek(): void {
    if (this.#started && this.#options.pods.isSeeking) this.#refreshPods();
  }

  /** Compares tables with what they should hold, repairs and counts every difference. Default: all of {@link verifiedTables}. */
  verify(tables: readonly VerifiedTable[] = verifiedTables): readonly Drift[] {
    if (!this.#hasPruned) return [];
    const { pods, reconciler } = this.#options;
    const drifts: Drift[] = [...reconciler.verify(planTables.filter((table) => tables.includes(table)))];
    const rows = tables.includes('pods') ? pods.verify() : 0;
    if (rows > 0) drifts.push({ table: 'pods', rows });
    for (const drift of drifts) this.#drift += drift.rows;
    return drifts;
  }

  /** Once, when not most of what an earlier agent left is wanted by nobody, or it was so for long enough. */
  #prune(): void {
    if (this.#hasPruned) return;
    const { clock, pods, reconciler } = this.#options;
    const isHeld = isMost(reconciler.foundCounts) || isMost(pods.foundCounts);
    if (isHeld && clock.monotonic() - this.#startedAt! < holdMs) return;
    const bare = [...this.#bare];
    this.#bare.clear();
    this.#program(bare, true);
    pods.prune();
    this.#removeGone(reconciler.prune().gone);
    this.#hasPruned = true;
  }

  /** Whether that changes what is to be captured. */
  #wantPod(key: string): boolean {
    const pod = this.#options.catalog.pod(key);
    const isWanted = pod !== undefined && this.#options.catalog.isMeshed(pod);
    return this.#options.pods.want(key, isWanted ? pod : undefined);
  }

  #refreshPods(): void {
    const released = this.#options.pods.refresh();
    if (released.length > 0) this.#options.retirePods(released);
    this.#options.routing?.capture(this.#options.pods.all());
  }

  /**
   * Of Services that have no endpoints although an earlier agent's tables do: those, while the sources have hardly any of what the tables hold. It is
   * the list of EndpointSlices that is wrong then, and not they.
   */
  #bareOf(plans: ReadonlyMap<string, readonly FrontendPlan[]>): readonly string[] {
    const { catalog, reconciler } = this.#options;
    const bare: string[] = [];
    let kept = 0;
    for (const [key, own] of plans) {
      const left = own.filter((plan) => reconciler.hasLeftBackends(plan)).length;
      const service = left > 0 ? catalog.service(key) : undefined;
      if (service === undefined) continue;
      if (catalog.slicesOf(key).length > 0 || catalog.podsMatching(service).length > 0) kept += left;
      else bare.push(key);
    }
    const { found, left } = reconciler.foundCounts;
    return isMost({ found, left: left - kept }) ? bare : [];
  }

  /**
   * Compiles and writes what is due and these Services. One that cannot be compiled does not keep the others from being written. `believes`: also
   * where nearly all that an earlier agent left would go.
   */
  #program(services: Iterable<string>, believes: boolean = this.#hasPruned): void {
    for (const key of services) this.#due.add(key);
    const { catalog, node, overrides, reconciler, routing } = this.#options;
    if (this.#due.size === 0) {
      routing?.publish();
      return;
    }
    const context = {
      node,
      zone: catalog.node(node)?.zone ?? '',
      overrides: overrides(),
      ...(routing && { gatewayOf: (service: string, port: number) => routing.gatewayOf(service, port) }),
    };
    const plans = new Map<string, readonly FrontendPlan[]>();
    const errors: unknown[] = [];
    for (const key of this.#due) {
      try {
        plans.set(key, compileService(key, catalog, context));
      } catch (error) {
        errors.push(error);
      }
    }
    this.#due.clear();
    for (const key of plans.keys()) this.#bare.delete(key);
    for (const key of believes ? [] : this.#bareOf(plans)) {
      plans.delete(key);
      this.#bare.add(key);
    }
    this.#generation++;
    this.#removeGone(reconciler.apply(plans).gone);
    routing?.publish();
    if (errors.length > 0) throw errors[0];
  }

  #removeGone(gone: readonly Backend[]): void {
    if (gone.length > 0) this.#options.endSockets(gone, this.#options.pods.all());
  }
}
