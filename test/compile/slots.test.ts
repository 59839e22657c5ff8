import test from 'ava';
import fc from 'fast-check';
import { slotsOf, weightTotal } from '../../agent/compile/slots.js';
import type { SlotRow } from '../../agent/tables/layout.gen.js';

const weightsOf = (max: number, most: number) =>
  fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max })), { maxLength: most });

function region(weights: readonly number[]): readonly SlotRow[] {
  // Ids that neither start at 1 nor come in order.
  return slotsOf(weights.map((weight, index) => ({ backend: 1000 - index, weight })));
}

/** Points of the alias table that each slot owns, counted column by column. */
function ownedPoints(slots: readonly SlotRow[]): number[] {
  const owned = slots.map(() => 0);
  slots.forEach((column, index) => {
    owned[index]! += column.threshold;
    owned[column.alias]! += weightTotal(slots) - column.threshold;
  });
  return owned;
}

test('no backends and weights of 0 give no slots', (t) => {
  t.deepEqual(slotsOf([]), []);
  t.deepEqual(region([0, 0]), []);
  t.is(weightTotal([]), 0);
});

test('sorted by id, the common divisor divided out', (t) => {
  const slots = slotsOf([
    { backend: 9, weight: 30 },
    { backend: 4, weight: 20 },
    { backend: 7, weight: 0 },
    { backend: 2, weight: 50 },
  ]);
  t.deepEqual(
    slots.map(({ backend, weight, cumulative }) => [backend, weight, cumulative]),
    [
      [2, 5, 5],
      [4, 2, 7],
      [9, 3, 10],
    ],
  );
  t.is(weightTotal(slots), 10);
});

test('a slot for each weight above 0, in proportion', (t) => {
  fc.assert(
    fc.property(weightsOf(65_535, 80), (weights) => {
      const slots = region(weights);
      const used = weights.filter((weight) => weight > 0).reverse();
      const factor = slots.length === 0 ? 1 : used[0]! / slots[0]!.weight;
      let sum = 0;
      return (
        slots.length === used.length &&
        slots.every((slot, index) => {
          sum += slot.weight;
          return slot.weight * factor === used[index] && slot.cumulative === sum;
        }) &&
        slots.every((slot, index) => index === 0 || slot.backend > slots[index - 1]!.backend)
      );
    }),
  );
  t.pass();
});

test('the alias table gives each backend exactly N·weight of its N·total points', (t) => {
  fc.assert(
    fc.property(weightsOf(65_535, 200), (weights) => {
      const slots = region(weights);
      const total = weightTotal(slots);
      const owned = ownedPoints(slots);
      return slots.every(
        (slot, index) =>
          owned[index] === slots.length * slot.weight &&
          slot.threshold >= 0 &&
          slot.threshold <= total &&
          slot.alias >= 0 &&
          slot.alias < slots.length,
      );
    }),
  );
  t.pass();
});

test('every point of a small alias table, one by one', (t) => {
  const slots = region([5, 3, 2]);
  const hits = slots.map(() => 0);
  slots.forEach((slot, column) => {
    for (let point = 0; point < 10; point++) hits[point < slot.threshold ? column : slot.alias]!++;
  });
  t.deepEqual(hits, [6, 9, 15]);
});

test('exact with 10 000 backends of the largest weights', (t) => {
  const weights = Array.from({ length: 10_000 }, (_, index) => (index === 0 ? 65_534 : 65_535));
  const slots = slotsOf(weights.map((weight, index) => ({ backend: index + 1, weight })));
  t.is(weightTotal(slots), 655_349_999);
  t.true(ownedPoints(slots).every((points, index) => points === 10_000 * weights[index]!));
});

test('weights that do not sum to 32 bits are refused', (t) => {
  const heavy = [
    { backend: 1, weight: 0xffff_ffff },
    { backend: 2, weight: 1 },
  ];
  t.throws(() => slotsOf(heavy), { instanceOf: RangeError });
});
