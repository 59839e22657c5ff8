import { Worker } from 'node:worker_threads';
import { ringOf } from '../../agent/compile/maglev.js';
import { type PickSubject, pickOf } from '../../agent/compile/pick.js';
import type { FrontendPlan } from '../../agent/compile/plan.js';
import { bytesOfRow } from '../../agent/kernel/frontends.js';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { readFrontendRow, readSlotRow } from '../../agent/tables/layout.gen.js';
import { planOf } from '../kernel/world.js';
import { kernelTest } from '../kernel-test.js';
import { chiSquareP } from './chi-square.js';
import { Picks } from './picks.js';

const leastLikely = 1e-6;

/** Addresses 10.1.x.y. */
const addressOf = (index: number): string => `10.1.${index >> 8}.${index & 255}`;

function weighted(weights: readonly number[], policy: FrontendPlan['policy'], service = 'test/service'): FrontendPlan {
  const backends = Object.fromEntries(weights.map((weight, i) => [addressOf(i + 1), weight]));
  return planOf({ service, address: '10.96.0.1', policy, backends });
}

/** Numbers below `n` from a seed: mulberry32. */
function seeded(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) % n;
  };
}

kernelTest('ROUND_ROBIN 5:3:2 is exact in every window of ten picks', (t) => {
  const picks = Picks.open(t);
  const plan = weighted([5, 3, 2], 'ROUND_ROBIN');
  picks.apply(plan);
  const ids = [...picks.ids(plan).values()];
  const order = picks.sequence(plan, 1000);
  for (let start = 0; start + 10 <= order.length; start++) {
    const window = order.slice(start, start + 10);
    const counts = ids.map((id) => window.filter((each) => each === id).length);
    if (counts.join() !== '5,3,2') t.fail(`picks ${start} to ${start + 9}: ${counts}`);
  }
  t.deepEqual(picks.tally(plan, 1_000_000), new Map(ids.map((id, i) => [id, [500_000, 300_000, 200_000][i]!])));
});

for (const weights of [
  [5, 3, 2],
  [1, 65535],
  [7, 0, 3],
  [1, 1],
  [65535, 65534, 1000, 3000],
  Array<number>(200).fill(1),
]) {
  const title = weights.length > 9 ? `${weights.length} equal weights` : weights.join(':');
  kernelTest(`1 000 000 RANDOM picks of ${title} are by weight`, (t) => {
    const picks = Picks.open(t);
    const plan = weighted(weights, 'RANDOM');
    picks.apply(plan);
    const tally = picks.tally(plan, 1_000_000);
    const counts = [...picks.ids(plan).values()].map((id) => tally.get(id) ?? 0);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const p = chiSquareP(
      counts,
      weights.map((weight) => weight / total),
    );
    t.true(p > leastLikely, `p = ${p}: ${counts}`);
    const made: number = counts.reduce((sum, count) => sum + count, 0);
    t.is(made, 1_000_000);
  });
}

kernelTest(
  'Maglev: every hash meets its entry of the ring, and of ten backends one leaving moves at most 1.5/10',
  (t) => {
    const picks = Picks.open(t);
    const ten = planOf({ address: '10.96.0.1', policy: 'SOURCE_IP', backends: [...Array(10).keys()].map(addressOf) });
    picks.apply(ten);
    const ids = picks.ids(ten);
    const before = picks.sequence(ten, 1021, { hashStep: 1 });
    const ring = ringOf(
      ten.backends.map(({ address, port, weight }) => ({
        name: `${address}:${port}`,
        backend: ids.get(address)!,
        weight,
      })),
      1021,
    );
    t.deepEqual(before, [...ring]);
    const shares = picks.tally(ten, 1_000_000, { hash: 12345, hashStep: 2_654_435_761 });
    for (const count of shares.values()) t.true(Math.abs(count - 100_000) < 3000);

    const nine = { ...ten, backends: ten.backends.filter((_, i) => i !== 4) };
    picks.apply(nine);
    const after = picks.sequence(nine, 1021, { hashStep: 1 });
    const left = ids.get(addressOf(4))!;
    t.false(after.includes(left));
    const moved = after.filter((id, hash) => id !== before[hash]).length;
    t.true(moved <= (1.5 / 10) * 1021, `${moved} moved`);
  },
);

