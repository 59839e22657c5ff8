import test from 'ava';
import fc from 'fast-check';
import { drawnSlots, gatewayServes, type PickSubject, pickOf, scanSlots } from '../../agent/compile/pick.js';
import { slotsOf, weightTotal } from '../../agent/compile/slots.js';
import { pointOf, strideOf } from '../../agent/compile/stride.js';
import { type FrontendRow, Gateway, Policy, type SlotRow } from '../../agent/tables/layout.gen.js';

function frontend(slots: readonly SlotRow[], rest: Partial<FrontendRow> = {}): FrontendRow {
  const weight = weightTotal(slots);
  return {
    service: 7,
    policy: Policy.LEAST_REQUEST,
    gateway: Gateway.NONE,
    slotBase: 100,
    slotCount: slots.length,
    weightTotal: weight,
    stride: strideOf(weight),
    ringBase: 0,
    ringSize: 0,
    affinitySeconds: 0,
    maxConnections: 0,
    ...rest,
  };
}

/** Backends have the ids 1, 2, … */
function subject(
  weights: readonly number[],
  row: Partial<FrontendRow> = {},
  rest: Partial<PickSubject> = {},
): PickSubject {
  const slots = slotsOf(weights.map((weight, index) => ({ backend: index + 1, weight })));
  return {
    frontend: frontend(slots, row),
    slots,
    ringEntry: () => 0,
    inflightOf: () => 0,
    isAlive: () => true,
    service: { inflight: 0, cursor: 0n },
    hash: 0,
    affinity: undefined,
    nowNs: 0n,
    connection: true,
    gateway: { serves: false, listens: false },
    ...rest,
  };
}

function shares(of: PickSubject): readonly [number, number][] {
  return [...pickOf(of).probabilities].sort(([a], [b]) => a - b);
}

/** bpf_get_prandom_u32, with a seed (mulberry32). */
function prandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** bpf/pick.h, step by step. */
function simulate(slots: readonly SlotRow[], inflightOf: (backend: number) => number, random: () => number): number {
  const below = (n: number): number => {
    for (;;) {
      const product = BigInt(random()) * BigInt(n);
      if ((product & 0xffff_ffffn) >= 2n ** 32n % BigInt(n)) return Number(product >> 32n);
    }
  };
  const draw = (): SlotRow => {
    const column = slots[below(slots.length)]!;
    return below(weightTotal(slots)) < column.threshold ? column : slots[column.alias]!;
  };
  let best: SlotRow | undefined;
  if (slots.length > scanSlots) {
    for (let i = 0; i < drawnSlots; i++) {
      const slot = draw();
      if (best && inflightOf(slot.backend) * best.weight >= inflightOf(best.backend) * slot.weight) continue;
      best = slot;
    }
    return best!.backend;
  }
  let tied = 0;
  let chance = random();
  for (const slot of slots) {
    const mine = inflightOf(slot.backend) * (best?.weight ?? 1);
    const theirs = (best ? inflightOf(best.backend) : 0) * slot.weight;
    if (best && mine > theirs) continue;
    tied = best && mine === theirs ? tied + slot.weight : slot.weight;
    chance = (Math.imul(chance, 1664525) + 1013904223) >>> 0;
    if (tied !== slot.weight && Number((BigInt(chance) * BigInt(tied)) >> 32n) >= slot.weight) continue;
    best = slot;
  }
  return best!.backend;
}

/** Pearson's statistic less its mean, in its own standard deviations; cells that expect under 8 are one. */
function surprise(
  counts: ReadonlyMap<number, number>,
  probabilities: ReadonlyMap<number, number>,
  picks: number,
): number {
  let [rareExpected, rareSeen, statistic, cells] = [0, 0, 0, 0];
  const add = (expected: number, seen: number) => {
    statistic += (seen - expected) ** 2 / expected;
    cells++;
  };
  for (const [backend, probability] of probabilities) {
    const seen = counts.get(backend) ?? 0;
    if (probability * picks >= 8) add(probability * picks, seen);
    else [rareExpected, rareSeen] = [rareExpected + probability * picks, rareSeen + seen];
  }
  if (rareExpected > 0.5) add(rareExpected, rareSeen);
  const freedom = Math.max(1, cells - 1);
  return (statistic - freedom) / Math.sqrt(2 * freedom);
}

