import test from 'ava';
import fc from 'fast-check';
import type { HttpRule } from '../../../agent/compile/snapshot.js';
import type { Failure } from '../../../agent/gateway/exchange.js';
import type { FakeAttempt, FakeExchange, FirstMove } from './fakes.js';
import { action, get, rule, snapshotOf, tableOf, toCluster, World } from './world.js';

/** What may happen to a request, in any order; what cannot happen at that moment is left out. */
type Event =
  | { readonly type: 'client-data'; readonly size: number }
  | { readonly type: 'client-end' | 'client-fail' | 'client-drained' }
  | { readonly type: 'head'; readonly attempt: number; readonly status: number; readonly ended: boolean }
  | { readonly type: 'data' | 'end' | 'drained' | 'informational'; readonly attempt: number }
  | { readonly type: 'fail'; readonly attempt: number; readonly why: Failure }
  | { readonly type: 'time'; readonly ms: number };

const failures: readonly Failure[] = ['connect-failure', 'reset-unsent', 'reset', 'protocol-error', 'overload'];
const attempt = fc.nat({ max: 5 });

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constant('client-data' as const), size: fc.constantFrom(1, 40_000) }),
  fc.record({ type: fc.constantFrom('client-end' as const, 'client-drained' as const) }),
  fc.record({ type: fc.constant('client-fail' as const) }),
  fc.record({
    type: fc.constant('head' as const),
    attempt,
    status: fc.constantFrom(200, 500, 503),
    ended: fc.boolean(),
  }),
  fc.record({ type: fc.constantFrom('data' as const, 'end' as const, 'drained' as const), attempt }),
  fc.record({ type: fc.constant('informational' as const), attempt }),
  fc.record({ type: fc.constant('fail' as const), attempt, why: fc.constantFrom(...failures) }),
  fc.record({ type: fc.constant('time' as const), ms: fc.constantFrom(1, 30, 300) }),
);

const rules: fc.Arbitrary<HttpRule> = fc
  .record({
    retries: fc.option(
      fc.record({
        attempts: fc.nat({ max: 3 }),
        perTryTimeoutMs: fc.option(fc.constant(50), { nil: undefined }),
        on: fc.constantFrom(['5xx'], ['connect-failure'], []),
        statuses: fc.constant([]),
        backoffMs: fc.constant(25),
        ignorePreviousHosts: fc.boolean(),
      }),
      { nil: undefined },
    ),
    timeoutMs: fc.option(fc.constant(200), { nil: undefined }),
    mirrors: fc.constantFrom([], [{ cluster: 'v2', percent: 100 }]),
    delay: fc.option(fc.constant({ percent: 100, delayMs: 20 }), { nil: undefined }),
  })
  .map(({ retries, timeoutMs, mirrors, delay }) => ({
    ...rule,
    fault: delay === undefined ? undefined : { delay, abort: undefined },
    action: { ...action, destinations: [toCluster('v1')], retries, timeoutMs, mirrors },
  }));

/** Where a backend's answer stands. */
type Stage = 'open' | 'answered' | 'over';

/** Plays events as codecs would: only what is possible at the moment. */
class Play {
  readonly #world: World;
  readonly #exchange: FakeExchange;
  readonly #stages = new Map<FakeAttempt, Stage>();
  #clientEnded: boolean;
  #clientGone = false;

  constructor(world: World, exchange: FakeExchange) {
    this.#world = world;
    this.#exchange = exchange;
    this.#clientEnded = exchange.head.length === 0;
  }

  happen(event: Event): void {
    if (event.type === 'time') this.#world.clock.pass(event.ms);
    else if ('attempt' in event) this.#backend(event);
    else this.#client(event);
  }

