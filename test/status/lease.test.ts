import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { ApiError } from '../../agent/kubernetes/api.js';
import { type Election, leaseMs, renewDeadlineMs, startElection } from '../../agent/status/lease.js';
import type { Term } from '../../agent/status/term.js';
import { Troubles } from '../../agent/status/troubles.js';
import { FakeApi, type FakeClient } from './fake-api.js';
import { Time } from './time.js';

const leasePath = '/apis/coordination.k8s.io/v1/namespaces/weft/leases/weft-status';

interface Candidate {
  readonly name: string;
  readonly client: FakeClient;
  readonly election: Election;
  readonly terms: Term[];
  trouble: string;
}

/** Candidates for one Lease, and a watch over who holds it. */
class Contest {
  readonly api: FakeApi = new FakeApi();
  readonly time: Time = new Time();
  readonly candidates: Candidate[] = [];
  readonly #random: () => number;
  /** The most that held it at once. */
  most = 0;
  /** How many agents the candidates believe there are. */
  agents = 3;

  constructor(seed = 1) {
    this.#random = randomOf(seed);
  }

  join(name: string, rate = 1, ahead = 0): Candidate {
    const clock = this.time.clock(rate, ahead);
    const client = this.api.client(name, clock);
    const log = pino({ enabled: false });
    const terms: Term[] = [];
    const candidate: Candidate = {
      name,
      client,
      terms,
      trouble: '',
      election: startElection({
        ...{ client, clock, log, node: name, namespace: 'weft', random: this.#random },
        troubles: new Troubles(log, (why) => {
          candidate.trouble = why;
        }),
        agents: () => this.agents,
        begin: (term) => terms.push(term),
        settled: () => Promise.resolve(),
      }),
    };
    this.candidates.push(candidate);
    return candidate;
  }

  holders(): readonly string[] {
    return this.candidates.filter(({ election }) => election.isHolder).map(({ name }) => name);
  }

  async pass(ms: number): Promise<void> {
    await this.time.pass(ms, () => {
      this.most = Math.max(this.most, this.holders().length);
    });
  }

  lease(): Record<string, unknown> {
    return this.api.objects.get(leasePath)?.spec as Record<string, unknown>;
  }
}

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test('the first candidate makes the Lease, and renews it; the others wait', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(100);
  contest.join('b', 1, 3_600_000);
  await contest.pass(60_000);
  t.deepEqual(contest.holders(), ['a']);
  t.is(a.terms.length, 1);
  t.regex(a.election.identity, /^a_[0-9a-z]{10}$/);
  t.like(contest.lease(), {
    holderIdentity: a.election.identity,
    leaseDurationSeconds: 15,
    leaseTransitions: 0,
    acquireTime: '2026-01-02T03:04:05.000000Z',
  });
  t.regex(String(contest.lease().renewTime), /^2026-01-02T03:05:0\d\.\d{3}000Z$/);
  const writes = contest.api.calls.filter(({ method }) => method !== 'GET');
  t.true(writes.every(({ by }) => by === 'a') && writes.length >= 29, `${writes.length} writes`);
});

test('when the holder is gone, another takes over within the Lease and two looks', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(0);
  const b = contest.join('b');
  contest.join('c');
  await contest.pass(20_000);
  a.client.way = 'cut';
  const cutAt = contest.time.elapsed;
  while (contest.holders().length === 0 || contest.holders().includes('a')) {
    await contest.pass(100);
    if (contest.time.elapsed - cutAt > 60_000) break;
  }
  const took = contest.time.elapsed - cutAt;
  t.true(took > renewDeadlineMs && took <= leaseMs + 2 * 4_400, `${took} ms`);
  t.is(contest.most, 1);
  t.true(a.terms[0]!.signal.aborted);
  t.like(contest.lease(), { leaseTransitions: 1 });
  t.not(contest.lease().holderIdentity, b.election.isHolder ? a.election.identity : '');
});

const ways = ['cut', 'silent', 'deaf'] as const;
for (const way of ways) {
  test(`a holder whose way is ${way} stops ${renewDeadlineMs / 1000} s after what last renewed it, before another begins`, async (t) => {
    const contest = new Contest();
    const a = contest.join('a');
    await contest.pass(0);
    contest.join('b');
    await contest.pass(10_000);
    const renewals = contest.api.calls.filter(({ by, method }) => by === 'a' && method !== 'GET');
    const renewedAt = renewals.at(-1)!.at;
    a.client.way = way;
    await contest.pass(renewedAt + renewDeadlineMs - 1 - contest.time.elapsed);
    t.true(a.election.isHolder);
    await contest.pass(2);
    t.deepEqual(contest.holders(), []);
    t.true(a.terms[0]!.signal.aborted);
    await contest.pass(120_000);
    t.is(contest.most, 1);
    if (way !== 'silent') t.deepEqual(contest.holders(), ['b']);
    a.client.way = 'open';
    await contest.pass(30_000);
    t.is(contest.holders().length, 1);
    t.is(contest.most, 1);
  });
}

test('by the clock a term is over even while no timer has run', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(0);
  t.true(a.election.isHolder);
  contest.time.elapsed += renewDeadlineMs;
  t.false(a.election.isHolder);
  t.true(a.terms[0]!.isOver);
});

test('one that stops gives the Lease away, and another takes it at its next look', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(0);
  const b = contest.join('b');
  await contest.pass(10_000);
  const stopped = a.election.stop();
  t.false(a.election.isHolder);
  await contest.pass(0);
  await stopped;
  t.like(contest.lease(), { holderIdentity: '', leaseDurationSeconds: 1 });
  await contest.pass(4_400);
  t.true(b.election.isHolder);
  t.like(contest.lease(), { holderIdentity: b.election.identity, leaseTransitions: 1 });
  await contest.pass(60_000);
  t.true(contest.api.calls.filter(({ by, at }) => by === 'a' && at > 15_000).length === 0);
});

