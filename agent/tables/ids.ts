/** Numbers from 1 to `capacity - 1` (they index arrays; 0 is nobody), the lowest never used first. */
export class Ids {
  readonly capacity: number;
  readonly #taken: Uint8Array;
  /** Given back; may name ids that were adopted since. */
  readonly #free: number[] = [];
  #next = 1;
  #used = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#taken = new Uint8Array(capacity);
  }

  get used(): number {
    return this.#used;
  }

  /** A free id, or undefined when all are taken. */
  take(): number | undefined {
    let id = this.#free.pop();
    while (id !== undefined && this.#taken[id] === 1) id = this.#free.pop();
    if (id === undefined) {
      while (this.#taken[this.#next] === 1) this.#next++;
      if (this.#next >= this.capacity) return undefined;
      id = this.#next++;
    }
    this.#taken[id] = 1;
    this.#used++;
    return id;
  }

  /** Takes just this id, as found in the kernel. False when it is taken or out of range. */
  adopt(id: number): boolean {
    if (id < 1 || id >= this.capacity || this.#taken[id] === 1) return false;
    this.#taken[id] = 1;
    this.#used++;
    return true;
  }

  release(id: number): void {
    if (this.#taken[id] !== 1) return;
    this.#taken[id] = 0;
    this.#used--;
    if (id < this.#next) this.#free.push(id);
  }
}
