import type { Catalog } from './catalog.js';
import { latestChanges } from './changes.js';
import {
  type Difference,
  differenceOf,
  type Enrolled,
  type Population,
  populationOf,
  populations,
  sizeOf,
} from './membership.js';
import { type Change, type Kind, keyOf, type MeshObject } from './mesh.js';

/** Something vanished and is kept in effect all the same. */
export interface Held {
  readonly kind: Kind;
  /** NS/NAME. */
  readonly key: string;
  /** ms of the caller's clock: when it vanished, and when that is believed. */
  readonly since: number;
  readonly until: number;
}

export interface Braked {
  /** What to apply now, in order. */
  readonly apply: readonly Change[];
  /** All that is held now. */
  readonly held: readonly Held[];
  /** When to call again, with no changes if there are none; undefined when nothing is held. */
  readonly wakeAt: number | undefined;
}

export interface BrakeOptions {
  readonly enrolled: Enrolled;
  /** Losses within this many ms count together. Default: 10 000. */
  readonly window?: number;
  /** How long what vanished is held, in ms. Default: 30 000. */
  readonly hold?: number;
  /** A deletion may arrive in pieces: losses believed at most this many ms ago are taken back. Default: 2 000. */
  readonly burst?: number;
}

/** A change that takes something away. */
interface Reduction {
  readonly identity: string;
  readonly change: Change;
  /** Puts back what was there. */
  readonly undo: Change;
  /** Names of the members lost. */
  readonly lost: readonly string[];
  readonly at: number;
}

interface Hold extends Held {
  readonly reduction: Reduction;
}

/**
 * The mass-delete brake: when within 10 s more than half of at least three Services, backends or enrolled Pods would
 * vanish, what vanished is held for 30 s; if it is still gone then, that is believed. A backend is an endpoint of a
 * Service's EndpointSlices, or a Pod that a Service without slices selects. Members that were replaced by as many new
 * ones in the same time are no loss. What comes back is no longer held. Pure: time is passed in.
 */
export class Brake {
  readonly #enrolled: Enrolled;
  readonly #window: number;
  readonly #hold: number;
  readonly #burst: number;
  /** When each member was lost or gained: those within the window, and all that are held. */
  readonly #lost = new Map<string, number>();
  readonly #gained = new Map<string, number>();
  /** By identity (`KIND NS/NAME`). */
  readonly #held = new Map<string, Hold>();
  /** Reductions let through within the burst time. */
  #believed: readonly Reduction[] = [];

  constructor(options: BrakeOptions) {
    this.#enrolled = options.enrolled;
    this.#window = options.window ?? 10_000;
    this.#hold = options.hold ?? 30_000;
    this.#burst = options.burst ?? 2_000;
  }

