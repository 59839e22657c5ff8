import type { Member } from './member.js';
import { isTried, type Picker, type PickQuery, type Random, weightShares } from './picker.js';

/** Each pick by weight, whatever came before. Weights are integers that sum to less than 2^53: the bias is below 2^-53 a draw. */
export class WeightedRandom implements Picker {
  readonly #members: readonly Member[];
  readonly #cumulative: Float64Array;
  readonly #random: Random;

  constructor(members: readonly Member[], random: Random) {
    let sum = 0;
    this.#members = members;
    this.#cumulative = Float64Array.from(members, (member) => (sum += member.weight));
    this.#random = random;
  }

  pick(query: PickQuery): Member | undefined {
    if (query.tried.length === 0) return this.draw();
    const left = this.#members.filter((member) => !isTried(member, query));
    return left.length === 0 ? undefined : new WeightedRandom(left, this.#random).draw();
  }

  draw(): Member {
    const cumulative = this.#cumulative;
    return this.#members[below(cumulative, Math.floor(this.#random() * cumulative.at(-1)!))]!;
  }

  shares(): readonly number[] {
    return weightShares(this.#members);
  }
}

/** The first index whose cumulative weight is above `point`. */
export function below(cumulative: Float64Array, point: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