test('one that does not hold it stops without a word', async (t) => {
  const contest = new Contest();
  contest.join('a');
  await contest.pass(0);
  const b = contest.join('b');
  await contest.pass(5_000);
  const stopped = b.election.stop();
  await contest.pass(0);
  await stopped;
  t.true(contest.api.calls.filter(({ by }) => by === 'b').every(({ method }) => method === 'GET'));
});

test('stopping does not wait for a server that does not answer', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(0);
  a.client.way = 'deaf';
  await contest.pass(3_000);
  let done = false;
  const stopped = a.election.stop().then(() => {
    done = true;
  });
  await contest.pass(2_000);
  t.true(done);
  await stopped;
});

test('of two that find an expired Lease, the second write is a conflict', async (t) => {
  const contest = new Contest();
  contest.api.put(leasePath, { metadata: {}, spec: { holderIdentity: 'gone', leaseTransitions: 7, strategy: 'x' } });
  contest.join('a').client.delayMs = 50;
  contest.join('b').client.delayMs = 60;
  await contest.pass(leaseMs + 4 * 4_400);
  t.is(contest.holders().length, 1);
  t.is(contest.most, 1);
  t.like(contest.lease(), { leaseTransitions: 8, strategy: 'x' });
});

test('a Lease that somebody else wrote over is lost at the next look', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(5_000);
  contest.api.put(leasePath, { metadata: {}, spec: { holderIdentity: 'other', leaseDurationSeconds: 15 } });
  await contest.pass(2_000);
  t.false(a.election.isHolder);
  t.true(a.terms[0]!.signal.aborted);
});

test('a Lease that was deleted is made again', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(5_000);
  contest.api.objects.delete(leasePath);
  await contest.pass(3_000);
  t.true(a.election.isHolder);
  t.is(contest.lease().holderIdentity, a.election.identity);
});

test('a cache that lags behind makes no second holder', async (t) => {
  const contest = new Contest();
  const a = contest.join('a');
  await contest.pass(5_000);
  const b = contest.join('b');
  b.client.cache = new Map(contest.api.objects);
  await contest.pass(300_000);
  t.deepEqual(contest.holders(), ['a']);
  t.is(contest.most, 1);
  t.is(a.terms.length, 1);
  const conflicts = contest.api.calls.filter(({ by, method }) => by === 'b' && method === 'PUT').length;
  t.true(conflicts > 0 && conflicts < 20, `${conflicts} conflicts`);
  a.client.way = 'cut';
  await contest.pass(120_000);
  t.deepEqual(contest.holders(), ['b']);
  t.is(contest.most, 1);
});

test('who may not use Leases says which rule is missing, and asks seldom', async (t) => {
  const contest = new Contest();
  contest.api.refuse = () => new ApiError('leases is forbidden', 403, 'Forbidden');
  const a = contest.join('a');
  await contest.pass(120_000);
  t.is(
    a.trouble,
    'leases: Lease weft/weft-status: leases is forbidden; needs the rule {apiGroups: ["coordination.k8s.io"], resources: [leases], verbs: [get, create, update]} in weft',
  );
  t.true(contest.api.calls.length <= 4, `${contest.api.calls.length} calls`);
  contest.api.refuse = () => undefined;
  await contest.pass(70_000);
  t.true(a.election.isHolder);
  t.is(a.trouble, '');
});

/** Three candidates on clocks of other rates and other wall times, and ways to the server that open and close. */
async function stormy(t: ExecutionContext, seed: number): Promise<void> {
  const contest = new Contest(seed);
  const random = randomOf(seed * 7919);
  for (const name of ['a', 'b', 'c']) contest.join(name, 0.9 + 0.25 * random(), (random() - 0.5) * 1e8);
  for (let step = 0; step < 60; step++) {
    const candidate = contest.candidates[Math.floor(random() * 3)]!;
    candidate.client.way = (['open', 'open', ...ways] as const)[Math.floor(random() * 5)]!;
    candidate.client.delayMs = Math.floor(random() ** 3 * 3_000);
    candidate.client.cache = random() < 0.3 ? new Map(contest.api.objects) : undefined;
    await contest.pass(Math.floor(random() * 12_000));
  }
  for (const { client } of contest.candidates) {
    client.way = 'open';
    client.delayMs = 0;
    client.cache = undefined;
  }
  await contest.pass(60_000);
  t.is(contest.most, 1, `seed ${seed}`);
  t.is(contest.holders().length, 1, `seed ${seed}`);
}

test('never two at once, whatever happens to their ways and clocks', async (t) => {
  for (let seed = 1; seed <= 40; seed++) await stormy(t, seed);
});

test('many candidates look seldom, and one of them still takes over', async (t) => {
  const contest = new Contest();
  contest.agents = 5_000;
  const a = contest.join('a');
  await contest.pass(0);
  for (const name of ['b', 'c', 'd', 'e']) contest.join(name);
  await contest.pass(600_000);
  t.deepEqual(contest.holders(), ['a']);
  const looks = contest.api.calls.filter(({ by, method }) => by !== 'a' && method === 'GET').length;
  t.true(looks >= 4 * 9 && looks <= 4 * 21, `${looks} looks in ten minutes`);
  a.client.way = 'cut';
  await contest.pass(140_000);
  t.is(contest.holders().length, 1);
  t.not(contest.holders()[0], 'a');
  t.is(contest.most, 1);
});