kernelTest('LEAST_REQUEST takes the fewest in flight for its weight among 64, equals by weight', (t) => {
  const picks = Picks.open(t);
  const weights = Array.from({ length: 64 }, (_, i) => 1 + (i % 7));
  const plan = weighted(weights, 'LEAST_REQUEST');
  picks.apply(plan);
  const ids = [...picks.ids(plan).values()];
  // 10 in flight a unit of weight, but one backend, and then three that are equal, have less.
  const base = ids.map((id, i) => [id, weights[i]! * 10] as const);
  picks.setInflight(new Map(base));
  picks.setInflight(new Map([[ids[63]!, weights[63]! * 10 - 1]]));
  t.deepEqual(picks.tally(plan, 10_000), new Map([[ids[63]!, 10_000]]));
  const equals = [5, 30, 62];
  picks.setInflight(new Map([...base, ...equals.map((i) => [ids[i]!, weights[i]! * 2] as const)]));
  const tally = picks.tally(plan, 1_000_000);
  const total = equals.reduce((sum, i) => sum + weights[i]!, 0);
  const counts = equals.map((i) => tally.get(ids[i]!) ?? 0);
  t.is(tally.size, 3);
  const p = chiSquareP(
    counts,
    equals.map((i) => weights[i]! / total),
  );
  t.true(p > leastLikely, `p = ${p}: ${counts}`);
});

kernelTest('LEAST_REQUEST with nothing in flight is by weight', (t) => {
  const picks = Picks.open(t);
  const weights = Array.from({ length: 64 }, (_, i) => 1 + ((i * 37) % 100));
  const plan = weighted(weights, 'LEAST_REQUEST');
  picks.apply(plan);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const tally = picks.tally(plan, 1_000_000);
  const counts = [...picks.ids(plan).values()].map((id) => tally.get(id) ?? 0);
  const p = chiSquareP(
    counts,
    weights.map((weight) => weight / total),
  );
  t.true(p > leastLikely, `p = ${p}`);
});

/** What the mirror reads, from the kernel's own tables. */
function subjectOf(picks: Picks, plan: FrontendPlan, inflight: ReadonlyMap<number, number>): PickSubject {
  const { row, slots: run, ring } = picks.reconciler.plan(plan.key)!;
  const viewAt = (table: 'slots' | 'rings', index: number) => viewOf(picks.store.lookup(table, indexKey(index))!);
  return {
    frontend: readFrontendRow(viewOf(bytesOfRow(row)), 0),
    slots: Array.from({ length: run.size }, (_, i) => readSlotRow(viewAt('slots', run.base + i), 0)),
    ringEntry: (offset) => viewAt('rings', ring.base + offset).getUint32(0, true),
    inflightOf: (backend) => inflight.get(backend) ?? 0,
    isAlive: () => true,
    service: { inflight: 0, cursor: 0n },
    hash: 0,
    affinity: undefined,
    nowNs: 0n,
    connection: true,
    gateway: { serves: false, listens: false },
  };
}

