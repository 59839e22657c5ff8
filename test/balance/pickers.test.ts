import test from 'ava';
import fc from 'fast-check';
import { hashText } from '../../agent/balance/hash.js';
import { LeastRequest } from '../../agent/balance/least-request.js';
import { MaglevHash } from '../../agent/balance/maglev-hash.js';
import type { Member } from '../../agent/balance/member.js';
import type { Picker } from '../../agent/balance/picker.js';
import { RingHash } from '../../agent/balance/ring-hash.js';
import { RoundRobin } from '../../agent/balance/round-robin.js';
import { Turns } from '../../agent/balance/turns.js';
import { WeightedRandom } from '../../agent/balance/weighted-random.js';
import { chiSquareP } from '../bpf/chi-square.js';
import { members, seeded } from './endpoints.js';

const any = { hash: undefined, tried: [], now: 0 };
const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });

const divisor = (values: readonly number[]): number =>
  values.reduce((a, b) => {
    while (b !== 0) [a, b] = [b, a % b];
    return a;
  });

function picks(picker: Picker, count: number): Member[] {
  return Array.from({ length: count }, () => picker.pick(any)!);
}

function counts(all: readonly Member[], picked: readonly Member[]): number[] {
  return all.map((member) => picked.filter((each) => each === member).length);
}

test('round robin: every window of the reduced weights’ sum is exact, wherever it begins', (t) => {
  fc.assert(
    fc.property(weights, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (given, fraction) => {
      const all = members(given);
      const reduced = given.map((weight) => weight / divisor(given));
      const round = reduced.reduce((sum, weight) => sum + weight, 0);
      const picked = picks(new RoundRobin(all, { fraction }), 3 * round);
      for (let start = 0; start <= 2 * round; start++) {
        t.deepEqual(counts(all, picked.slice(start, start + round)), reduced);
      }
    }),
    { numRuns: 60 },
  );
});

test('round robin goes on where it was when members come and go', (t) => {
  const position = { fraction: 0 };
  const [a, b, c] = members([1, 1, 1]) as [Member, Member, Member];
  const first = picks(new RoundRobin([a, b, c], position), 1)[0];
  const next = picks(new RoundRobin([a, b, c], position), 2);
  t.is(new Set([first, ...next]).size, 3);
});

test('random: by weight', (t) => {
  const all = members([1, 2, 5, 12]);
  const picked = picks(new WeightedRandom(all, seeded(3)), 20_000);
  t.true(chiSquareP(counts(all, picked), [0.05, 0.1, 0.25, 0.6]) > 1e-4);
});

test('least request: the least in flight for its weight, as a slow model says', (t) => {
  const loaded = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 9 }), inFlight: fc.nat(20) }), {
    minLength: 1,
    maxLength: 64,
  });
  fc.assert(
    fc.property(loaded, (given) => {
      const all = members(given.map(({ weight }) => weight));
      for (const [i, member] of all.entries()) member.inFlight = given[i]!.inFlight;
      const least = Math.min(...all.map((member) => member.inFlight / member.weight));
      const picked = new LeastRequest(all, new Turns(), seeded(1)).pick(any)!;
      t.is(picked.inFlight / picked.weight, least);
    }),
  );
});

test('least request: equals take turns exactly by weight', (t) => {
  fc.assert(
    fc.property(weights, (given) => {
      const all = members(given);
      const total = given.reduce((sum, weight) => sum + weight, 0);
      const got = counts(all, picks(new LeastRequest(all, new Turns(), seeded(1)), 10 * total));
      for (const [i, weight] of given.entries()) t.true(Math.abs(got[i]! - 10 * weight) <= 1);
    }),
    { numRuns: 50 },
  );
});

test('least request of many: never the worst of them while most are idle, and its shares sum to 1', (t) => {
  const all = members(Array(200).fill(1));
  for (const member of all.slice(100)) member.inFlight = 5;
  const picker = new LeastRequest(all, new Turns(), seeded(5));
  const bad = picks(picker, 2000).filter((member) => member.inFlight > 0).length;
  t.true(bad < 40, `${bad} of 2000`);
  const shares = picker.shares();
  t.true(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
  t.true(Math.abs(shares.slice(100).reduce((sum, share) => sum + share, 0) - 0.5 ** 8) < 1e-9);
});

const makers: Record<string, (all: readonly Member[]) => Picker> = {
  'round robin': (all) => new RoundRobin(all, { fraction: 0 }),
  random: (all) => new WeightedRandom(all, seeded(1)),
  'least request': (all) => new LeastRequest(all, new Turns(), seeded(1)),
  'ring hash': (all) => new RingHash(all, 64, seeded(1)),
  maglev: (all) => new MaglevHash(all, 251, seeded(1)),
};

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: what was tried is not picked, all tried is nobody`, (t) => {
    const all = members([1, 3, 1, 2]);
    const picker = make(all);
    for (let hash = 0; hash < 200; hash++) {
      const tried = [all[hash % 4]!.address, all[(hash + 1) % 4]!.address];
      const picked = picker.pick({ hash: hash * 0x1234567, tried, now: 0 })!;
      t.false(tried.includes(picked.address));
    }
    t.is(picker.pick({ hash: 1, tried: all.map((member) => member.address), now: 0 }), undefined);
  });
}

test('ring hash: as a slow walk over all points finds', (t) => {
  const all = members([1, 1, 2, 4]);
  const points = all.flatMap((member) =>
    Array.from({ length: 32 * member.weight }, (_, i) => ({ point: hashText(`${member.address}_${i}`), member })),
  );
  points.sort((a, b) => a.point - b.point);
  const picker = new RingHash(all, 256, seeded(1));
  const random = seeded(9);
  for (let i = 0; i < 500; i++) {
    const hash = Math.floor(random() * 2 ** 32);
    const expected = points.find(({ point }) => point >= hash) ?? points[0]!;
    t.is(picker.pick({ hash, tried: [], now: 0 }), expected.member);
  }
});

test('ring hash: shares follow the weights, and are what requests get', (t) => {
  const all = members([1, 1, 2, 4]);
  const picker = new RingHash(all, 8192, seeded(1));
  const shares = picker.shares();
  for (const [i, share] of [0.125, 0.125, 0.25, 0.5].entries())
    t.true(Math.abs(shares[i]! - share) < 0.05, `${shares[i]}`);
  const random = seeded(2);
  const picked = Array.from(
    { length: 20_000 },
    () => picker.pick({ hash: Math.floor(random() * 2 ** 32), tried: [], now: 0 })!,
  );
  t.true(chiSquareP(counts(all, picked), shares) > 1e-4);
});

test('ring hash, maglev: a member that leaves takes only its own requests with it', (t) => {
  const all = members([1, 1, 1, 1, 1]);
  const stays = all.slice(0, 4);
  const random = seeded(4);
  const hashes = Array.from({ length: 3000 }, () => Math.floor(random() * 2 ** 32));
  const moved = (before: Picker, after: Picker) =>
    hashes.filter((hash) => {
      const was = before.pick({ hash, tried: [], now: 0 })!;
      return was !== all[4] && was !== after.pick({ hash, tried: [], now: 0 });
    }).length;
  t.is(moved(new RingHash(all, 1000, random), new RingHash(stays, 800, random)), 0);
  t.true(moved(new MaglevHash(all, 65537, random), new MaglevHash(stays, 65537, random)) < 0.05 * hashes.length);
});
