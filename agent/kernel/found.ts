import { viewOf } from '../tables/bytes.js';
import {
  FrontendKeySize,
  type FrontendRow,
  FrontendRowSize,
  readFrontendRow,
  SlotRowSize,
} from '../tables/layout.gen.js';
import type { Regions } from '../tables/regions.js';
import type { Claims } from './claims.js';
import { type FrontendName, nameOfKey } from './frontends.js';
import type { Services } from './services.js';
import type { Store } from './store.js';

/** A run of rows that a row of `frontends` names. */
interface Run {
  readonly base: number;
  readonly size: number;
  /** The id of `struct frontend.service`. */
  readonly service: number;
}

/**
 * What an earlier agent left in `frontends`, `slots` and `rings`. Its ids and runs are taken from the start, so that nobody else gets
 * them; plans take them over, and what no plan took is given back by `prune`.
 */
export class Found {
  /** By frontend key. Rows that contradict the tables or one another (an agent died while it wrote) are not here. */
  readonly #rows = new Map<string, FrontendRow>();
  /** The plan that took over a Service's id, or undefined. */
  readonly #services = new Map<number, string | undefined>();
  readonly #slotRuns = new Map<number, Run>();
  readonly #ringRuns = new Map<number, Run>();
  readonly #slots: Uint8Array;
  readonly #rings: Uint8Array;

  constructor(store: Store, claims: Claims, services: Services, slots: Regions, rings: Regions) {
    const { keys, values, count } = store.read('frontends');
    const view = viewOf(values);
    const rowOfService = new Map<number, FrontendRow>();
    for (let i = 0; i < count; i++) {
      const key = keys.slice(i * FrontendKeySize, (i + 1) * FrontendKeySize);
      const name = nameOfKey(key);
      claims.adopt({ name, key }, values.slice(i * FrontendRowSize, (i + 1) * FrontendRowSize));
      const row = readFrontendRow(view, i * FrontendRowSize);
      if (services.adopt(row.service)) this.#services.set(row.service, undefined);
      const hasSlots = reserve(slots, this.#slotRuns, {
        base: row.slotBase,
        size: row.slotCount,
        service: row.service,
      });
      const hasRing = reserve(rings, this.#ringRuns, { base: row.ringBase, size: row.ringSize, service: row.service });
      if (!hasSlots || !hasRing || !this.#services.has(row.service)) continue;
      // The rows of one Service lead to the same contents.
      const first = rowOfService.get(row.service) ?? row;
      rowOfService.set(row.service, first);
      if (row.slotBase === first.slotBase && row.ringBase === first.ringBase) this.#rows.set(name, row);
    }
    this.#slots = readUpTo(store, 'slots', this.#slotRuns);
    this.#rings = readUpTo(store, 'rings', this.#ringRuns);
  }

  /** What was written for a plan with these keys, unless another plan took it over. */
  rowFor(plan: string, names: readonly FrontendName[]): FrontendRow | undefined {
    for (const { name } of names) {
      const row = this.#rows.get(name);
      if (row && (this.#services.get(row.service) ?? plan) === plan) return row;
    }
    return undefined;
  }

  /** What is in the row's runs. */
  contentsOf(row: FrontendRow): { readonly slots: Uint8Array; readonly ring: Uint8Array } {
    const { slotBase, slotCount, ringBase, ringSize } = row;
    return {
      slots: this.#slots.subarray(slotBase * SlotRowSize, (slotBase + slotCount) * SlotRowSize),
      ring: this.#rings.subarray(ringBase * 4, (ringBase + ringSize) * 4),
    };
  }

  /** From now on the Service's id and the row's runs are the plan's to give back. */
  takeOver(plan: string, row: FrontendRow): void {
    this.#services.set(row.service, plan);
    // A run of no rows is at 0, where another row's run may begin.
    if (row.slotCount > 0) this.#slotRuns.delete(row.slotBase);
    if (row.ringSize > 0) this.#ringRuns.delete(row.ringBase);
  }

  /** What no plan took over. */
  leftovers(): {
    readonly services: readonly number[];
    readonly slots: readonly Run[];
    readonly rings: readonly Run[];
  } {
    const services = [...this.#services].filter(([, plan]) => plan === undefined).map(([service]) => service);
    return { services, slots: [...this.#slotRuns.values()], rings: [...this.#ringRuns.values()] };
  }
}

/** Takes a run, unless this Service has it already. False when part of it is another's or outside the table. */
function reserve(regions: Regions, runs: Map<number, Run>, run: Run): boolean {
  if (run.size === 0) return true;
  const same = runs.get(run.base);
  if (same) return same.size === run.size && same.service === run.service;
  if (!regions.adopt(run.base, run.size)) return false;
  runs.set(run.base, run);
  return true;
}

function readUpTo(store: Store, table: 'slots' | 'rings', runs: ReadonlyMap<number, Run>): Uint8Array {
  let end = 0;
  for (const { base, size } of runs.values()) end = Math.max(end, base + size);
  return end > 0 ? store.read(table, end).values : new Uint8Array(0);
}
