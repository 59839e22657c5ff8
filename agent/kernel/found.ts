import { bufferOf, nameAt, viewOf } from '../tables/bytes.js';
import { FrontendKeySize, type FrontendRow, FrontendRowSize, readFrontendRow } from '../tables/layout.gen.js';
import type { Run } from '../tables/mirror.js';
import type { Claims } from './claims.js';
import type { Runs } from './runs.js';
import type { Services } from './services.js';
import type { Store } from './store.js';

/** A run that a row of `frontends` names. */
interface NamedRun extends Run {
  /** The id of `struct frontend.service`. */
  readonly service: number;
}

/** What an earlier agent left in a table, and how much of it nobody has taken over. */
export interface FoundCounts {
  readonly found: number;
  readonly left: number;
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
  readonly #slotRuns = new Map<number, NamedRun>();
  readonly #ringRuns = new Map<number, NamedRun>();

  constructor(store: Store, claims: Claims, services: Services, slots: Runs, rings: Runs) {
    const { keys, values, count } = store.read('frontends');
    const view = viewOf(values);
    const names = bufferOf(keys);
    const rows = bufferOf(values);
    const rowOfService = new Map<number, FrontendRow>();
    for (let i = 0; i < count; i++) {
      const name = nameAt(names, FrontendKeySize, i);
      claims.adopt(name, nameAt(rows, FrontendRowSize, i));
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
    slots.load(endOf(this.#slotRuns));
    rings.load(endOf(this.#ringRuns));
  }

  /** What was written for a plan with these keys, unless another plan took it over. */
  rowFor(plan: string, names: readonly string[]): FrontendRow | undefined {
    for (const name of names) {
      const row = this.#rows.get(name);
      if (row && (this.#services.get(row.service) ?? plan) === plan) return row;
    }
    return undefined;
  }

  /** From now on the Service's id and the row's runs are the plan's to give back. */
  takeOver(plan: string, row: FrontendRow): void {
    this.#services.set(row.service, plan);
    // A run of no rows is at 0, where another row's run may begin.
    if (row.slotCount > 0) this.#slotRuns.delete(row.slotBase);
    if (row.ringSize > 0) this.#ringRuns.delete(row.ringBase);
  }

  /** Services, and how many of them no plan took over. */
  get counts(): FoundCounts {
    let left = 0;
    for (const plan of this.#services.values()) if (plan === undefined) left++;
    return { found: this.#services.size, left };
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
function reserve(runs: Runs, named: Map<number, NamedRun>, run: NamedRun): boolean {
  if (run.size === 0) return true;
  const same = named.get(run.base);
  if (same) return same.size === run.size && same.service === run.service;
  if (!runs.adopt(run)) return false;
  named.set(run.base, run);
  return true;
}

function endOf(runs: ReadonlyMap<number, Run>): number {
  let end = 0;
  for (const { base, size } of runs.values()) end = Math.max(end, base + size);
  return end;
}