function agrees(weights: readonly number[], inflight: readonly number[], seed: number, picks: number): boolean {
  const inflightOf = (backend: number) => inflight[backend % inflight.length]!;
  const question = subject(weights, {}, { inflightOf });
  const { probabilities } = pickOf(question);
  const sum = [...probabilities.values()].reduce((total, each) => total + each, 0);
  const counts = new Map<number, number>();
  const random = prandom(seed);
  for (let pick = 0; pick < picks; pick++) {
    const backend = simulate(question.slots, inflightOf, random);
    if (!probabilities.has(backend)) return false;
    counts.set(backend, (counts.get(backend) ?? 0) + 1);
  }
  return Math.abs(sum - 1) < 1e-9 && surprise(counts, probabilities, picks) < 8;
}

test('PASSTHROUGH leaves alone, even without backends', (t) => {
  t.like(pickOf(subject([], { policy: Policy.PASSTHROUGH })), { verdict: 'pass', reason: 'passthrough' });
});

test('refusals, in the order of the kernel', (t) => {
  const full = { maxConnections: 3 };
  const service = { inflight: 3, cursor: 0n };
  t.like(pickOf(subject([], full, { service: undefined })), { verdict: 'refuse', reason: 'table_broken' });
  t.like(pickOf(subject([], full, { service })), { verdict: 'refuse', reason: 'no_backend' });
  t.like(pickOf(subject([1], full, { service })), { verdict: 'refuse', reason: 'max_connections' });
  t.like(pickOf(subject([1], full, { service, connection: false })), { verdict: 'redirect', reason: 'picked' });
  t.like(pickOf(subject([1], full, { service: { ...service, inflight: 2 } })), {
    verdict: 'redirect',
    reason: 'picked',
  });
  t.like(pickOf(subject([1], {}, { isAlive: () => false })), { verdict: 'refuse', reason: 'table_broken' });
});

test('a backend whose row is missing takes its share of picks with it', (t) => {
  const question = subject([5, 3, 2], { policy: Policy.RANDOM }, { isAlive: (backend) => backend !== 1 });
  t.deepEqual(shares(question), [
    [2, 0.3],
    [3, 0.2],
  ]);
});

test('RANDOM is by weight', (t) => {
  t.deepEqual(shares(subject([50, 30, 0, 20], { policy: Policy.RANDOM })), [
    [1, 0.5],
    [2, 0.3],
    [4, 0.2],
  ]);
});

test('ROUND_ROBIN tells its shares and, for every cursor, who is next', (t) => {
  const order = [1, 2, 1, 1, 3, 2, 1, 3, 2, 1];
  const start = 2n ** 63n - (2n ** 63n % 10n);
  for (const base of [0n, start]) {
    const next = order.map((_, pick) => {
      const service = { inflight: 0, cursor: base + BigInt(pick) };
      return pickOf(subject([5, 3, 2], { policy: Policy.ROUND_ROBIN }, { service })).next;
    });
    t.deepEqual(next, order);
  }
  t.deepEqual(shares(subject([5, 3, 2], { policy: Policy.ROUND_ROBIN })), [
    [1, 0.5],
    [2, 0.3],
    [3, 0.2],
  ]);
});

test('the next in turn is the slot that holds the point', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 200 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (weights, cursor) => {
        const question = subject(weights, { policy: Policy.ROUND_ROBIN }, { service: { inflight: 0, cursor } });
        const point = pointOf(cursor, question.frontend.stride, question.frontend.weightTotal);
        const slot = question.slots.find((each) => each.backend === pickOf(question).next)!;
        return slot.cumulative - slot.weight <= point && point < slot.cumulative;
      },
    ),
  );
  t.pass();
});

test('MAGLEV is the entry of the hash', (t) => {
  const ring = [2, 1, 3, 2, 1];
  const row = { policy: Policy.MAGLEV, ringSize: ring.length };
  const picked = [0, 1, 2, 7, 4_294_967_295].map((hash) =>
    shares(subject([1, 1, 1], row, { hash, ringEntry: (offset) => ring[offset]! })),
  );
  t.deepEqual(picked, [[[2, 1]], [[1, 1]], [[3, 1]], [[3, 1]], [[2, 1]]]);
  t.is(pickOf(subject([1], { policy: Policy.MAGLEV })).reason, 'table_broken');
});

test('LEAST_REQUEST takes the fewest in flight for its weight; equals share by weight', (t) => {
  const inflight = [0, 6, 4, 2, 9];
  const question = subject([3, 2, 1, 1], {}, { inflightOf: (backend) => inflight[backend]! });
  t.deepEqual(shares(question), [
    [1, 3 / 6],
    [2, 2 / 6],
    [3, 1 / 6],
  ]);
});

