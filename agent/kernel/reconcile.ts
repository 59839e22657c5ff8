import type { FrontendPlan } from '../compile/plan.js';
import { type Tally, tallyOf } from '../compile/tally.js';
import type { Batch } from '../tables/batch.js';
import type { FrontendRow, TableName } from '../tables/layout.gen.js';
import type { Run } from '../tables/mirror.js';
import { type Backend, Backends, type Held } from './backends.js';
import { Claims } from './claims.js';
import { repair } from './differences.js';
import { Found, type FoundCounts } from './found.js';
import { contentsOf, frontendNames, frontendRow, type Place } from './frontends.js';
import { noRun, Runs } from './runs.js';
import { Services } from './services.js';
import { Step } from './step.js';
import type { Store } from './store.js';

/** A plan that is in the tables. */
export interface Programmed extends Place {
  readonly plan: FrontendPlan;
  /** The names of the keys of its rows; another plan may own some of them. */
  readonly names: readonly string[];
  /** Ids of `plan.backends`, in their order. */
  readonly ids: readonly number[];
  /** How many of its backends are in which state. */
  readonly tally: Tally;
  /** As {@link frontendRow}. */
  readonly row: string;
}

/** A plan that has no place in the tables: its older version, if any, stays. */
export interface Unfit {
  readonly plan: FrontendPlan;
  readonly table: TableName;
}

export interface Applied {
  /** Backends that nobody lists any more. */
  readonly gone: readonly Backend[];
  /** Rows written and removed. */
  readonly rows: number;
}

/** The tables of plans, in the order of a change. */
export const planTables = ['backends', 'slots', 'rings', 'frontends'] as const;
export type PlanTable = (typeof planTables)[number];

/** Rows of one table where the store differed from what was desired; they are repaired. */
export interface Drift {
  readonly table: TableName;
  readonly rows: number;
}

/**
 * Brings the tables to what the plans say, and keeps them there. Order of a change: backends, then
 * slots and rings in regions that no row names yet, then the frontend rows that switch to them; what is no longer named is
 * given back after that. When the store fails, the error is thrown and the change stays due: the next `apply` or `prune` writes it.
 */
export class Reconciler {
  readonly backends: Backends;
  readonly #store: Store;
  readonly #services: Services;
  readonly #slots: Runs;
  readonly #rings: Runs;
  readonly #claims: Claims;
  /** By plan key. */
  readonly #programmed = new Map<string, Programmed>();
  /** Plan keys of a Service. */
  readonly #ofService = new Map<string, readonly string[]>();
  readonly #unfit = new Map<string, Unfit>();
  /** What an earlier agent left, until `prune`. */
  #found: Found | undefined;
  /** What is not in the store yet. */
  #step = new Step();
  /** Gone, but the call that saw them go has thrown. */
  #unreported: readonly Backend[] = [];
  /** Something was given back since plans that did not fit were last tried. */
  #hasRoom = false;
  /** A row of `frontends` was given up since plans that did not fit there were last tried. */
  #hasFreeRow = false;

  constructor(store: Store) {
    this.#store = store;
    this.backends = new Backends(store);
    this.#services = new Services(store);
    this.#slots = new Runs(store, 'slots');
    this.#rings = new Runs(store, 'rings');
    this.#claims = new Claims(store.capacity('frontends'));
  }

  /** Reads what an earlier agent left, so that nothing moves: ids and regions are kept where plans still want them. */
  adopt(): void {
    this.backends.adopt();
    this.#found = new Found(this.#store, this.#claims, this.#services, this.#slots, this.#rings);
  }

