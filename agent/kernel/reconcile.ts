import type { FrontendPlan } from '../compile/plan.js';
import { Batch } from '../tables/batch.js';
import { sameBytes, viewOf } from '../tables/bytes.js';
import { Ids } from '../tables/ids.js';
import {
  FrontendKeySize,
  type FrontendRow,
  FrontendRowSize,
  readFrontendRow,
  readServiceStateRow,
  ServiceStateRowSize,
  SlotRowSize,
  type TableName,
} from '../tables/layout.gen.js';
import { Regions } from '../tables/regions.js';
import { type Backend, Backends } from './backends.js';
import { type Contents, contentsOf, frontendKeys, frontendRow, nameOfKey } from './frontends.js';
import { indexKey, type Store } from './store.js';

/** A plan that is in the tables. */
export interface Programmed {
  readonly plan: FrontendPlan;
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
 * given back after that.
 */
export class Reconciler {
  readonly #store: Store;
  readonly backends: Backends;
  readonly #services: Ids;
  readonly #slots: Regions;
  readonly #rings: Regions;
  /** By plan key. */
  readonly #programmed = new Map<string, Programmed>();
  /** Plan keys of a Service. */
  readonly #ofService = new Map<string, Set<string>>();
  /** Frontend key to the plan that owns its row. */
  readonly #owners = new Map<string, string>();
  /** Frontend key to the plans that want its row but came later. */
  readonly #contenders = new Map<string, Set<string>>();
  readonly #unfit = new Map<string, Unfit>();
  /** Ids of Services that are gone with connections in flight. */
  readonly #leavingServices = new Set<number>();
  /** Rows found in the kernel at start, by frontend key, until `prune`. */
  #found = new Map<string, Found>();
  /** Ids of Services that were found, and the plan that took each. */
  readonly #claimed = new Map<number, string>();
  #foundSlots: Uint8Array | undefined;
  #foundRings: Uint8Array | undefined;
  #room = false;

  constructor(store: Store) {
    this.#store = store;
    this.backends = new Backends(store);
    this.#services = new Ids(store.capacity('service_states'));
    this.#slots = new Regions(store.capacity('slots'));
    this.#rings = new Regions(store.capacity('rings'));
  }