  #client(event: Event & { type: `client-${string}` }): void {
    const { receiver, isEnded, aborted } = this.#exchange;
    if (receiver === undefined || this.#clientGone) return;
    if (event.type === 'client-data' && !this.#clientEnded)
      receiver.data(Buffer.alloc('size' in event ? event.size : 1));
    if (event.type === 'client-end' && !this.#clientEnded) {
      this.#clientEnded = true;
      receiver.end([]);
    }
    if (event.type === 'client-drained' && !isEnded) receiver.drained();
    if (event.type === 'client-fail' && !isEnded && aborted === undefined) {
      this.#clientGone = true;
      receiver.fail('reset');
    }
  }

  #backend(event: Event & { readonly attempt: number }): void {
    const one = this.#world.upstreams.attempts[event.attempt];
    if (one === undefined || one.isAborted || one.endpoint === undefined) return;
    const stage = this.#stages.get(one) ?? 'open';
    if (stage === 'over') return;
    const { receiver } = one;
    if (event.type === 'drained') receiver.drained();
    else if (event.type === 'fail') {
      this.#stages.set(one, 'over');
      receiver.fail(event.why);
    } else if (stage === 'open') {
      if (event.type === 'informational') receiver.informational(103, []);
      if (event.type === 'head') {
        this.#stages.set(one, event.ended ? 'over' : 'answered');
        receiver.head({ status: event.status, fields: [], length: undefined }, event.ended);
      }
    } else if (event.type === 'data') receiver.data(Buffer.from('x'));
    else if (event.type === 'end') {
      this.#stages.set(one, 'over');
      receiver.end([]);
    }
  }

  /** The client goes at last, if it is still there. */
  close(): void {
    const { receiver, isEnded, aborted } = this.#exchange;
    this.#world.clock.pass(1000);
    if (!this.#clientGone && !isEnded && aborted === undefined) receiver?.fail('reset');
    for (const one of this.#world.upstreams.attempts) {
      if (!one.isAborted && this.#stages.get(one) !== 'over' && one.outcomes.length === 0) one.receiver.fail('reset');
    }
    this.#world.clock.pass(20_000);
  }
}

/** What is wrong when everything is over. */
function complaints({ records, upstreams, clock, proxy }: World, exchange: FakeExchange): readonly string[] {
  const { requests, delayed, mirrored } = proxy.load;
  const unsettled = upstreams.attempts.filter(
    ({ outcomes, endpoint }) => outcomes.length !== (endpoint === undefined ? 0 : 1),
  );
  const half = upstreams.attempts.filter(
    ({ outcomes, hasNoBody, trailers, isAborted }) =>
      outcomes[0]?.type === 'response' && !hasNoBody && trailers === undefined && !isAborted,
  );
  const wrong: readonly (readonly [boolean, string])[] = [
    [records.length !== 1, `${records.length} records`],
    [requests + delayed + mirrored > 0, `${requests} requests, ${delayed} delayed, ${mirrored} mirrored`],
    [upstreams.retriesHeld !== 0, `${upstreams.retriesHeld} retries held`],
    [proxy.load.keptBytes !== 0, `${proxy.load.keptBytes} bytes kept`],
    [clock.waiting > 0, `${clock.waiting} timers`],
    [unsettled.length > 0, `outcomes ${unsettled.map(({ outcomes }) => JSON.stringify(outcomes)).join(' ')}`],
    [half.length > 0, `${half.length} answered requests were neither sent whole nor aborted`],
    [records[0]?.status !== (exchange.response?.status ?? 0), `recorded ${records[0]?.status}`],
  ];
  return wrong.filter(([isWrong]) => isWrong).map(([, text]) => text);
}

test('in whatever order things happen, a request ends once and leaves nothing behind', (t) => {
  const moves = fc.array(fc.constantFrom<FirstMove>(undefined, undefined, 'connect-failure', 'no-healthy-upstream'), {
    maxLength: 5,
  });
  const property = fc.property(
    rules,
    moves,
    fc.constantFrom(0, undefined),
    fc.array(event, { maxLength: 40 }),
    (oneRule, first, length, events) => {
      const world = new World(snapshotOf(tableOf(oneRule)));
      world.upstreams.moves.push(...first);
      const exchange = world.send(get('/', { method: 'POST', length }));
      const play = new Play(world, exchange);
      for (const each of events) play.happen(each);
      play.close();
      const wrong = complaints(world, exchange);
      if (wrong.length > 0) throw new Error(wrong.join('; '));
    },
  );
  const result = fc.check(property, { numRuns: 3000 });
  t.false(result.failed, fc.defaultReportMessage(result));
});
