import { hashText } from './hash.js';
import type { Member } from './member.js';
import { isTried, type Picker, type PickQuery, type Random } from './picker.js';

/** No ring has more points (Envoy's default of maximum_ring_size). */
const maxRingSize = 8_388_608;

/**
 * Envoy's ring hash (arch_overview/upstream/load_balancing/load_balancers, after ketama): each member has points on a ring in proportion to its weight, the smallest
 * at least one and all together at least `minimumRingSize`; a request belongs to the first point at or after its hash. The hash function is Weft's own.
 */
export class RingHash implements Picker {
  readonly #members: readonly Member[];
  readonly #random: Random;
  readonly #points: Uint32Array;
  readonly #owners: Uint32Array;

  constructor(members: readonly Member[], minimumRingSize: number, random: Random) {
    this.#members = members;
    this.#random = random;
    const total = members.reduce((sum, member) => sum + member.weight, 0);
    const least = members.reduce((lowest, member) => Math.min(lowest, member.weight), total) / total;
    const scale = Math.min(Math.ceil(least * minimumRingSize) / least, maxRingSize);
    const entries: [number, number][] = [];
    let target = 0;
    for (const [index, member] of members.entries()) {
      const before = entries.length;
      target += (scale * member.weight) / total;
      for (let point = 0; entries.length < target - 1e-6; point++)
        entries.push([hashText(`${member.address}_${point}`), index]);
      if (entries.length === before) entries.push([hashText(`${member.address}_0`), index]);
    }
    const address = (index: number) => members[index]!.address;
    entries.sort((a, b) => a[0] - b[0] || (address(a[1]) < address(b[1]) ? -1 : 1));
    this.#points = Uint32Array.from(entries, ([point]) => point);
    this.#owners = Uint32Array.from(entries, ([, owner]) => owner);
  }

  pick(query: PickQuery): Member | undefined {
    const hash = query.hash ?? Math.floor(this.#random() * 2 ** 32);
    const first = this.#at(hash);
    for (let step = 0; step < this.#owners.length; step++) {
      const member = this.#members[this.#owners[(first + step) % this.#owners.length]!]!;
      if (!isTried(member, query)) return member;
    }
    return undefined;
  }

  /** The index of the first point at or after `hash`, around the end. */
  #at(hash: number): number {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === this.#points.length ? 0 : low;
  }

  /** Of all hashes. */
  shares(): readonly number[] {
    const shares = this.#members.map(() => 0);
    let before = this.#points.at(-1)! - 2 ** 32;
    for (const [index, point] of this.#points.entries()) {
      shares[this.#owners[index]!]! += (point - before) / 2 ** 32;
      before = point;
    }
    return shares;
  }
}