  /** Reads what an earlier agent left, so that nothing moves: ids and regions are kept where plans still want them. */
  adopt(): void {
    this.backends.adopt();
    const rows = this.#store.read('frontends');
    const view = viewOf(rows.values);
    const sound = new Set<number>();
    let slotEnd = 0;
    let ringEnd = 0;
    for (let i = 0; i < rows.count; i++) {
      const key = rows.keys.slice(i * FrontendKeySize, (i + 1) * FrontendKeySize);
      const row = readFrontendRow(view, i * FrontendRowSize);
      const bytes = rows.values.slice(i * FrontendRowSize, (i + 1) * FrontendRowSize);
      // The rows of one Service share its regions.
      if (this.#services.adopt(row.service)) {
        if (this.#slots.adopt(row.slotBase, row.slotCount) && this.#rings.adopt(row.ringBase, row.ringSize))
          sound.add(row.service);
      }
      this.#found.set(nameOfKey(key), { key, row, bytes, isSound: sound.has(row.service), isCurrent: true });
      slotEnd = Math.max(slotEnd, row.slotBase + row.slotCount);
      ringEnd = Math.max(ringEnd, row.ringBase + row.ringSize);
    }
    if (slotEnd > 0) this.#foundSlots = this.#store.read('slots', slotEnd).values;
    if (ringEnd > 0) this.#foundRings = this.#store.read('rings', ringEnd).values;
  }

  /** Writes the plans of the named Services (none: the Service is gone) and gives back what they no longer use. */
  apply(changes: ReadonlyMap<string, readonly FrontendPlan[]>): Applied {
    const step = new Step();
    for (const [service, plans] of changes) this.#plan(service, plans, step);
    if (this.#room && this.#unfit.size > 0) {
      this.#room = false;
      for (const { plan } of [...this.#unfit.values()]) this.#place(plan, step);
    }
    return this.#commit(step);
  }

  /** Removes what an earlier agent left and no plan wanted. To be called once, after the first plans of every source. */
  prune(): Applied {
    const step = new Step();
    const wanted = new Set([...this.#programmed.values()].map((programmed) => programmed.service));
    const stale = new Map<number, FrontendRow>();
    for (const [name, found] of this.#found) {
      if (this.#owners.has(name)) continue;
      step.removed.push(found.key);
      if (found.isSound && !wanted.has(found.row.service)) stale.set(found.row.service, found.row);
    }
    for (const [service, row] of stale) {
      step.freed.push(() => {
        this.#slots.release(row.slotBase, row.slotCount);
        this.#rings.release(row.ringBase, row.ringSize);
        this.#leavingServices.add(service);
      });
    }
    this.#found = new Map();
    this.#foundSlots = undefined;
    this.#foundRings = undefined;
    this.#claimed.clear();
    this.backends.releaseUnclaimed();
    return this.#commit(step);
  }

  /** Gives back regions that rested and ids without connections in flight. `retire` sees backends before their counters go. */
  reclaim(retire: (backends: readonly Backend[]) => void): void {
    this.#slots.settle();
    this.#rings.settle();
    this.backends.reclaim(retire);
    for (const service of this.#leavingServices) {
      const bytes = this.#store.lookup('service_states', indexKey(service));
      if (bytes && readServiceStateRow(viewOf(bytes), 0).inflight > 0) continue;
      this.#store.update('service_states', {
        keys: indexKey(service),
        values: new Uint8Array(ServiceStateRowSize),
        count: 1,
      });
      this.#services.release(service);
      this.#leavingServices.delete(service);
    }
    if (this.#unfit.size > 0) this.#room = true;
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
      frontends: this.#owners.size,
    };
  }

  /** The rows of a table as they should be. */
  desired(table: 'frontends' | 'slots' | 'rings' | 'backends'): Batch {
    if (table === 'backends') return this.backends.desired();
    if (table === 'frontends') {
      const batch = new Batch(FrontendKeySize, FrontendRowSize, this.#owners.size + 1);
      for (const programmed of this.#programmed.values()) {
        for (const key of this.#ownedKeys(programmed.plan)) batch.addRow(key, programmed.row);
      }
      return batch;
    }
    const batch = new Batch(4, table === 'slots' ? SlotRowSize : 4);
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
      const desired = this.desired(table);
      const { missing, surplus } = differences(this.#store, table, desired);
      this.#store.update(table, missing);
      if (table === 'frontends') this.#store.remove(table, surplus.keys, surplus.count);
      const rows = missing.count + (table === 'frontends' ? surplus.count : 0);
      if (rows > 0) drifts.push({ table, rows });
    }
    return drifts;
  }

  #plan(service: string, plans: readonly FrontendPlan[], step: Step): void {
    const before = this.#ofService.get(service) ?? new Set();
    const now = new Set(plans.map((plan) => plan.key));
    if (now.size > 0) this.#ofService.set(service, now);
    else this.#ofService.delete(service);
    for (const key of before) if (!now.has(key)) this.#withdraw(key, step);
    for (const plan of plans) this.#place(plan, step);
  }

  #place(plan: FrontendPlan, step: Step): void {
    const ids: number[] = [];
    const full = this.#fit(plan, ids, step);
    if (full === undefined) {
      this.#unfit.delete(plan.key);
      return;
    }
    for (const id of ids) this.backends.release(id);
    this.#unfit.set(plan.key, { plan, table: full });
  }

  /** Gives the plan its place. Returns the table that has no room for it, having changed nothing but the references of `ids`. */
  #fit(plan: FrontendPlan, ids: number[], step: Step): TableName | undefined {
    const old = this.#programmed.get(plan.key);
    for (const { address, port, name } of plan.backends) {
      const backend = this.backends.hold(address, port, plan.protocol, name);
      if (!backend) return 'backends';
      backend.onRemoval = plan.onRemoval;
      ids.push(backend.id);
    }

    const owned = new Set(this.#ownedKeys(plan).map(nameOfKey));
    const keys = this.#claim(plan);
    const claimed = keys.filter((key) => !owned.has(nameOfKey(key)));
    const found = old ? undefined : this.#foundFor(plan, keys);
    const service = old?.service ?? found?.row.service ?? this.#services.take();
    if (service === undefined) return 'service_states';
    const contents = contentsOf(plan, ids);
    const before = old ? { ...old, ...old.contents } : found && this.#foundContents(found.row);
    const slots = this.#region(
      this.#slots,
      contents.slots,
      SlotRowSize,
      before && { base: before.slotBase, bytes: before.slots },
    );
    const rings = this.#region(this.#rings, contents.ring, 4, before && { base: before.ringBase, bytes: before.ring });
    const frontendsFull = this.#owners.size > this.#store.capacity('frontends');
    if (!slots || !rings || frontendsFull) {
      slots?.cancel();
      rings?.cancel();
      if (!old && !found) this.#services.release(service);
      for (const key of claimed) this.#unclaim(plan, key);
      return slots ? (rings ? 'frontends' : 'rings') : 'slots';
    }

    const place = { service, slotBase: slots.base, ringBase: rings.base };
    const row = frontendRow(plan, contents, place);
    if (slots.moved) step.slots.addArray(slots.base, contents.slots);
    if (rings.moved) step.rings.addArray(rings.base, contents.ring);
    for (const key of keys) {
      const left = this.#found.get(nameOfKey(key));
      const present = old && owned.has(nameOfKey(key)) ? old.row : left?.isCurrent ? left.bytes : undefined;
      if (present && sameBytes(present, row)) continue;
      step.frontends.addRow(key, row);
      if (left) left.isCurrent = false;
    }
    if (old) {
      for (const key of frontendKeys(old.plan)) {
        if (!keys.some((kept) => sameBytes(kept, key))) this.#disown(old.plan, key, step);
      }
    }
    step.freed.push(slots.free, rings.free);
    if (old) step.released.push(...old.ids);
    this.#programmed.set(plan.key, { plan, contents, ids, row, ...place });
    return undefined;
  }

  #withdraw(key: string, step: Step): void {
    this.#unfit.delete(key);
    const old = this.#programmed.get(key);
    if (!old) return;
    this.#programmed.delete(key);
    for (const frontend of frontendKeys(old.plan)) this.#disown(old.plan, frontend, step);
    step.released.push(...old.ids);
    step.freed.push(() => {
      this.#slots.release(old.slotBase, old.contents.slotCount);
      this.#rings.release(old.ringBase, old.contents.ring.length / 4);
      this.#leavingServices.add(old.service);
    });
  }

  /** The keys of a plan's rows that are its own from now on: of several plans the first by Service has a row. */
  #claim(plan: FrontendPlan): readonly Uint8Array[] {
    return frontendKeys(plan).filter((key) => {
      const name = nameOfKey(key);
      const owner = this.#owners.get(name);
      if (owner === plan.key) return true;
      const rival = owner === undefined ? undefined : this.#programmed.get(owner)?.plan;
      const wins = rival === undefined || plan.service < rival.service;
      const loser = wins ? rival?.key : plan.key;
      if (loser !== undefined) this.#contenders.set(name, (this.#contenders.get(name) ?? new Set()).add(loser));
      if (wins) this.#owners.set(name, plan.key);
      return wins;
    });
  }

  /** Gives claimed rows back to the plan that had them. */
  #unclaim(plan: FrontendPlan, key: Uint8Array): void {
    const name = nameOfKey(key);
    const heir = this.#heirOf(plan, key);
    if (heir === undefined) this.#owners.delete(name);
    else this.#owners.set(name, heir.plan.key);
  }

