import test from 'ava';
import fc from 'fast-check';
import { type RingBackend, ringOf, sourceHash, tableSizeFor } from '../../agent/compile/maglev.js';
import { writeAddress } from '../../agent/tables/address.js';

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value > 1;
}

function fleet(count: number, weight: (index: number) => number = () => 1): readonly RingBackend[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `10.0.${index >> 8}.${index & 255}:8080`,
    backend: index + 1,
    weight: weight(index),
  }));
}

function shares(ring: Uint32Array): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const backend of ring) counts.set(backend, (counts.get(backend) ?? 0) + 1);
  return counts;
}

function moved(before: Uint32Array, after: Uint32Array): number {
  return before.reduce((count, backend, entry) => count + (backend === after[entry] ? 0 : 1), 0) / before.length;
}

test('table sizes are primes of at least 100 entries a backend, up to 131071', (t) => {
  t.deepEqual(
    [0, 1, 10, 11, 100, 655, 656, 1310, 10_000].map(tableSizeFor),
    [1021, 1021, 1021, 2039, 16_381, 65_521, 131_071, 131_071, 131_071],
  );
  t.true([1, 11, 30, 50, 100, 200, 400, 1000].every((count) => isPrime(tableSizeFor(count))));
});

test('no backend, no ring', (t) => {
  t.is(ringOf([], 1021).length, 0);
  t.is(
    ringOf(
      fleet(3, () => 0),
      1021,
    ).length,
    0,
  );
});

test('equal weights differ by one entry at most, whatever the order they are given in', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.constantFrom(1021, 2039), (count, size) => {
      const ring = ringOf(fleet(count), size);
      const counts = [...shares(ring).values()];
      const again = ringOf([...fleet(count)].reverse(), size);
      return counts.length === count && Math.max(...counts) - Math.min(...counts) <= 1 && moved(ring, again) === 0;
    }),
    { numRuns: 50 },
  );
  t.pass();
});

test('entries follow the weights within a hundredth of the table, and weight 0 has none', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 10 }), (weights) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const counts = shares(
        ringOf(
          fleet(weights.length, (index) => weights[index]!),
          1021,
        ),
      );
      return weights.every((weight, index) => {
        const share = (counts.get(index + 1) ?? 0) / 1021;
        return total === 0 || (weight === 0 ? share === 0 : share > 0 && Math.abs(share - weight / total) < 0.01);
      });
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test('a multiple of all weights is the same ring', (t) => {
  const ring = ringOf(
    fleet(7, (index) => index + 1),
    2039,
  );
  t.is(
    moved(
      ring,
      ringOf(
        fleet(7, (index) => 12 * (index + 1)),
        2039,
      ),
    ),
    0,
  );
});

test('when one of ten backends leaves, at most 1.5/10 of the entries move', (t) => {
  for (const size of [1021, 2039, 65_537]) {
    const all = fleet(10);
    const ring = ringOf(all, size);
    const worst = Math.max(
      ...all.map((gone) =>
        moved(
          ring,
          ringOf(
            all.filter((each) => each !== gone),
            size,
          ),
        ),
      ),
    );
    t.true(worst <= 0.15, `${size}: ${worst}`);
    t.log(`M = ${size}: ${(worst * 100).toFixed(1)} % move`);
  }
});

test('the hash of a source is of its mapped form', (t) => {
  t.is(sourceHash('10.0.0.1'), sourceHash('::ffff:10.0.0.1'));
  t.is(sourceHash('fd00::1'), sourceHash('fd00:0:0:0::1'));
});

test('the hash of a source is FNV-1a then fmix32, against a slow BigInt model', (t) => {
  const mask = 0xffff_ffffn;
  const slow = (address: string): number => {
    const bytes = new Uint8Array(16);
    writeAddress(address, bytes, 0);
    let hash = 0x811c9dc5n;
    for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & mask;
    hash = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) & mask;
    hash = ((hash ^ (hash >> 13n)) * 0xc2b2ae35n) & mask;
    return Number(hash ^ (hash >> 16n));
  };
  fc.assert(
    fc.property(fc.ipV6(), fc.ipV4(), (six, four) => [six, four].every((each) => sourceHash(each) === slow(each))),
  );
  t.pass();
});

test('neighbouring addresses spread over the table', (t) => {
  const hits = new Array<number>(16).fill(0);
  for (let host = 0; host < 4096; host++) hits[(sourceHash(`10.0.${host >> 8}.${host & 255}`) % 1021) & 15]!++;
  // 15 degrees of freedom: above 52 is a chance of 5e-6.
  t.true(hits.reduce((sum, count) => sum + (count - 256) ** 2 / 256, 0) < 52);
});
