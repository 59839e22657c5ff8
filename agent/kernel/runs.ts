import type { Batch } from '../tables/batch.js';
import { sameBytes } from '../tables/bytes.js';
import { Mirror, type Run } from '../tables/mirror.js';
import { Regions } from '../tables/regions.js';
import { repairRuns } from './differences.js';
import { type Store, valueSizeOf } from './store.js';

/** A run of no rows is at 0, where another run may begin. */
export const noRun: Run = { base: 0, size: 0 };

/** A table of runs, `slots` or `rings`: which are taken, and what is to be in them. */
export class Runs {
  readonly #store: Store;
  readonly #table: 'slots' | 'rings';
  readonly #regions: Regions;
  readonly #mirror: Mirror;

  constructor(store: Store, table: 'slots' | 'rings') {
    this.#store = store;
    this.#table = table;
    this.#regions = new Regions(store.capacity(table));
    this.#mirror = new Mirror(valueSizeOf(table));
  }

  /** Rows taken now, those that rest not counted. */
  get used(): number {
    return this.#regions.used;
  }

  /** Takes just this run, as found in the kernel. False when part of it is taken already or outside. */
  adopt({ base, size }: Run): boolean {
    return this.#regions.adopt(base, size);
  }

  /** Takes over what the store has in the first `count` rows. */
  load(count: number): void {
    if (count === 0) return;
    const rows = this.#store.read(this.#table, count);
    this.#mirror.rows(0, rows.count).set(rows.values);
  }

  /** The run from before when it holds these bytes already, else a fresh one that does; undefined when there is no room. */
  place(bytes: Uint8Array, before: Run): Run | undefined {
    const size = bytes.length / this.#mirror.rowSize;
    if (size === 0) return noRun;
    if (size === before.size && sameBytes(this.#mirror.rows(before.base, size), bytes)) return before;
    const base = this.#regions.take(size);
    if (base === undefined) return undefined;
    this.#mirror.rows(base, size).set(bytes);
    return { base, size };
  }

  /** Gives back a run that rows named; it rests before it can be taken again. */
  release({ base, size }: Run): void {
    this.#regions.release(base, size);
  }

  /** Gives back a run that no row has named. */
  cancel({ base, size }: Run): void {
    this.#regions.cancel(base, size);
  }

  /** As {@link Regions.settle}. */
  settle(): number {
    return this.#regions.settle();
  }

  /** The rows of these runs as they should be. */
  desired(runs: readonly Run[]): Batch {
    return this.#mirror.batchOf(runs);
  }

  /** Writes these runs. Returns the rows. */
  write(runs: readonly Run[]): number {
    const batch = this.#mirror.batchOf(runs);
    this.#store.update(this.#table, batch);
    return batch.count;
  }

  /** Writes what the store has otherwise in these runs. Returns the rows that differed. */
  repair(runs: readonly Run[]): number {
    return repairRuns(this.#store, this.#table, this.#mirror, runs);
  }
}
