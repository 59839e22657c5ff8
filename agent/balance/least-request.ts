import type { Member } from './member.js';
import { drawn, isTried, type Picker, type PickQuery, type Random, scanned } from './picker.js';
import type { Turns } from './turns.js';
import { WeightedRandom } from './weighted-random.js';

/**
 * The least requests in flight for its weight, of all members or, of many, of some drawn by weight. Equals take turns by weight.
 */
export class LeastRequest implements Picker {
  readonly #members: readonly Member[];
  readonly #turns: Turns;
  readonly #draw: WeightedRandom | undefined;

  constructor(members: readonly Member[], turns: Turns, random: Random) {
    this.#members = members;
    this.#turns = turns;
    this.#draw = members.length > scanned ? new WeightedRandom(members, random) : undefined;
  }

  pick(query: PickQuery): Member | undefined {
    let best: Member | undefined;
    if (this.#draw === undefined) {
      for (const member of this.#members) if (!isTried(member, query)) best = this.#better(best, member);
    } else {
      for (let i = 0; i < drawn; i++) {
        const member = this.#draw.draw();
        if (!isTried(member, query)) best = this.#better(best, member);
      }
      best ??= this.#draw.pick(query);
    }
    if (best !== undefined) this.#turns.take(best);
    return best;
  }

  #better(best: Member | undefined, member: Member): Member {
    if (best === undefined) return member;
    const difference = member.inFlight * best.weight - best.inFlight * member.weight;
    if (difference !== 0) return difference < 0 ? member : best;
    return this.#turns.start(member) < this.#turns.start(best) ? member : best;
  }

  /** The least loaded share the next picks by weight; of many members, each by the chance that a draw holds nobody better. */
  shares(): readonly number[] {
    const members = this.#members;
    const total = members.reduce((sum, member) => sum + member.weight, 0);
    const load = (member: Member) => member.inFlight / member.weight;
    const order = members.map((_, index) => index).sort((a, b) => load(members[a]!) - load(members[b]!));
    const shares = members.map(() => 0);
    const draws = this.#draw === undefined ? Number.POSITIVE_INFINITY : drawn;
    let left = total;
    for (let from = 0; from < order.length && left > 0; ) {
      let to = from;
      let weight = 0;
      const least = load(members[order[from]!]!);
      while (to < order.length && load(members[order[to]!]!) === least) weight += members[order[to++]!]!.weight;
      const chance = (left / total) ** draws - (Math.max(left - weight, 0) / total) ** draws;
      for (let i = from; i < to; i++) shares[order[i]!] = (chance * members[order[i]!]!.weight) / weight;
      left -= weight;
      from = to;
    }
    return shares;
  }
}
