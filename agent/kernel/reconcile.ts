import type { FrontendPlan } from '../compile/plan.js';
import { Batch } from '../tables/batch.js';
import { type FrontendRow, SlotRowSize, type TableName } from '../tables/layout.gen.js';
import { Regions } from '../tables/regions.js';
import { type Backend, Backends, type Held } from './backends.js';
import { Claims } from './claims.js';
import { differences } from './differences.js';
import { Found } from './found.js';
import { type Contents, contentsOf, type FrontendName, frontendNames, frontendRow, nameOfKey } from './frontends.js';
import { Services } from './services.js';
import { type Run, runFor, Step } from './step.js';
import type { Store } from './store.js';

/** A plan that is in the tables. */
export interface Programmed {
  readonly plan: FrontendPlan;
  /** The keys of its rows; another plan may own some of them. */
  readonly names: readonly FrontendName[];
  /** The id of `struct frontend.service`. */
  readonly service: number;
  readonly slotBase: number;
  readonly ringBase: number;
  readonly contents: Contents;
  /** Ids of `plan.backends`, in their order. */
  readonly ids: readonly number[];
  readonly row: Uint8Array;
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
  readonly #slots: Regions;
  readonly #rings: Regions;
  readonly #claims: Claims;
  /** By plan key. */
  readonly #programmed = new Map<string, Programmed>();
  /** Plan keys of a Service. */
  readonly #ofService = new Map<string, ReadonlySet<string>>();
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
    this.#slots = new Regions(store.capacity('slots'));
    this.#rings = new Regions(store.capacity('rings'));
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