  /**
   * Writes the plans of the named Services (none: the Service is gone) and gives back what they no longer use. Throws as the store does; a plan
   * that cannot be turned into rows does not keep the others from being written.
   */
  apply(changes: ReadonlyMap<string, readonly FrontendPlan[]>): Applied {
    const retried = this.#hasRoom ? [...this.#unfit.values()].map(({ plan }) => plan) : [];
    this.#hasRoom = false;
    // What goes makes room for what comes.
    for (const [service, plans] of changes) this.#withdrawMissing(service, plans);
    const errors: unknown[] = [];
    const place = (plan: FrontendPlan): void => {
      try {
        this.#place(plan);
      } catch (error) {
        errors.push(error);
      }
    };
    for (const plans of changes.values()) plans.forEach(place);
    retried.filter((plan) => this.#unfit.get(plan.key)?.plan === plan && !changes.has(plan.service)).forEach(place);
    // A plan that gave up an address has made room for those before it.
    while (this.#hasFreeRow) {
      this.#hasFreeRow = false;
      for (const { plan, table } of [...this.#unfit.values()]) if (table === 'frontends') place(plan);
    }
    const applied = this.#commit();
    if (errors.length === 0) return applied;
    this.#unreported = applied.gone;
    throw errors[0];
  }

  /** Services' ports of an earlier agent; none once `prune` was called. */
  get foundCounts(): FoundCounts {
    return this.#found?.counts ?? { found: 0, left: 0 };
  }

  /** Whether an earlier agent left rows for the plan that have backends, and the plan was not placed yet. */
  hasLeftBackends(plan: FrontendPlan): boolean {
    if (this.#found === undefined || this.#programmed.has(plan.key)) return false;
    return (this.#foundRow(plan, frontendNames(plan))?.slotCount ?? 0) > 0;
  }

  /** Removes what an earlier agent left and no plan wanted. To be called once, after the first plans of every source. */
  prune(): Applied {
    const leftovers = this.#found?.leftovers();
    this.#found = undefined;
    if (leftovers) {
      this.#claims.forgetFound();
      this.backends.releaseUnclaimed();
      this.#step.freedSlots.push(...leftovers.slots);
      this.#step.freedRings.push(...leftovers.rings);
      this.#step.freedServices.push(...leftovers.services);
    }
    return this.#commit();
  }

  /**
   * Gives back regions that rested and ids without connections in flight. `retire` sees backends before their counters go. To be
   * called at intervals that are longer than a connect() takes; what was freed since the last call is not given back yet.
   */
  reclaim(retire: (backends: readonly Backend[]) => void): void {
    if (this.#slots.settle() + this.#rings.settle() > 0) this.#hasRoom = true;
    if (this.backends.reclaim(retire) + this.#services.reclaim() > 0) this.#hasRoom = true;
  }

  programmed(): Iterable<Programmed> {
    return this.#programmed.values();
  }

  /** By plan key. */
  plan(key: string): Programmed | undefined {
    return this.#programmed.get(key);
  }

  plansOf(service: string): readonly Programmed[] {
    return (this.#ofService.get(service) ?? []).flatMap((key) => this.#programmed.get(key) ?? []);
  }

  unfit(): Iterable<Unfit> {
    return this.#unfit.values();
  }

  used(): Readonly<Record<'slots' | 'rings' | 'backends' | 'frontends', number>> {
    return {
      slots: this.#slots.used,
      rings: this.#rings.used,
      backends: this.backends.count,
      frontends: this.#claims.owned,
    };
  }

  /** The rows of a table as they should be. */
  desired(table: PlanTable): Batch {
    if (table === 'backends') return this.backends.desired();
    if (table === 'frontends') return this.#claims.desired(this.#rowOf);
    return table === 'slots' ? this.#slots.desired(this.#runs('slots')) : this.#rings.desired(this.#runs('ring'));
  }

  #runs(which: 'slots' | 'ring'): readonly Run[] {
    return Array.from(this.#programmed.values(), (programmed) => programmed[which]);
  }

  /** Compares these tables of the store, in the order given, with what they should hold and repairs every difference. Default: all. */
  verify(tables: readonly PlanTable[] = planTables): readonly Drift[] {
    return tables.map((table) => ({ table, rows: this.#repair(table) })).filter(({ rows }) => rows > 0);
  }

  #repair(table: PlanTable): number {
    if (table === 'backends') return this.backends.verify();
    if (table === 'slots') return this.#slots.repair(this.#runs('slots'));
    if (table === 'rings') return this.#rings.repair(this.#runs('ring'));
    return repair(this.#store, table, this.#claims.desired(this.#rowOf), (name) => this.#claims.isFound(name));
  }

  readonly #rowOf = (plan: string): string => this.#programmed.get(plan)!.row;

  #withdrawMissing(service: string, plans: readonly FrontendPlan[]): void {
    const now = plans.map((plan) => plan.key);
    for (const key of this.#ofService.get(service) ?? []) if (!now.includes(key)) this.#withdraw(key);
    if (now.length > 0) this.#ofService.set(service, now);
    else this.#ofService.delete(service);
  }

  #withdraw(key: string): void {
    this.#unfit.delete(key);
    const old = this.#programmed.get(key);
    if (!old) return;
    this.#programmed.delete(key);
    for (const name of old.names) this.#claims.drop(key, name);
    this.#hasFreeRow = true;
    this.#step.released.push(old.ids);
    this.#step.freedSlots.push(old.slots);
    this.#step.freedRings.push(old.ring);
    this.#step.freedServices.push(old.service);
  }

  #place(plan: FrontendPlan): void {
    const full = this.#fit(plan);
    if (full === undefined) this.#unfit.delete(plan.key);
    else this.#unfit.set(plan.key, { plan, table: full });
  }

  /** Gives the plan its place. Returns the table that has no room for it, having changed nothing. */
  #fit(plan: FrontendPlan): TableName | undefined {
    const old = this.#programmed.get(plan.key);
    const names = frontendNames(plan);
    if (!this.#claims.hasRoom(plan.key, names, old?.names ?? [])) return 'frontends';
    const { backends } = plan;
    const held = this.backends.hold(plan, backends);
    if (!held) return 'backends';
    const contents = this.#undoing(held, () => contentsOf(plan, backends, held.ids));

    const row = old ? undefined : this.#foundRow(plan, names);
    const before = old ?? (row && placeOf(row));
    const slots = this.#slots.place(contents.slots, before?.slots ?? noRun);
    const ring = slots && this.#rings.place(contents.ring, before?.ring ?? noRun);
    const service = ring && (before?.service ?? this.#services.take());
    if (!slots || !ring || service === undefined) {
      if (slots && slots !== before?.slots) this.#slots.cancel(slots);
      if (ring && ring !== before?.ring) this.#rings.cancel(ring);
      this.backends.undo(held);
      return slots ? (ring ? 'service_states' : 'rings') : 'slots';
    }

    if (row) this.#found!.takeOver(plan.key, row);
    this.backends.describe(held.ids, plan, backends);
    const place = { service, slots, ring };
    const { key } = plan;
    this.#programmed.set(key, {
      plan,
      names,
      ids: held.ids,
      tally: tallyOf(backends),
      row: frontendRow(plan, contents.weightTotal, place),
      ...place,
    });
    this.#leave(before, place);
    this.#rename(key, names, old?.names ?? []);
    if (old) this.#step.released.push(old.ids);
    return undefined;
  }

  #foundRow(plan: FrontendPlan, names: readonly string[]): FrontendRow | undefined {
    const isFree = (name: string): boolean => (this.#claims.ownerOf(name) ?? plan.key) === plan.key;
    return this.#found?.rowFor(plan.key, names.filter(isFree));
  }

  /** Notes what is to be written into the new place, and what of the one from before is to be given back. */
  #leave(before: Place | undefined, { slots, ring }: Place): void {
    if (slots !== before?.slots) {
      this.#step.slots.push(slots);
      if (before) this.#step.freedSlots.push(before.slots);
    }
    if (ring !== before?.ring) {
      this.#step.rings.push(ring);
      if (before) this.#step.freedRings.push(before.ring);
    }
  }

  #rename(plan: string, names: readonly string[], before: readonly string[]): void {
    for (const name of names) this.#claims.claim(plan, name);
    for (const name of before) {
      if (names.includes(name)) continue;
      this.#claims.drop(plan, name);
      this.#hasFreeRow = true;
    }
  }

  #commit(): Applied {
    const step = this.#step;
    let rows = this.backends.flush();
    rows += this.#slots.write(step.slots) + this.#rings.write(step.rings);
    rows += this.#claims.write(this.#store, this.#rowOf);
    this.#step = new Step();
    for (const run of step.freedSlots) this.#slots.release(run);
    for (const run of step.freedRings) this.#rings.release(run);
    for (const service of step.freedServices) this.#services.leave(service);
    for (const ids of step.released) for (const id of ids) this.backends.release(id);
    const gone = [...this.#unreported, ...this.backends.bury()];
    this.#unreported = [];
    return { gone, rows: rows + gone.length };
  }

  /** What `compute` returns; when it throws, the references are taken back. */
  #undoing<Result>(held: Held, compute: () => Result): Result {
    try {
      return compute();
    } catch (error) {
      this.backends.undo(held);
      throw error;
    }
  }
}

function placeOf(row: FrontendRow): Place {
  return {
    service: row.service,
    slots: { base: row.slotBase, size: row.slotCount },
    ring: { base: row.ringBase, size: row.ringSize },
  };
}
