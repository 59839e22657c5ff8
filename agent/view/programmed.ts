import type { FrontendPlan } from '../compile/plan.js';
import type { Programmed, Reconciler } from '../kernel/reconcile.js';
import type { Store } from '../kernel/store.js';
import { viewOf } from '../tables/bytes.js';
import {
  BackendStateRowSize,
  readBackendStateRow,
  readServiceStateRow,
  ServiceStateRowSize,
} from '../tables/layout.gen.js';

/** The plans of one Service port, IPv4 first. */
export type PortPlans = readonly Programmed[];

/** Every Service port in the tables, sorted by service, port, protocol. The agent's own canary is not there. */
export function programmedPorts(reconciler: Reconciler): readonly PortPlans[] {
  const plans = [...reconciler.programmed()].filter(({ plan }) => isOfService(plan)).sort(byPort);
  const ports: Programmed[][] = [];
  let last: Programmed | undefined;
  for (const each of plans) {
    if (last && samePort(last.plan, each.plan)) ports.at(-1)!.push(each);
    else ports.push([each]);
    last = each;
  }
  return ports;
}

/** Services are named NS/NAME. */
export function isOfService(plan: FrontendPlan): boolean {
  return plan.service.includes('/');
}

export function samePort(a: FrontendPlan, b: FrontendPlan): boolean {
  return a.service === b.service && a.port === b.port && a.protocol === b.protocol;
}

function byPort({ plan: a }: Programmed, { plan: b }: Programmed): number {
  if (a.service !== b.service) return a.service < b.service ? -1 : 1;
  if (a.port !== b.port) return a.port - b.port;
  if (a.protocol !== b.protocol) return a.protocol < b.protocol ? -1 : 1;
  return a.family - b.family;
}

/** One above the highest ids in use; 0 when there are none. */
export function endsOf(reconciler: Reconciler): { readonly backends: number; readonly services: number } {
  let services = 0;
  for (const { service } of reconciler.programmed()) services = Math.max(services, service + 1);
  return { backends: reconciler.backends.end, services };
}

const noBackend = { inflight: 0, opened: 0, failed: 0 };

/** What the programs counted, read at once: up to the highest id that is in use. */
export class Counts {
  readonly #backends: DataView;
  readonly #services: DataView;

  constructor(store: Store, reconciler: Reconciler) {
    const { backends, services } = endsOf(reconciler);
    this.#backends = viewOf(backends > 0 ? store.read('backend_states', backends).values : new Uint8Array(0));
    this.#services = viewOf(services > 0 ? store.read('service_states', services).values : new Uint8Array(0));
  }

  /** Of a backend, over all Services that list it. */
  backend(id: number): { readonly inflight: number; readonly opened: number; readonly failed: number } {
    const at = id * BackendStateRowSize;
    if (at >= this.#backends.byteLength) return noBackend;
    const { inflight, opened, failed } = readBackendStateRow(this.#backends, at);
    return { inflight, opened: Number(opened), failed: Number(failed) };
  }

  /** Connections in flight to a backend. */
  inflight(id: number): number {
    const at = id * BackendStateRowSize;
    return at < this.#backends.byteLength ? this.#backends.getUint32(at, true) : 0;
  }

  /** Connections in flight to a Service port, by the id of its plan. */
  serviceInflight(service: number): number {
    const at = service * ServiceStateRowSize;
    return at < this.#services.byteLength ? readServiceStateRow(this.#services, at).inflight : 0;
  }
}
