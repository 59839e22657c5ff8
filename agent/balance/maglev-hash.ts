import { ringOf } from './maglev.js';
import type { Member } from './member.js';
import { isTried, type Picker, type PickQuery, type Random } from './picker.js';

/** Maglev hashing over a table of `tableSize` (a prime) entries. A member that was tried leaves its entries to the members of the entries behind them. */
export class MaglevHash implements Picker {
  readonly #members: readonly Member[];
  readonly #random: Random;
  readonly #table: Uint32Array;

  constructor(members: readonly Member[], tableSize: number, random: Random) {
    this.#members = members;
    this.#random = random;
    const backends = members.map((member, index) => ({ name: member.address, backend: index, weight: member.weight }));
    this.#table = ringOf(backends, tableSize);
  }

  pick(query: PickQuery): Member | undefined {
    const size = this.#table.length;
    const first = query.hash === undefined ? Math.floor(this.#random() * size) : query.hash % size;
    for (let step = 0; step < size; step++) {
      const member = this.#members[this.#table[(first + step) % size]!]!;
      if (!isTried(member, query)) return member;
    }
    return undefined;
  }

  /** Of all hashes. */
  shares(): readonly number[] {
    const shares = this.#members.map(() => 0);
    for (const member of this.#table) shares[member]!++;
    return shares.map((entries) => entries / this.#table.length);
  }
}
