import test from 'ava';
import { Adaptive } from '../../agent/balance/adaptive.js';
import { LeastRequest } from '../../agent/balance/least-request.js';
import type { Member } from '../../agent/balance/member.js';
import type { Picker } from '../../agent/balance/picker.js';
import { RoundRobin } from '../../agent/balance/round-robin.js';
import { Turns } from '../../agent/balance/turns.js';
import { members, seeded } from './endpoints.js';
import { quantile, type Subject, simulate } from './replicas.js';

interface Typical {
  value: number;
  load: number;
}

type Make = (all: readonly Member[], typical: Typical) => Picker;

const adaptive: Make = (all, typical) => new Adaptive(all, new Turns(), { random: seeded(11), typical });

function subject(weights: readonly number[], make: Make): Subject {
  const all = members(weights);
  const typical = { value: 1, load: 0 };
  const picker = make(all, typical);
  return {
    members: all,
    pick: (now) => picker.pick({ hash: undefined, tried: [], now })!,
    done(member, ms, load, now) {
      member.latency.success(ms, load, now);
      typical.value += (ms - typical.value) * 0.02;
      typical.load += (load / member.weight - typical.load) * 0.02;
    },
  };
}

const ones = (count: number) => Array<number>(count).fill(1);

test('16 replicas, 4 of them at 0.4 speed, load 0.7: p99 well below least request’s, and far below round robin’s', (t) => {
  const speeds = [...Array<number>(4).fill(0.4), ...ones(12)];
  const p99 = (make: Make) => {
    const load = { speeds, serviceMs: 10, utilisation: 0.7, requests: 60_000, random: seeded(101) };
    return quantile(simulate(subject(ones(16), make), load).latencies, 0.99);
  };
  const own = p99(adaptive);
  const least = p99((all) => new LeastRequest(all, new Turns(), seeded(1)));
  const round = p99((all) => new RoundRobin(all, { fraction: 0 }));
  t.log(`p99: adaptive ${own.toFixed(0)} ms, least request ${least.toFixed(0)} ms, round robin ${round.toFixed(0)} ms`);
  t.true(own < 0.85 * least);
  t.true(own < 0.05 * round);
});

test('equals get equal shares, in calm and under load', (t) => {
  for (const utilisation of [0.02, 0.5]) {
    const load = { speeds: ones(4), serviceMs: 1, utilisation, requests: 4000, random: seeded(5) };
    for (const served of simulate(subject(ones(4), adaptive), load).served) {
      t.true(served > 940 && served < 1060, `${served} of 4000 at ${utilisation}`);
    }
  }
});

test('equals whose latency does not depend on load get equal shares, however they were loaded', (t) => {
  const all = members(ones(4));
  const typical = { value: 5, load: 12 };
  const picker = adaptive(all, typical);
  const flights: { member: Member; load: number; end: number }[] = [];
  const random = seeded(8);
  const got = new Map<Member, number>(all.map((member) => [member, 0]));
  const begin = (now: number, member = picker.pick({ hash: undefined, tried: [], now })!) => {
    got.set(member, got.get(member)! + 1);
    flights.push({ member, load: member.inFlight++, end: now + 4 + 2 * random() });
  };
  for (let i = 0; i < 50; i++) begin(0, all[i < 35 ? 0 : (i % 3) + 1]);
  for (let i = 0; i < 8000; i++) {
    flights.sort((a, b) => a.end - b.end);
    const { member, load, end } = flights.shift()!;
    member.inFlight--;
    member.latency.success(5, load, end);
    typical.load += (load - typical.load) * 0.02;
    begin(end);
  }
  for (const count of got.values()) t.true(Math.abs(count - 2012) < 60, `${count} of 8050`);
});

test('weights are respected: a replica of three times the weight and speed gets three times as much', (t) => {
  const load = { speeds: [3, 1, 1, 1], serviceMs: 1, utilisation: 0.4, requests: 6000, random: seeded(6) };
  const [heavy] = simulate(subject([3, 1, 1, 1], adaptive), load).served;
  t.true(heavy! > 2600 && heavy! < 3600, `${heavy} of 6000`);
});

test('while nothing is known, turns are exact by weight', (t) => {
  const all = members([3, 2, 1]);
  const picker = adaptive(all, { value: 1, load: 0 });
  const picked = Array.from({ length: 60 }, () => picker.pick({ hash: undefined, tried: [], now: 0 })!);
  t.deepEqual(
    all.map((member) => picked.filter((each) => each === member).length),
    [30, 20, 10],
  );
});

