import test from 'ava';
import fc from 'fast-check';
import { greatestCommonDivisor } from '../../agent/balance/stride.js';
import { slotsOf, weightTotal } from '../../agent/compile/slots.js';
import { pointOf, strideOf } from '../../agent/compile/stride.js';
import type { SlotRow } from '../../agent/tables/layout.gen.js';

/** The offsets of the slots met by `count` picks from `cursor` on. */
function walk(slots: readonly SlotRow[], cursor: bigint, count: number): number[] {
  const total = weightTotal(slots);
  const stride = strideOf(total);
  return Array.from({ length: count }, (_, pick) => {
    const point = pointOf(cursor + BigInt(pick), stride, total);
    return slots.findIndex((slot) => slot.cumulative > point);
  });
}

function region(weights: readonly number[]): readonly SlotRow[] {
  return slotsOf(weights.map((weight, index) => ({ backend: index + 1, weight })));
}

/** The most picks between two of the same slot, around the end too. */
function longestWait(walked: readonly number[], slot: number): number {
  const places = walked.flatMap((each, index) => (each === slot ? [index] : []));
  return Math.max(...places.map((place, index) => (places[index + 1] ?? places[0]! + walked.length) - place));
}

/** The largest |picks − share| of one slot over every start and length of a window, in picks. */
function discrepancy(walked: readonly number[], slot: number, share: number): number {
  let sum = 0;
  let low = 0;
  let high = 0;
  for (const each of [...walked, ...walked]) {
    sum += (each === slot ? 1 : 0) - share;
    low = Math.min(low, sum);
    high = Math.max(high, sum);
  }
  return high - low;
}

test('small totals', (t) => {
  t.deepEqual([0, 1, 2, 3, 4, 5, 6, 10].map(strideOf), [1, 1, 1, 2, 3, 3, 5, 7]);
});

test('coprime, within the total and near the golden ratio', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 0xffff_ffff }), (total) => {
      const stride = strideOf(total);
      const distance = Math.abs(stride - total * 0.618033988749895);
      return stride > 0 && stride < total && greatestCommonDivisor(stride, total) === 1 && distance < 17;
    }),
  );
  t.pass();
});

test('every window of `total` picks has each backend exactly weight times', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (weights, cursor) => {
        const slots = region(weights);
        const walked = walk(slots, cursor, weightTotal(slots));
        return slots.every((slot, index) => walked.filter((each) => each === index).length === slot.weight);
      },
    ),
  );
  t.pass();
});

test('5:3:2 is interleaved', (t) => {
  const walked = walk(region([5, 3, 2]), 0n, 10);
  t.deepEqual(walked, [0, 1, 0, 0, 2, 1, 0, 2, 1, 0]);
  t.deepEqual(
    [0, 1, 2].map((slot) => longestWait(walked, slot)),
    [3, 4, 7],
  );
});

test('in no window does a backend have 5 picks more or less than its share', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 20 }), (weights) => {
      const slots = region(weights);
      const total = weightTotal(slots);
      const walked = walk(slots, 0n, total);
      return slots.every((slot, index) => discrepancy(walked, index, slot.weight / total) < 5);
    }),
    { numRuns: 300 },
  );
  t.pass();
});
