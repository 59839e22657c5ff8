import { hashText } from './hash.js';

export interface RingBackend {
  /** Stable over restarts and equal on all nodes: `ADDRESS:PORT`. Distinct in a ring. */
  readonly name: string;
  /** The backend's id. */
  readonly backend: number;
  /** An integer ≥ 0; 0 gets no entries. */
  readonly weight: number;
}

/** The largest prime below each power of two from 2^10, so that a Service changes size seldom as it grows. */
const defaultSizes: readonly number[] = [1021, 2039, 4093, 8191, 16_381, 32_749, 65_521, 131_071];

/** A table size for n backends that nobody chose one for: at least 100 entries a backend up to 1310, and 131071 above. */
export function tableSizeFor(backends: number): number {
  return defaultSizes.find((size) => size >= 100 * backends) ?? defaultSizes.at(-1)!;
}

/**
 * The look-up table of Maglev hashing (D. Eisenbud et al., Maglev: A Fast and Reliable Software Network Load
 * Balancer, NSDI 2016, section 3.4): `size` (a prime) backend ids, of which each backend has a share by its weight.
 *
 * Backends take turns in claiming the next free entry of their own permutation. With weights, the k-th turn of a
 * backend (from 0) comes at time k/weight, ties by name: equal weights give the paper's table, every backend has an entry
 * while there are entries, and taking one away does not reorder the turns of the others. Depends on names and weights
 * only, not on the order given. Empty when no backend has a weight.
 */
export function ringOf(backends: readonly RingBackend[], size: number): Uint32Array {
  const members = backends.filter((each) => each.weight > 0).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (members.length === 0) return new Uint32Array(0);
  const next = Int32Array.from(members, ({ name }) => hashText(name, offsetSeed) % size);
  const skip = Int32Array.from(members, ({ name }) => 1 + (hashText(name, skipSeed) % (size - 1)));
  const ids = Uint32Array.from(members, (each) => each.backend);
  const ring = new Uint32Array(size);
  const isTaken = new Uint8Array(size); // the ring's own rows are four times the cache
  const even = members.every((each) => each.weight === members[0]!.weight);
  const turns = new Turns(Float64Array.from(members, (each) => each.weight));
  for (let filled = 0; filled < size; filled++) {
    const member = even ? filled % members.length : turns.take();
    const step = skip[member]!;
    let entry = next[member]!;
    while (isTaken[entry] === 1) {
      entry += step;
      if (entry >= size) entry -= size;
    }
    isTaken[entry] = 1;
    ring[entry] = ids[member]!;
    entry += step;
    next[member] = entry >= size ? entry - size : entry;
  }
  return ring;
}

/** Whose turn it is: a binary heap of members by (turns taken)/weight, then by index. */
class Turns {
  readonly #weight: Float64Array;
  readonly #taken: Float64Array;
  readonly #heap: Int32Array;

  constructor(weight: Float64Array) {
    this.#weight = weight;
    this.#taken = new Float64Array(weight.length);
    this.#heap = Int32Array.from(weight, (_, index) => index);
  }

  take(): number {
    const heap = this.#heap;
    const member = heap[0]!;
    this.#taken[member]!++;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#before(heap[child]!, member)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = member;
    return member;
  }

  #before(a: number, b: number): boolean {
    const left = this.#taken[a]! * this.#weight[b]!;
    const right = this.#taken[b]! * this.#weight[a]!;
    return left < right || (left === right && a < b);
  }
}

const offsetSeed = 0x811c_9dc5;
const skipSeed = 0x9747_b28c;