/** Picks with nothing else in flight, each answered after `ms(member)`; `error` answers are errors. */
function run(
  all: readonly Member[],
  picker: Picker,
  count: number,
  answer: (member: Member) => number | 'error',
  typical: Typical,
): Map<Member, number> {
  const got = new Map<Member, number>(all.map((member) => [member, 0]));
  for (let i = 0; i < count; i++) {
    const now = i * 5;
    const member = picker.pick({ hash: undefined, tried: [], now })!;
    got.set(member, got.get(member)! + 1);
    const ms = answer(member);
    if (ms === 'error') member.latency.fault(typical.value, now);
    else {
      member.latency.success(ms, 0, now);
      typical.value += (ms - typical.value) * 0.02;
    }
  }
  return got;
}

test('failing fast attracts nothing; back in health it gets its share again', (t) => {
  const all = members(ones(4));
  const typical = { value: 10, load: 0 };
  const picker = adaptive(all, typical);
  const bad = all[2]!;
  const broken = run(all, picker, 2000, (member) => (member === bad ? 'error' : 10), typical);
  t.true(broken.get(bad)! >= 1 && broken.get(bad)! < 20, `${broken.get(bad)} of 2000`);
  bad.latency.success(10, 0, 0);
  const mended = run(all, picker, 400, () => 10, typical);
  t.true(mended.get(bad)! > 60, `${mended.get(bad)} of 400`);
});

test('an endpoint that fails now and then loses some of its traffic, one that fails half the time nearly all', (t) => {
  const shareOf = (rate: number) => {
    const all = members(ones(4));
    const typical = { value: 10, load: 0 };
    const random = seeded(12);
    const answer = (member: Member) => (member === all[0] && random() < rate ? 'error' : 10);
    return run(all, adaptive(all, typical), 8000, answer, typical).get(all[0]!)! / 2000;
  };
  const [rare, some, half] = [shareOf(0.01), shareOf(0.1), shareOf(0.5)];
  t.true(rare > 0.6, `${rare}`);
  t.true(some > 0.1 && some < 0.6, `${some}`);
  t.true(half > 0 && half < 0.2, `${half}`);
});

test('all fail now and then: nobody is left out', (t) => {
  const all = members(ones(4));
  const typical = { value: 10, load: 0 };
  const random = seeded(13);
  const got = run(all, adaptive(all, typical), 8000, () => (random() < 0.02 ? 'error' : 10), typical);
  for (const count of got.values()) t.true(count > 1200, `${count} of 8000`);
});

test('what was slow once is not forgotten for ever', (t) => {
  const all = members(ones(4));
  const typical = { value: 10, load: 0 };
  const picker = adaptive(all, typical);
  all[1]!.latency.success(2000, 0, 0);
  const got = run(all, picker, 2000, () => 10, typical);
  t.true(got.get(all[1]!)! > 300, `${got.get(all[1]!)} of 2000`);
});

test('a fresh endpoint gets its share, and no flood', (t) => {
  const all = members(ones(4));
  const typical = { value: 10, load: 0 };
  const turns = new Turns();
  const state = { random: seeded(1), typical };
  run(all.slice(0, 3), new Adaptive(all.slice(0, 3), turns, state), 3000, () => 10, typical);
  turns.enter(all[3]!, 0.5);
  const got = run(all, new Adaptive(all, turns, state), 40, () => 10, typical).get(all[3]!)!;
  t.true(got >= 8 && got <= 14, `${got} of 40`);
});

test('the hottest of many are passed over, however quick they seem', (t) => {
  const all = members(ones(16));
  for (const member of all) member.latency.success(100, 0, 0);
  const hot = all[0]!;
  hot.latency.success(0.1, 0, 100);
  hot.latency.success(0.1, 0, 30_000);
  hot.inFlight = 3;
  const picker = adaptive(all, { value: 50, load: 0 });
  for (let i = 0; i < 50; i++) t.not(picker.pick({ hash: undefined, tried: [], now: 30_000 }), hot);
});

test('of many members some are drawn; a share is told for each', (t) => {
  const all = members(ones(300));
  const picker = adaptive(all, { value: 5, load: 0 });
  const got = run(all, picker, 6000, (member) => (member === all[7] ? 500 : 5), { value: 5, load: 0 });
  t.true(got.get(all[7]!)! < 15);
  t.true([...got.values()].filter((count) => count > 0).length > 295);
  t.true(Math.abs(picker.shares(30_000).reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
});