test('of more than 64 the least of eight drawn', (t) => {
  // One idle backend of 100 is the pick unless all eight draws miss it.
  const question = subject(new Array<number>(100).fill(1), {}, { inflightOf: (backend) => (backend === 1 ? 0 : 1) });
  const { probabilities } = pickOf(question);
  t.true(Math.abs(probabilities.get(1)! - (1 - 0.99 ** 8)) < 1e-12);
  t.true(Math.abs(probabilities.get(2)! - 0.99 ** 8 / 99) < 1e-12);
});

test('huge counts compare exactly', (t) => {
  const inflight = [0, 4_294_967_295, 4_294_967_293];
  const question = subject([2_147_483_647, 2_147_483_646], {}, { inflightOf: (backend) => inflight[backend]! });
  // The cross products, above 2^63, differ by 1.
  t.deepEqual(shares(question), [[1, 1]]);
});

const fewWeights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: scanSlots });
const manyWeights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: scanSlots + 1, maxLength: 120 });
const loads = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 17 });

test('LEAST_REQUEST by scanning is as likely as a simulation of the kernel says', (t) => {
  const property = fc.property(fewWeights, loads, fc.nat(), (weights, inflight, seed) =>
    agrees(weights, inflight, seed, 4000),
  );
  fc.assert(property, { numRuns: 30, seed: 42 });
  t.pass();
});

test('LEAST_REQUEST by sampling is as likely as a simulation of the kernel says', (t) => {
  const property = fc.property(manyWeights, loads, fc.nat(), (weights, inflight, seed) =>
    agrees(weights, inflight, seed, 4000),
  );
  fc.assert(property, { numRuns: 30, seed: 42 });
  t.pass();
});

test('affinity holds while the time-out, the slot and the backend last', (t) => {
  const second = 1_000_000_000n;
  const row = { affinitySeconds: 10, policy: Policy.RANDOM };
  const affinity = { backend: 2, generation: 1, usedNs: 100n * second };
  const at = (nowNs: bigint, rest: Partial<PickSubject> = {}) =>
    pickOf(subject([1, 1, 1], row, { affinity, nowNs, ...rest }));
  t.deepEqual([...at(110n * second).probabilities], [[2, 1]]);
  t.is(at(110n * second).reason, 'affinity');
  t.is(at(110n * second + 1n).reason, 'picked');
  t.is(at(101n * second, { affinity: { ...affinity, backend: 4 } }).reason, 'picked');
  t.is(at(101n * second, { isAlive: (backend) => backend !== 2 }).reason, 'picked');
  t.is(pickOf(subject([1, 1], { policy: Policy.RANDOM }, { affinity, nowNs: 101n * second })).reason, 'picked');
});

test('a gateway takes TCP connections that have a listener while it serves, whatever backends there are', (t) => {
  const serves = { serves: true, listens: true };
  for (const gateway of [Gateway.BYPASS, Gateway.CLOSED]) {
    const row = { gateway, maxConnections: 1 };
    for (const weights of [[], [1, 2]]) {
      const pick = pickOf(subject(weights, row, { gateway: serves, service: { inflight: 9, cursor: 0n } }));
      t.like(pick, { verdict: 'redirect', reason: 'gateway' });
      t.is(pick.probabilities.size, 0);
    }
    t.like(pickOf(subject([1], { gateway }, { gateway: serves, connection: false })), { reason: 'picked' });
    for (const down of [
      { serves: false, listens: true },
      { serves: true, listens: false },
    ]) {
      const pick = pickOf(subject([1], { gateway }, { gateway: down }));
      t.is(pick.reason, gateway === Gateway.BYPASS ? 'picked' : 'gateway_down');
      t.is(pick.verdict, gateway === Gateway.BYPASS ? 'redirect' : 'refuse');
    }
  }
  t.like(pickOf(subject([1], {}, { gateway: serves })), { reason: 'picked' });
});

test('a gateway serves for three seconds from its stamp', (t) => {
  const second = 1_000_000_000n;
  t.deepEqual(
    [0n, 1n, 3n * second - 1n, 3n * second].map((age) => gatewayServes(5n * second, 5n * second + age)),
    [true, true, true, false],
  );
  t.true(gatewayServes(9n * second, 5n * second), 'another CPU read its clock a moment before');
  t.false(gatewayServes(0n, 1n));
});