  /** Of the plans that want a row which `plan` gives up, the first by Service. */
  #heirOf(plan: FrontendPlan, key: Uint8Array): Programmed | undefined {
    const name = nameOfKey(key);
    const contenders = this.#contenders.get(name);
    if (!contenders) return undefined;
    const heirs = [...contenders].flatMap((each) => {
      const other = each === plan.key ? undefined : this.#programmed.get(each);
      return other && frontendKeys(other.plan).some((wanted) => sameBytes(wanted, key)) ? [other] : [];
    });
    const [heir] = heirs.sort((a, b) => (a.plan.service < b.plan.service ? -1 : 1));
    contenders.delete(plan.key);
    if (heir) contenders.delete(heir.plan.key);
    if (contenders.size === 0) this.#contenders.delete(name);
    return heir;
  }

  /** What an earlier agent wrote for this plan, if that is whole and no other plan took it. */
  #foundFor(plan: FrontendPlan, keys: readonly Uint8Array[]): Found | undefined {
    for (const key of keys) {
      const found = this.#found.get(nameOfKey(key));
      if (!found?.isSound || (this.#claimed.get(found.row.service) ?? plan.key) !== plan.key) continue;
      this.#claimed.set(found.row.service, plan.key);
      return found;
    }
    return undefined;
  }

  #ownedKeys(plan: FrontendPlan): readonly Uint8Array[] {
    return frontendKeys(plan).filter((key) => this.#owners.get(nameOfKey(key)) === plan.key);
  }

  /** Gives up a row; another plan that wanted the same address and port gets it, else it is removed. */
  #disown(plan: FrontendPlan, key: Uint8Array, step: Step): void {
    const name = nameOfKey(key);
    if (this.#owners.get(name) !== plan.key) return;
    this.#owners.delete(name);
    const heir = this.#heirOf(plan, key);
    if (heir) {
      this.#owners.set(name, heir.plan.key);
      step.frontends.addRow(key, heir.row);
      return;
    }
    step.removed.push(key);
  }

  /** The region as it is when it holds these bytes already, else a fresh one; undefined when there is no room. */
  #region(
    regions: Regions,
    bytes: Uint8Array,
    rowSize: number,
    before: { readonly base: number; readonly bytes: Uint8Array } | undefined,
  ):
    | { readonly base: number; readonly moved: boolean; readonly free: () => void; readonly cancel: () => void }
    | undefined {
    const nothing = (): void => undefined;
    if (before && sameBytes(before.bytes, bytes))
      return { base: before.base, moved: false, free: nothing, cancel: nothing };
    const size = bytes.length / rowSize;
    const base = regions.take(size);
    if (base === undefined) return undefined;
    return {
      base,
      moved: true,
      free: () => before && regions.release(before.base, before.bytes.length / rowSize),
      cancel: () => regions.release(base, size),
    };
  }