  /** Removes what an earlier agent left and no plan wanted. To be called once, after the first plans of every source. */
  prune(): Applied {
    const leftovers = this.#found?.leftovers();
    this.#found = undefined;
    if (leftovers) {
      this.#claims.forgetFound();
      this.backends.releaseUnclaimed();
      this.#step.freed.push(() => {
        for (const { base, size } of leftovers.slots) this.#slots.release(base, size);
        for (const { base, size } of leftovers.rings) this.#rings.release(base, size);
        for (const service of leftovers.services) this.#services.leave(service);
      });
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
    return [...(this.#ofService.get(service) ?? [])].flatMap((key) => this.#programmed.get(key) ?? []);
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
  desired(table: 'frontends' | 'slots' | 'rings' | 'backends'): Batch {
    if (table === 'backends') return this.backends.desired();
    if (table === 'frontends') return this.#claims.desired(this.#rowOf);
    const batch = new Batch(
      4,
      table === 'slots' ? SlotRowSize : 4,
      table === 'slots' ? this.#slots.used : this.#rings.used,
    );
    for (const { contents, slotBase, ringBase } of this.#programmed.values()) {
      if (table === 'slots') batch.addArray(slotBase, contents.slots);
      else batch.addArray(ringBase, contents.ring);
    }
    return batch;
  }

  /** Compares the store with what it should hold and repairs every difference, in the order of a change. */
  verify(): readonly Drift[] {
    const drifts: Drift[] = [];
    for (const table of ['backends', 'slots', 'rings', 'frontends'] as const) {
      const { missing, surplus } = differences(this.#store, table, this.desired(table));
      const stale = new Batch(surplus.keySize, 0, surplus.count);
      for (let i = 0; i < surplus.count; i++) {
        const key = surplus.keys.subarray(i * surplus.keySize, (i + 1) * surplus.keySize);
        if (!this.#claims.isFound(nameOfKey(key))) stale.addRow(key, stale.values);
      }
      if (stale.count > 0) this.#store.remove(table, stale.keys, stale.count);
      this.#store.update(table, missing);
      if (missing.count + stale.count > 0) drifts.push({ table, rows: missing.count + stale.count });
    }
    return drifts;
  }

  readonly #rowOf = (plan: string): Uint8Array => this.#programmed.get(plan)!.row;

  #withdrawMissing(service: string, plans: readonly FrontendPlan[]): void {
    const now = new Set(plans.map((plan) => plan.key));
    for (const key of this.#ofService.get(service) ?? []) if (!now.has(key)) this.#withdraw(key);
    if (now.size > 0) this.#ofService.set(service, now);
    else this.#ofService.delete(service);
  }

  #withdraw(key: string): void {
    this.#unfit.delete(key);
    const old = this.#programmed.get(key);
    if (!old) return;
    this.#programmed.delete(key);
    for (const name of old.names) this.#claims.drop(key, name);
    this.#hasFreeRow = true;
    this.#step.released.push(...old.ids);
    this.#step.freed.push(() => {
      this.#slots.release(old.slotBase, old.contents.slotCount);
      this.#rings.release(old.ringBase, old.contents.ring.length / 4);
      this.#services.leave(old.service);
    });
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
    const held = this.backends.hold(plan);
    if (!held) return 'backends';
    const contents = undoing(held, () => contentsOf(plan, held.ids));

    const row = old ? undefined : this.#foundRow(plan, names);
    const place = old ?? row;
    const before = old?.contents ?? (row && this.#found!.contentsOf(row));
    const slots = runFor(this.#slots, SlotRowSize, contents.slots, place?.slotBase, before?.slots);
    const ring = slots && runFor(this.#rings, 4, contents.ring, place?.ringBase, before?.ring);
    const service = ring && (place?.service ?? this.#services.take());
    if (!slots || !ring || service === undefined) {
      slots?.cancel();
      ring?.cancel();
      held.undo();
      return slots ? (ring ? 'service_states' : 'rings') : 'slots';
    }

    if (row) this.#found!.takeOver(plan.key, row);
    this.#switch(plan, names, held.ids, contents, { service, slots, ring });
    return undefined;
  }

  #foundRow(plan: FrontendPlan, names: readonly FrontendName[]): FrontendRow | undefined {
    const isFree = ({ name }: FrontendName): boolean => (this.#claims.ownerOf(name) ?? plan.key) === plan.key;
    return this.#found?.rowFor(plan.key, names.filter(isFree));
  }

  #switch(
    plan: FrontendPlan,
    names: readonly FrontendName[],
    ids: readonly number[],
    contents: Contents,
    { service, slots, ring }: { readonly service: number; readonly slots: Run; readonly ring: Run },
  ): void {
    const old = this.#programmed.get(plan.key);
    const step = this.#step;
    ids.forEach((id, i) => {
      const backend = this.backends.byId(id)!;
      backend.name = plan.backends[i]!.name;
      backend.onRemoval = plan.onRemoval;
    });
    if (slots.isNew) step.slots.addArray(slots.base, contents.slots);
    if (ring.isNew) step.rings.addArray(ring.base, contents.ring);
    const place = { service, slotBase: slots.base, ringBase: ring.base };
    this.#programmed.set(plan.key, { plan, names, contents, ids, row: frontendRow(plan, contents, place), ...place });
    for (const name of names) this.#claims.claim(plan.key, name);
    const kept = new Set(names.map(({ name }) => name));
    const dropped = (old?.names ?? []).filter(({ name }) => !kept.has(name));
    for (const name of dropped) this.#claims.drop(plan.key, name);
    if (dropped.length > 0) this.#hasFreeRow = true;
    step.freed.push(slots.freeBefore, ring.freeBefore);
    if (old) step.released.push(...old.ids);
  }

  #commit(): Applied {
    const step = this.#step;
    let rows = this.backends.flush();
    this.#store.update('slots', step.slots);
    this.#store.update('rings', step.rings);
    rows += step.slots.count + step.rings.count + this.#claims.write(this.#store, this.#rowOf);
    this.#step = new Step();
    for (const free of step.freed) free();
    for (const id of step.released) this.backends.release(id);
    const gone = [...this.#unreported, ...this.backends.bury()];
    this.#unreported = [];
    return { gone, rows: rows + gone.length };
  }
}

/** What `compute` returns; when it throws, the references are taken back. */
function undoing<Result>(held: Held, compute: () => Result): Result {
  try {
    return compute();
  } catch (error) {
    held.undo();
    throw error;
  }
}
