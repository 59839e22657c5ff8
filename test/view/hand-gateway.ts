import { SnapshotCompiler } from '../../agent/compile/compile-snapshot.js';
import { applyDelta, type SnapshotDelta } from '../../agent/compile/delta.js';
import type { Overrides } from '../../agent/compile/plan.js';
import { emptySnapshot, type Snapshot } from '../../agent/compile/snapshot.js';
import type { Reconciler } from '../../agent/kernel/reconcile.js';
import type { Catalog } from '../../agent/model/catalog.js';
import { Routing, type SnapshotReceiver } from '../../agent/routing.js';
import { RequestLedger } from '../../agent/supervisor/request-ledger.js';
import type { ViewParts } from '../../agent/view/parts.js';

/** Takes what workers would get; there are none. */
export class HandSupervisor implements SnapshotReceiver {
  readonly pids: readonly number[] = [];
  readonly restarts = 0;
  snapshot: Snapshot = emptySnapshot;
  isFollowed = false;

  apply(delta: SnapshotDelta): void {
    this.snapshot = { ...applyDelta(this.snapshot, delta), generation: this.snapshot.generation + 1 };
  }

  capture(): void {}

  follow(on: boolean): void {
    this.isFollowed = on;
  }
}

/** The gateway's half of an agent without processes: rules are compiled, nobody serves by them. */
export class HandGateway {
  readonly supervisor: HandSupervisor = new HandSupervisor();
  readonly requests: RequestLedger = new RequestLedger();
  readonly troubles: Map<number, string> = new Map();
  readonly compiler: SnapshotCompiler;
  readonly routing: Routing;

  constructor(catalog: Catalog, reconciler: Reconciler, node: string, overrides: () => Overrides) {
    this.compiler = new SnapshotCompiler(catalog, {
      node,
      directoryMode: true,
      gatewayLabels: { istio: 'ingressgateway' },
      accessLog: false,
      overrides,
      readPem: () => ({ ok: false, error: 'there are no files' }),
    });
    this.routing = new Routing({ compiler: this.compiler, reconciler, receiver: this.supervisor });
  }

  /** What the view looks at. */
  get parts(): Pick<ViewParts, 'compiler' | 'requests' | 'supervisor' | 'ingressTroubles' | 'listenerTroubles'> {
    const { compiler, requests, supervisor, troubles } = this;
    return { compiler, requests, supervisor, ingressTroubles: () => troubles, listenerTroubles: () => new Map() };
  }
}