  /**
   * What of `changes` may be applied to `catalog`, which has everything that earlier calls let through and nothing
   * else. `now` is a monotonic time in ms.
   */
  filter(changes: readonly Change[], catalog: Catalog, now: number): Braked {
    if (catalog.empty) return { apply: changes, held: [], wakeAt: undefined };
    const apply = this.#release(now);
    this.#forget(now);
    const batch = latestChanges(changes);
    const earlier = this.#reopen(batch);
    const differences = new Map<string, Difference>();
    for (const [identity, change] of batch) differences.set(identity, this.#difference(change, catalog));
    const gained = new Set<string>();
    for (const difference of differences.values()) for (const name of difference.gained) gained.add(name);
    this.#gain(gained, now);
    const reductions: Reduction[] = [];
    for (const [identity, change] of batch) {
      // An endpoint that moves from one slice to another in a batch is not lost.
      const lost = differences.get(identity)!.lost.filter((name) => !gained.has(name));
      this.#lose(lost, now);
      const before = present(change, catalog);
      if (before === undefined || (change.type === 'put' && lost.length === 0)) apply.push(change);
      else reductions.push({ identity, change, undo: { type: 'put', object: before }, lost, at: now });
    }
    if (this.#tooMuch(reductions, catalog)) {
      this.#takeBack(apply, batch, catalog, now);
      for (const reduction of reductions) this.#keep(reduction, now, earlier.get(reduction.identity));
    } else {
      for (const reduction of reductions) apply.push(reduction.change);
      this.#believed = [...this.#believed, ...reductions];
    }
    return { apply, held: this.#show(), wakeAt: this.#wakeAt() };
  }

  /** Changes whose time is up; their losses no longer count. */
  #release(now: number): Change[] {
    const released: Change[] = [];
    for (const [identity, { until, reduction }] of this.#held) {
      if (now < until) continue;
      this.#held.delete(identity);
      for (const name of reduction.lost) this.#lost.delete(name);
      released.push(reduction.change);
    }
    return released;
  }

  #forget(now: number): void {
    const held = new Set<string>();
    for (const { reduction } of this.#held.values()) for (const name of reduction.lost) held.add(name);
    for (const [name, at] of this.#lost) if (now - at > this.#window && !held.has(name)) this.#lost.delete(name);
    for (const [name, at] of this.#gained) if (now - at > this.#window) this.#gained.delete(name);
    if (this.#believed.length > 0) this.#believed = this.#believed.filter(({ at }) => now - at <= this.#burst);
  }

  /** Takes the holds of these objects back: their new state is judged afresh. */
  #reopen(batch: ReadonlyMap<string, Change>): ReadonlyMap<string, Hold> {
    const reopened = new Map<string, Hold>();
    if (this.#held.size === 0) return reopened;
    for (const identity of batch.keys()) {
      const hold = this.#held.get(identity);
      if (hold === undefined) continue;
      this.#held.delete(identity);
      reopened.set(identity, hold);
      for (const name of hold.reduction.lost) this.#lost.delete(name);
    }
    return reopened;
  }

  #difference(change: Change, catalog: Catalog): Difference {
    const after = change.type === 'put' ? change.object : undefined;
    return differenceOf(present(change, catalog), after, catalog, this.#enrolled);
  }

  #gain(names: ReadonlySet<string>, now: number): void {
    for (const name of names) if (!this.#lost.delete(name)) this.#gained.set(name, now);
  }

  #lose(names: readonly string[], now: number): void {
    for (const name of names) {
      this.#gained.delete(name);
      this.#lost.set(name, now);
    }
  }

  /** Whether one of the reductions is of a population that has lost more than half of what it would have. */
  #tooMuch(reductions: readonly Reduction[], catalog: Catalog): boolean {
    const concerned = new Set<Population>();
    const standing = new Set<string>();
    for (const { lost } of reductions) {
      for (const name of lost) {
        standing.add(name);
        if (this.#lost.has(name)) concerned.add(populationOf(name));
      }
    }
    if (concerned.size === 0) return false;
    for (const { reduction } of this.#held.values()) for (const name of reduction.lost) standing.add(name);
    return populations.some((each) => concerned.has(each) && this.#halved(each, standing, catalog));
  }

  /** `standing`: the losses that the catalog still has. */
  #halved(population: Population, standing: ReadonlySet<string>, catalog: Catalog): boolean {
    let lost = 0;
    let believed = 0;
    for (const name of this.#lost.keys()) {
      if (populationOf(name) !== population) continue;
      lost++;
      if (!standing.has(name)) believed++;
    }
    for (const name of this.#gained.keys()) if (populationOf(name) === population) lost--;
    if (lost < 2) return false;
    const total = believed + sizeOf(population, catalog, this.#enrolled, 2 * lost);
    return total >= 3 && lost * 2 > total;
  }

  /** Puts back what vanished a moment ago, when it is still gone: it was the first piece of the same deletion. */
  #takeBack(apply: Change[], batch: ReadonlyMap<string, Change>, catalog: Catalog, now: number): void {
    for (const reduction of this.#believed) {
      const { identity, change, undo } = reduction;
      if (this.#held.has(identity) || batch.has(identity)) continue;
      if (present(undo, catalog) !== (change.type === 'put' ? change.object : undefined)) continue;
      apply.push(undo);
      this.#keep(reduction, now, undefined);
    }
    this.#believed = [];
  }

  #keep(reduction: Reduction, now: number, earlier: Hold | undefined): void {
    const { change } = reduction;
    this.#held.set(reduction.identity, {
      kind: change.type === 'put' ? change.object.kind : change.kind,
      key: change.type === 'put' ? keyOf(change.object) : change.key,
      since: earlier?.since ?? reduction.at,
      until: earlier?.until ?? now + this.#hold,
      reduction,
    });
  }

  #show(): readonly Held[] {
    if (this.#held.size === 0) return [];
    return [...this.#held.values()].map(({ kind, key, since, until }) => ({ kind, key, since, until }));
  }

  #wakeAt(): number | undefined {
    let first: number | undefined;
    for (const { until } of this.#held.values()) first = Math.min(first ?? until, until);
    return first;
  }
}

/** The object of a change as the catalog has it. */
function present(change: Change, catalog: Catalog): MeshObject | undefined {
  return change.type === 'put'
    ? catalog.object(change.object.kind, keyOf(change.object))
    : catalog.object(change.kind, change.key);
}
