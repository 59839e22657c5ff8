import { greatestCommonDivisor } from '../balance/stride.js';
import type { SlotRow } from '../tables/layout.gen.js';

export interface WeightedBackend {
  /** The backend's id. */
  readonly backend: number;
  /** An integer ≥ 0; 0 gets no slot. */
  readonly weight: number;
}

const u32Max = 0xffff_ffff;

/**
 * The region of slots of one frontend, sorted by backend id, with the weights' greatest common divisor divided out.
 *
 * `threshold` and `alias` are Vose's alias method (M. Vose, A linear algorithm for generating random numbers with a
 * given distribution, 1991) in integers: each of the N columns has `total` points, column i keeps the points below
 * its threshold for itself and gives the rest to the slot at offset `alias`, so that backend i owns exactly N·weight
 * of the N·total points. A column drawn uniformly and a point in [0, total) drawn uniformly are an exact pick.
 *
 * Ids are distinct. Throws RangeError when the reduced weights do not sum to an unsigned 32-bit integer, which 65 537
 * backends of at most 65 535 each cannot exceed. N·total stays below 2^53 for up to 2^21 slots.
 */
export function slotsOf(weighted: readonly WeightedBackend[]): readonly SlotRow[] {
  const kept = weighted.filter((each) => each.weight > 0).sort((a, b) => a.backend - b.backend);
  if (kept.every((each) => each.weight === kept[0]!.weight)) return equalSlots(kept);
  const divisor = kept.reduce((common, each) => greatestCommonDivisor(each.weight, common), 0);
  const weights = kept.map((each) => each.weight / divisor);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total > u32Max) throw new RangeError(`the weights of ${kept.length} backends sum to ${total}, above ${u32Max}`);
  const { threshold, alias } = aliasTable(weights, total);
  let cumulative = 0;
  return kept.map(({ backend }, index) => {
    const weight = weights[index]!;
    cumulative += weight;
    return { backend, weight, cumulative, threshold: threshold[index]!, alias: alias[index]! };
  });
}

/** Nearly all regions: each column keeps all of its points. */
function equalSlots(kept: readonly WeightedBackend[]): readonly SlotRow[] {
  const total = kept.length;
  return kept.map(({ backend }, i) => ({ backend, weight: 1, cumulative: i + 1, threshold: total, alias: i }));
}

/** The sum of a region's weights: `weight_total` of its frontend, 0 without slots. */
export function weightTotal(slots: readonly Pick<SlotRow, 'cumulative'>[]): number {
  return slots.at(-1)?.cumulative ?? 0;
}

function aliasTable(weights: readonly number[], total: number): { threshold: number[]; alias: number[] } {
  const points = weights.map((weight) => weight * weights.length);
  const threshold = weights.map(() => total);
  const alias = weights.map((_, index) => index);
  const poor: number[] = [];
  const rich: number[] = [];
  points.forEach((owned, index) => {
    if (owned < total) poor.push(index);
    else if (owned > total) rich.push(index);
  });
  while (poor.length > 0) {
    const taker = poor.pop()!;
    const giver = rich.at(-1)!;
    threshold[taker] = points[taker]!;
    alias[taker] = giver;
    points[giver]! -= total - points[taker]!;
    if (points[giver]! > total) continue;
    rich.pop();
    if (points[giver]! < total) poor.push(giver);
  }
  return { threshold, alias };
}
