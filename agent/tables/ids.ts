/** Numbers from 1 to `capacity - 1` (they index arrays; 0 is nobody), the lowest never used first. */
export class Ids {
  readonly capacity: number;
  #next = 1;
  #free: number[] = [];
  readonly #taken = new Set<number>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get used(): number {
    return this.#taken.size;
  }

  /** A free id, or undefined when all are taken. */
  take(): number | undefined {
    let id = this.#free.pop();
    while (id !== undefined && this.#taken.has(id)) id = this.#free.pop();
    if (id === undefined) {
      while (this.#taken.has(this.#next)) this.#next++;
      if (this.#next >= this.capacity) return undefined;
      id = this.#next++;
    }
    this.#taken.add(id);
    return id;
  }

  /** Takes just this id, as found in the kernel. False when it is taken or out of range. */
  adopt(id: number): boolean {
    if (id < 1 || id >= this.capacity || this.#taken.has(id)) return false;
    this.#taken.add(id);
    return true;
  }

  release(id: number): void {
    if (this.#taken.delete(id) && id < this.#next) this.#free.push(id);
  }
}
