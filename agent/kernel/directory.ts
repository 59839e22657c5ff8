/** Ids of backends by address and door (a port and protocol as one number). Most addresses have one door, so that a map of addresses alone finds nearly all. */
export class Directory {
  readonly #doorOf: (id: number) => number;
  readonly #first = new Map<string, number>();
  /** Further doors of an address. */
  readonly #others = new Map<string, Map<number, number>>();
  #count = 0;

  /** `doorOf` tells the door of an id that is in here. */
  constructor(doorOf: (id: number) => number) {
    this.#doorOf = doorOf;
  }

  get count(): number {
    return this.#count;
  }

  get(address: string, door: number): number | undefined {
    const first = this.#first.get(address);
    if (first === undefined || this.#doorOf(first) === door) return first;
    return this.#others.get(address)?.get(door);
  }

  /** In place of the one it has there. */
  set(address: string, door: number, id: number): void {
    const first = this.#first.get(address);
    if (first === undefined || this.#doorOf(first) === door) {
      this.#first.set(address, id);
      if (first === undefined) this.#count++;
      return;
    }
    const others = this.#others.get(address) ?? new Map<number, number>();
    if (!others.has(door)) this.#count++;
    this.#others.set(address, others.set(door, id));
  }

  /** Nothing happens when it has another one there. */
  delete(address: string, door: number, id: number): void {
    if (this.get(address, door) !== id) return;
    this.#count--;
    const others = this.#others.get(address);
    if (this.#first.get(address) !== id) {
      others!.delete(door);
    } else {
      const next = others?.entries().next().value;
      if (next) {
        this.#first.set(address, next[1]);
        others!.delete(next[0]);
      } else {
        this.#first.delete(address);
      }
    }
    if (others?.size === 0) this.#others.delete(address);
  }
}