  #foundContents(row: FrontendRow): { slotBase: number; ringBase: number; slots: Uint8Array; ring: Uint8Array } {
    const part = (all: Uint8Array | undefined, base: number, count: number, size: number): Uint8Array =>
      all?.subarray(base * size, (base + count) * size) ?? new Uint8Array(0);
    return {
      slotBase: row.slotBase,
      ringBase: row.ringBase,
      slots: part(this.#foundSlots, row.slotBase, row.slotCount, SlotRowSize),
      ring: part(this.#foundRings, row.ringBase, row.ringSize, 4),
    };
  }

  #commit(step: Step): Applied {
    let rows = this.backends.flush();
    this.#store.update('slots', step.slots);
    this.#store.update('rings', step.rings);
    // Rows that go make room for rows that come; a row that another plan has now is switched, not removed.
    const removed = new Batch(FrontendKeySize, 1, step.removed.length + 1);
    for (const key of step.removed) if (!this.#owners.has(nameOfKey(key))) removed.addRow(key, new Uint8Array(1));
    this.#store.remove('frontends', removed.keys, removed.count);
    this.#store.update('frontends', step.frontends);
    rows += step.slots.count + step.rings.count + step.frontends.count + step.removed.length;
    for (const free of step.freed) free();
    for (const id of step.released) this.backends.release(id);
    const gone = this.backends.bury();
    if (step.freed.length > 0) this.#room = true;
    return { gone, rows: rows + gone.length };
  }
}

/** A row that an earlier agent wrote. */
interface Found {
  readonly key: Uint8Array;
  readonly row: FrontendRow;
  readonly bytes: Uint8Array;
  /** Its regions are inside the tables and nobody else's. */
  readonly isSound: boolean;
  /** The kernel still has it as it was found. */
  isCurrent: boolean;
}

/** What one `apply` writes. */
class Step {
  readonly slots = new Batch(4, SlotRowSize);
  readonly rings = new Batch(4, 4);
  readonly frontends = new Batch(FrontendKeySize, FrontendRowSize);
  readonly removed: Uint8Array[] = [];
  readonly freed: (() => void)[] = [];
  readonly released: number[] = [];
}

/** Desired rows that the store lacks or has otherwise, and rows of the store that nobody desires. */
export function differences(store: Store, table: TableName, desired: Batch): { missing: Batch; surplus: Batch } {
  const { keySize, valueSize } = desired;
  const missing = new Batch(keySize, valueSize);
  const surplus = new Batch(keySize, valueSize);
  const isArray = table !== 'frontends' && table !== 'pods' && table !== 'overrides';
  const rowAt = (bytes: Uint8Array, size: number, i: number): Uint8Array => bytes.subarray(i * size, (i + 1) * size);
  if (isArray) {
    let end = 0;
    const keys = viewOf(desired.keys);
    for (let i = 0; i < desired.count; i++) end = Math.max(end, keys.getUint32(i * 4, true) + 1);
    const present = end > 0 ? store.read(table, end) : { keys: desired.keys, values: new Uint8Array(0), count: 0 };
    for (let i = 0; i < desired.count; i++) {
      const index = keys.getUint32(i * 4, true);
      const value = rowAt(desired.values, valueSize, i);
      if (!sameBytes(rowAt(present.values, valueSize, index), value))
        missing.addRow(rowAt(desired.keys, keySize, i), value);
    }
    return { missing, surplus };
  }
  const rows = store.read(table);
  const present = new Map<string, Uint8Array>();
  for (let i = 0; i < rows.count; i++)
    present.set(nameOfKey(rowAt(rows.keys, keySize, i)), rowAt(rows.values, valueSize, i));
  for (let i = 0; i < desired.count; i++) {
    const key = rowAt(desired.keys, keySize, i);
    const value = rowAt(desired.values, valueSize, i);
    const found = present.get(nameOfKey(key));
    present.delete(nameOfKey(key));
    if (!found || !sameBytes(found, value)) missing.addRow(key, value);
  }
  for (const [name, value] of present) surplus.addRow(Buffer.from(name, 'hex'), value);
  return { missing, surplus };
}
