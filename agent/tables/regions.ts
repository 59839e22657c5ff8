interface Extent {
  base: number;
  size: number;
}

/**
 * Which parts of a flat array are taken: runs of rows by first fit over a sorted list of free extents.
 * A freed run rests until it has seen two calls of `settle`, because a program that started before the switch may still read it.
 */
export class Regions {
  readonly capacity: number;
  /** By base; no two touch. */
  #free: Extent[];
  /** Released since the last `settle`, and before it. */
  #resting: Extent[] = [];
  #rested: Extent[] = [];
  #used = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#free = capacity > 0 ? [{ base: 0, size: capacity }] : [];
  }

  /** Rows taken now, the resting ones not counted. */
  get used(): number {
    return this.#used;
  }

  /** The first row of a run of `size` rows, or undefined when there is no room. A run of 0 rows is at 0. */
  take(size: number): number | undefined {
    if (size === 0) return 0;
    const index = this.#free.findIndex((extent) => extent.size >= size);
    const extent = this.#free[index];
    if (!extent) return undefined;
    const { base } = extent;
    extent.base += size;
    extent.size -= size;
    if (extent.size === 0) this.#free.splice(index, 1);
    this.#used += size;
    return base;
  }

  /** Takes just this run, as found in the kernel. False when part of it is taken already or outside. */
  adopt(base: number, size: number): boolean {
    if (size === 0) return true;
    const index = this.#lastUpTo(base);
    const extent = this.#free[index];
    if (!extent || base + size > extent.base + extent.size) return false;
    const before = { base: extent.base, size: base - extent.base };
    const after = { base: base + size, size: extent.base + extent.size - base - size };
    this.#free.splice(index, 1, ...[before, after].filter((part) => part.size > 0));
    this.#used += size;
    return true;
  }

  /** Gives a run back; it can be taken again after two calls of `settle`. */
  release(base: number, size: number): void {
    if (size === 0) return;
    this.#used -= size;
    this.#resting.push({ base, size });
  }

  /** Gives back a run that no program has seen; it can be taken at once. */
  cancel(base: number, size: number): void {
    if (size === 0) return;
    this.#used -= size;
    this.#give([{ base, size }]);
  }

  /**
   * Makes those runs available that were released before the last call. To be called at intervals that are longer than a program runs.
   * Returns the rows made available.
   */
  settle(): number {
    const rested = this.#rested;
    this.#rested = this.#resting;
    this.#resting = [];
    if (rested.length === 0) return 0;
    this.#give(rested);
    return rested.reduce((rows, { size }) => rows + size, 0);
  }

  /** Index of the last free extent that starts at `base` or before; -1 for none. */
  #lastUpTo(base: number): number {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle]!.base <= base) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #give(runs: readonly Extent[]): void {
    const joined: Extent[] = [];
    for (const extent of [...this.#free, ...runs].sort((a, b) => a.base - b.base)) {
      const last = joined.at(-1);
      if (last && last.base + last.size === extent.base) last.size += extent.size;
      else joined.push({ ...extent });
    }
    this.#free = joined;
  }
}
