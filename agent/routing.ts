import type { CompiledSnapshot, SnapshotCompiler, SnapshotTouched } from './compile/compile-snapshot.js';
import { deltaBetween, type SnapshotDelta } from './compile/delta.js';
import type { GatewayUse } from './compile/l7.js';
import { emptySnapshot, type Snapshot } from './compile/snapshot.js';
import type { Captured } from './kernel/pods.js';
import type { Reconciler } from './kernel/reconcile.js';
import { equalValues } from './model/equal.js';

/** Who serves by what is compiled here. */
export interface SnapshotReceiver {
  /** First with everything, also when that is nothing. */
  apply(delta: SnapshotDelta): void;
  capture(captured: Iterable<Captured>): void;
}

export interface RoutingOptions {
  readonly compiler: SnapshotCompiler;
  readonly reconciler: Pick<Reconciler, 'plansOf'>;
  readonly receiver: SnapshotReceiver;
}

type Unnumbered = Omit<Snapshot, 'generation'>;

/**
 * The L7 stage of the wheel: which Service ports are the gateway's is said before the tables are written; the snapshot goes to the workers after, with the
 * ids that the tables gave. A connection that is there before its snapshot waits for it in the worker.
 */
export class Routing {
  readonly #options: RoutingOptions;
  #published: Unnumbered | undefined;
  #isDue = true;

  constructor(options: RoutingOptions) {
    this.#options = options;
  }

  get compiler(): SnapshotCompiler {
    return this.#options.compiler;
  }

  /** Takes changes in. Returns NS/NAME of Services whose tables they change by way of the gateway. */
  take(touched: SnapshotTouched): Iterable<string> {
    if (this.#options.compiler.update(touched) !== undefined) this.#isDue = true;
    const moved = this.#options.compiler.takeMovedServices();
    if (moved.size > 0) this.#isDue = true;
    return moved;
  }

  gatewayOf(service: string, port: number): GatewayUse {
    return this.#options.compiler.gatewayOf(service, port);
  }

  /** To be called when the tables are as the last `take` said. */
  publish(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    const snapshot = this.#options.compiler.snapshot;
    const ids = this.#idsOf(snapshot);
    const isFirst = this.#published === undefined;
    const before = this.#published ?? emptySnapshot;
    const next: Unnumbered = { ...snapshot, ids: equalValues(ids, before.ids) ? before.ids : ids };
    this.#published = next;
    const delta = deltaBetween(before, next);
    if (isFirst || delta !== undefined) this.#options.receiver.apply(delta ?? {});
  }

  capture(captured: Iterable<Captured>): void {
    this.#options.receiver.capture(captured);
  }

  /** A target that is not in the tables has no connections. */
  #idsOf({ targets }: CompiledSnapshot): Record<string, string> {
    const ids: Record<string, string> = {};
    for (const [key, { service }] of Object.entries(targets)) {
      const programmed = this.#options.reconciler.plansOf(service).find(({ plan }) => plan.key === key);
      if (programmed !== undefined) ids[programmed.service] = key;
    }
    return ids;
  }
}
