interface Extent {
  base: number;
  size: number;
}

/**
 * Which parts of a flat array are taken: runs of rows by first fit over a sorted list of free extents.
 * A freed run rests until `settle`, because a program that started before the switch may still read it.
 */
export class Regions {
  readonly capacity: number;
  #free: Extent[];
  #resting: Extent[] = [];
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
    for (let i = 0; i < this.#free.length; i++) {
      const extent = this.#free[i]!;
      if (extent.size < size) continue;
      const base = extent.base;
      extent.base += size;
      extent.size -= size;
      if (extent.size === 0) this.#free.splice(i, 1);
      this.#used += size;
      return base;
    }
    return undefined;
  }

  /** Takes just this run, as found in the kernel. False when part of it is taken already or outside. */
  adopt(base: number, size: number): boolean {
    if (size === 0) return true;
    const index = this.#free.findIndex((extent) => extent.base <= base && base + size <= extent.base + extent.size);
    const extent = this.#free[index];
    if (!extent) return false;
    const before = { base: extent.base, size: base - extent.base };
    const after = { base: base + size, size: extent.base + extent.size - base - size };
    this.#free.splice(index, 1, ...[before, after].filter((part) => part.size > 0));
    this.#used += size;
    return true;
  }

  /** Gives a run back; it can be taken again after the next `settle`. */
  release(base: number, size: number): void {
    if (size === 0) return;
    this.#used -= size;
    this.#resting.push({ base, size });
  }

  /** Makes the resting runs available. To be called when no program can be reading them any more. */
  settle(): void {
    for (const run of this.#resting) this.#insert(run);
    this.#resting = [];
  }

  #insert(run: Extent): void {
    const free = this.#free;
    let low = 0;
    let high = free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (free[middle]!.base < run.base) low = middle + 1;
      else high = middle;
    }
    free.splice(low, 0, { ...run });
    this.#join(low);
    if (low > 0) this.#join(low - 1);
  }

  #join(index: number): void {
    const left = this.#free[index]!;
    const right = this.#free[index + 1];
    if (!right || left.base + left.size !== right.base) return;
    left.size += right.size;
    this.#free.splice(index + 1, 1);
  }
}
