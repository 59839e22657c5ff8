import type { Member } from './member.js';
import { drawn, isTried, type Picker, type PickerState, type PickQuery, scanned } from './picker.js';
import type { Turns } from './turns.js';
import { WeightedRandom } from './weighted-random.js';

/** The share of the sound members that counts as cold. */
const coldQuantile = 0.84;

/** Expected latencies that differ by less are equally good: a factor, and ms. */
const tieFactor = 1.25;
const tieMs = 1;

/** A member that missed more turns than this was passed over. */
const passedOver = 4;

/**
 * Weft's own policy. The hot/cold rule of Prequal (B. Wydrowski et al., Load is not what you should balance, NSDI 2024) over all members, or some drawn ones of
 * many: hot members, whose requests in flight for their weight are above a quantile, are passed over; of the others the least expected latency wins (`Latency`),
 * and equals take turns by weight. A member whose last answer was an error is never hot, but slow.
 */
export class Adaptive implements Picker {
  readonly #members: readonly Member[];
  readonly #turns: Turns;
  readonly #state: PickerState;
  readonly #draw: WeightedRandom | undefined;
  readonly #sample: Member[] = [];
  readonly #total: number;
  #picks = 0;
  readonly #costs: Float64Array;
  readonly #loads: Float64Array;

  constructor(members: readonly Member[], turns: Turns, state: PickerState) {
    this.#members = members;
    this.#turns = turns;
    this.#state = state;
    this.#draw = members.length > scanned ? new WeightedRandom(members, state.random) : undefined;
    this.#total = members.reduce((sum, member) => sum + member.weight, 0);
    this.#picks = members.reduce((most, member) => Math.max(most, member.pickedAt), 0);
    const most = Math.min(members.length, scanned);
    this.#costs = new Float64Array(most);
    this.#loads = new Float64Array(most);
  }

  pick(query: PickQuery): Member | undefined {
    const candidates = this.#candidates(query);
    if (candidates.length === 0) return this.#draw?.pick(query);
    const limit = this.#limit(candidates, query.now);
    let best: Member | undefined;
    let bestStart = 0;
    for (let i = 0; i < candidates.length; i++) {
      if (this.#costs[i]! > limit) continue;
      const start = this.#turns.start(candidates[i]!);
      if (best !== undefined && start >= bestStart) continue;
      best = candidates[i]!;
      bestStart = start;
    }
    this.#take(best!, query.now);
    return best;
  }

  #take(member: Member, now: number): void {
    const missed = this.#missedTurns(member);
    if (missed > passedOver) member.latency.forget(now, this.#state.typical.value, missed);
    this.#turns.take(member);
    member.pickedAt = ++this.#picks;
  }

  #missedTurns(member: Member): number {
    return ((this.#picks - member.pickedAt) * member.weight) / this.#total;
  }

  #expected(member: Member, now: number): number {
    const { value, load } = this.#state.typical;
    return member.latency.expected(now, member.inFlight, value, load * member.weight, this.#missedTurns(member));
  }

  #candidates(query: PickQuery): readonly Member[] {
    if (this.#draw === undefined && query.tried.length === 0) return this.#members;
    const sample = this.#sample;
    sample.length = 0;
    if (this.#draw === undefined) {
      for (const member of this.#members) if (!isTried(member, query)) sample.push(member);
    } else {
      for (let i = 0; i < drawn; i++) {
        const member = this.#draw.draw();
        if (!isTried(member, query) && !sample.includes(member)) sample.push(member);
      }
    }
    return sample;
  }

  /** Fills `#costs` with expected latencies, infinite for hot members; returns up to what cost one is as good as the best. */
  #limit(candidates: readonly Member[], now: number): number {
    const hottest = this.#hottestCold(candidates);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < candidates.length; i++) {
      const member = candidates[i]!;
      const isHot = member.inFlight > hottest * member.weight && !member.latency.isFaulty;
      const cost = isHot ? Number.POSITIVE_INFINITY : this.#expected(member, now);
      this.#costs[i] = cost;
      if (cost < least) least = cost;
    }
    return least * tieFactor + tieMs;
  }

  /** The quantile of the sound candidates' requests in flight for their weight: hotter ones are passed over. */
  #hottestCold(candidates: readonly Member[]): number {
    const loads = this.#loads;
    let count = 0;
    for (const member of candidates) {
      if (!member.latency.isFaulty) loads[count++] = member.inFlight / member.weight;
    }
    if (count === 0) return 0;
    const rank = Math.ceil(coldQuantile * count) - 1;
    return rank === count - 1 ? Number.POSITIVE_INFINITY : loads.subarray(0, count).sort()[rank]!;
  }

  /** As the next pick would be made, in the long run of it: of many members, by weight among those as good as the best. */
  shares(now: number): readonly number[] {
    const members = this.#members;
    if (members.length === 0) return [];
    const costs = this.#draw === undefined ? this.#costs : new Float64Array(members.length);
    let limit: number;
    if (this.#draw === undefined) {
      limit = this.#limit(members, now);
    } else {
      members.forEach((member, i) => {
        costs[i] = this.#expected(member, now);
      });
      limit = costs.reduce((least, cost) => Math.min(least, cost), Number.POSITIVE_INFINITY) * tieFactor + tieMs;
    }
    const total = members.reduce((sum, member, i) => sum + (costs[i]! <= limit ? member.weight : 0), 0);
    return members.map((member, i) => (costs[i]! <= limit ? member.weight / total : 0));
  }
}