kernelTest('over random tables the kernel picks as the mirror in TypeScript says', (t) => {
  const picks = Picks.open(t);
  const random = seeded(20_240_501);
  const policies = ['LEAST_REQUEST', 'LEAST_REQUEST', 'RANDOM', 'ROUND_ROBIN'] as const;
  for (let round = 0; round < 60; round++) {
    const size = 1 + random(round % 3 === 0 ? 150 : 12);
    const weights = Array.from({ length: size }, () => random(20));
    if (!weights.some((weight) => weight > 0)) weights[0] = 1;
    const plan = weighted(weights, policies[round % policies.length]!);
    picks.apply(plan);
    const inflight = new Map([...picks.ids(plan).values()].map((id) => [id, random(4)]));
    picks.setInflight(inflight);
    const { probabilities } = pickOf(subjectOf(picks, plan, inflight));
    const tally = picks.tally(plan, 100_000);
    const ids = [...new Set([...probabilities.keys(), ...tally.keys()])];
    // Rare backends together, as the test wants 5 expected picks a class.
    const common = ids.filter((id) => (probabilities.get(id) ?? 0) >= 1e-4 || !probabilities.has(id));
    const rest = ids.filter((id) => !common.includes(id));
    const shares = common.map((id) => probabilities.get(id) ?? 0);
    const counts = common.map((id) => tally.get(id) ?? 0);
    const restShare = rest.reduce((sum, id) => sum + probabilities.get(id)!, 0);
    if (restShare * 100_000 >= 5) {
      shares.push(restShare);
      counts.push(rest.reduce((sum, id) => sum + (tally.get(id) ?? 0), 0));
    }
    const p = chiSquareP(counts, shares);
    t.true(
      p > leastLikely,
      `round ${round}, ${plan.policy}, weights ${weights}, in flight ${[...inflight.values()]}: p = ${p}`,
    );
  }
});

kernelTest('a pick never mixes the rows of two Services while rows are rewritten', async (t) => {
  const picks = Picks.open(t);
  const plans = Array.from({ length: 256 }, (_, i) =>
    planOf({
      service: `test/s${i}`,
      address: `10.96.1.${i}`,
      policy: i % 2 ? 'RANDOM' : 'ROUND_ROBIN',
      backends: [addressOf(2 * i), addressOf(2 * i + 1)],
    }),
  );
  picks.apply(...plans);
  const { keys, values, count } = picks.store.read('frontends');
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('./rewriter.js', import.meta.url), {
    workerData: { map: picks.maps.get('frontends')!.info().id, keys, values, count, stop },
  });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  try {
    while (Atomics.load(stop, 1) < 1) await new Promise((resolve) => setImmediate(resolve));
    for (let round = 0; round < 40; round++) {
      const plan = plans[(round * 7) % plans.length]!;
      const tally = picks.tally(plan, 100_000);
      const own = [...picks.ids(plan).values()];
      t.deepEqual(
        [...tally.keys()].filter((id) => !own.includes(id)).map((id) => [id, tally.get(id)]),
        [],
        plan.key,
      );
    }
    t.true(Atomics.load(stop, 1) > 10, 'rows were rewritten meanwhile');
  } finally {
    Atomics.store(stop, 0, 1);
    await exited;
  }
});

kernelTest('a pick finds a living backend while backends come and go', async (t) => {
  const picks = Picks.open(t);
  const others = Array.from({ length: 20 }, (_, i) =>
    planOf({ service: `test/s${i}`, address: `10.96.1.${i}`, backends: [addressOf(100 + i)] }),
  );
  const versions = [0, 1, 2].map((i) =>
    planOf({ address: '10.96.0.1', backends: [addressOf(1 + i), addressOf(2 + i)] }),
  );
  picks.apply(...others, versions[0]!);
  const foreign = others.flatMap((plan) => [...picks.ids(plan).values()]);
  const before = picks.tallies();
  const work = picks.background(versions[0]!);
  let changes = 0;
  for (const end = performance.now() + 2000; performance.now() < end; changes++) {
    picks.apply(versions[changes % 3]!);
    if (changes % 64 === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      picks.reconciler.reclaim(() => undefined);
    }
  }
  await work.stop();
  const tallies = picks.tallies().map((count, id) => count - before[id]!);
  t.true(tallies.reduce((sum, count) => sum + count, 0) > 100_000 && changes > 1000);
  t.is(tallies[0], 0, 'refused');
  for (const id of foreign) t.is(tallies[id], 0);
});
