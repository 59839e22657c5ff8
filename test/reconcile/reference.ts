import type { FrontendPlan } from '../../agent/compile/plan.js';
import type { Unfit } from '../../agent/kernel/reconcile.js';
import { nameOf, type Picture, sightOfPlan } from './picture.js';
import type { Change } from './plans.js';

/**
 * What the tables are to say, kept the slow and obvious way: the plans that are in force, and who owns each address and port: of
 * the plans that want it the first by name.
 */
export class Reference {
  readonly #inForce = new Map<string, FrontendPlan>();
  /** Every Service's last plans. */
  readonly wanted: Map<string, readonly FrontendPlan[]> = new Map<string, readonly FrontendPlan[]>();
  #unfit = new Map<string, FrontendPlan>();

  /** `unfit`: what the reconciler says has no place after this change. */
  apply(change: Change, unfit: Iterable<Unfit>): void {
    const before = [...this.#unfit.values()];
    this.#unfit = new Map([...unfit].map(({ plan }) => [plan.key, plan]));
    for (const [service, plans] of change) {
      const keys = new Set(plans.map(({ key }) => key));
      for (const [key, plan] of [...this.#inForce])
        if (plan.service === service && !keys.has(key)) this.#inForce.delete(key);
    }
    for (const [service, plans] of change) {
      this.wanted.set(service, plans);
      for (const plan of plans) if (!this.#unfit.has(plan.key)) this.#inForce.set(plan.key, plan);
    }
    const retried = before.filter((plan) => !change.has(plan.service) && !this.#unfit.has(plan.key));
    for (const plan of retried) this.#inForce.set(plan.key, plan);
  }

  picture(): Picture {
    const owners = new Map<string, FrontendPlan>();
    for (const plan of this.#inForce.values()) {
      for (const name of namesOf(plan)) {
        const other = owners.get(name);
        if (other === undefined || isFirst(plan, other)) owners.set(name, plan);
      }
    }
    return new Map([...owners].map(([name, owner]) => [name, sightOfPlan(owner)]));
  }
}

function isFirst(a: FrontendPlan, b: FrontendPlan): boolean {
  return a.service === b.service ? a.key < b.key : a.service < b.service;
}

function namesOf(plan: FrontendPlan): readonly string[] {
  return plan.addresses.map((address) => nameOf(plan, address));
}
