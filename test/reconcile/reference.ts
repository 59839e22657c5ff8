import type { FrontendPlan } from '../../agent/compile/plan.js';
import type { Unfit } from '../../agent/kernel/reconcile.js';
import { nameOf, type Picture, sightOfPlan } from './picture.js';
import type { Change } from './plans.js';

/**
 * What the tables are to say, kept the slow and obvious way: the plans that are in force, and who owns each address and port. The first
 * plan that claims one owns it; when it lets go, the first by name of the others that want it does.
 */
export class Reference {
  readonly #inForce = new Map<string, FrontendPlan>();
  readonly #owners = new Map<string, string>();
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
        if (plan.service === service && !keys.has(key)) this.#withdraw(plan);
    }
    for (const [service, plans] of change) {
      this.wanted.set(service, plans);
      for (const plan of plans) if (!this.#unfit.has(plan.key)) this.#place(plan);
    }
    const retried = before.filter((plan) => !change.has(plan.service) && !this.#unfit.has(plan.key));
    for (const plan of retried) this.#place(plan);
  }

  picture(): Picture {
    return new Map([...this.#owners].map(([name, owner]) => [name, sightOfPlan(this.#inForce.get(owner)!)]));
  }

  #place(plan: FrontendPlan): void {
    const old = this.#inForce.get(plan.key);
    this.#inForce.set(plan.key, plan);
    for (const name of namesOf(plan)) if (!this.#owners.has(name)) this.#owners.set(name, plan.key);
    for (const name of old ? namesOf(old) : []) if (!namesOf(plan).includes(name)) this.#letGo(plan.key, name);
  }

  #withdraw(plan: FrontendPlan): void {
    this.#inForce.delete(plan.key);
    for (const name of namesOf(plan)) this.#letGo(plan.key, name);
  }

  #letGo(key: string, name: string): void {
    if (this.#owners.get(name) !== key) return;
    this.#owners.delete(name);
    const others = [...this.#inForce.values()].filter((other) => namesOf(other).includes(name));
    const next = others.map((other) => other.key).sort()[0];
    if (next !== undefined) this.#owners.set(name, next);
  }
}

function namesOf(plan: FrontendPlan): readonly string[] {
  return plan.addresses.map((address) => nameOf(plan, address));
}
