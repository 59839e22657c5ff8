import type { Member } from './member.js';
import { isTried, type Picker, type PickQuery, weightShares } from './picker.js';
import { greatestCommonDivisor, strideOf } from './stride.js';
import { below } from './weighted-random.js';

/** Where a round robin stands, as a fraction of its round: kept while members come and go. */
export interface RoundPosition {
  fraction: number;
}

/**
 * Exact and interleaved: every window of as many picks as the reduced weights sum to visits each member exactly `weight` times. Point k of a round is
 * `(start + k·stride) mod total`, as the kernel's round robin.
 */
export class RoundRobin implements Picker {
  readonly #members: readonly Member[];
  readonly #cumulative: Float64Array;
  readonly #total: number;
  readonly #stride: number;
  readonly #position: RoundPosition;
  #point: number;

  constructor(members: readonly Member[], position: RoundPosition) {
    const divisor = members.reduce((common, member) => greatestCommonDivisor(member.weight, common), 0);
    let sum = 0;
    this.#members = members;
    this.#cumulative = Float64Array.from(members, (member) => (sum += member.weight / divisor));
    this.#total = sum;
    this.#stride = strideOf(sum);
    this.#position = position;
    this.#point = Math.min(Math.floor(position.fraction * sum), sum - 1);
  }

  pick(query: PickQuery): Member | undefined {
    for (let turn = 0; turn < 2 * this.#members.length; turn++) {
      const member = this.#next();
      if (!isTried(member, query)) return member;
    }
    return this.#members.find((member) => !isTried(member, query));
  }

  #next(): Member {
    const point = this.#point;
    const next = point + this.#stride;
    this.#point = next >= this.#total ? next - this.#total : next;
    this.#position.fraction = this.#point / this.#total;
    return this.#members[below(this.#cumulative, point)]!;
  }

  shares(): readonly number[] {
    return weightShares(this.#members);
  }
}
