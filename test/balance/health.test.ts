import test from 'ava';
import fc from 'fast-check';
import type { OutlierDetection } from '../../agent/balance/cluster.js';
import { Health, OutlierDetector } from '../../agent/balance/health.js';
import type { Outcome } from '../../agent/balance/outcome.js';

const defaults: OutlierDetection = {
  consecutive5xx: 5,
  consecutiveGatewayErrors: 0,
  splitExternalLocalOriginErrors: false,
  consecutiveLocalOriginFailures: 5,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionPercent: 10,
  minHealthPercent: 0,
};

const ok: Outcome = { type: 'response', status: 200 };
const status = (code: number): Outcome => ({ type: 'response', status: code });
const refused: Outcome = { type: 'connect-failure' };

function detector(settings: Partial<OutlierDetection> | undefined, count: number, countsFaults = true) {
  const healths = Array.from({ length: count }, () => new Health());
  const filled = settings === undefined ? undefined : { ...defaults, ...settings };
  const made = new OutlierDetector(filled, countsFaults, 0);
  made.update(filled, countsFaults, healths, 0);
  return { healths, detector: made, first: healths[0]! };
}

/** What ejected the first endpoint after these outcomes, and after how many. */
function ejected(settings: Partial<OutlierDetection> | undefined, outcomes: readonly Outcome[]): string {
  const { detector: made, first } = detector(settings, 10);
  for (const [index, outcome] of outcomes.entries()) {
    if (made.record(first, outcome, 1)) return `${first.ejection} after ${index + 1}`;
  }
  return 'no';
}

const times = (count: number, outcome: Outcome) => Array<Outcome>(count).fill(outcome);

test('consecutive5xxErrors: in a row, whatever the 5xx; a success begins anew', (t) => {
  t.is(ejected({}, times(9, status(500))), 'consecutive-5xx after 5');
  t.is(ejected({}, [...times(4, status(500)), ok, ...times(4, status(503))]), 'no');
  t.is(ejected({}, [status(500), status(501), status(502), status(503), status(504)]), 'consecutive-5xx after 5');
  t.is(ejected({}, times(20, status(404))), 'no');
  t.is(ejected({ consecutive5xx: 0 }, times(20, status(500))), 'no');
});

test('consecutiveGatewayErrors: 502, 503 and 504 alone', (t) => {
  const settings = { consecutive5xx: 0, consecutiveGatewayErrors: 3 };
  t.is(ejected(settings, times(5, status(503))), 'consecutive-gateway-errors after 3');
  t.is(ejected(settings, [status(502), status(504), status(500), status(503), status(503)]), 'no');
  t.is(ejected({ consecutiveGatewayErrors: 3 }, times(5, status(503))), 'consecutive-gateway-errors after 3');
  t.is(ejected({ consecutiveGatewayErrors: 9 }, times(5, status(503))), 'consecutive-5xx after 5');
});

test('local origin errors are gateway errors, unless they are counted apart', (t) => {
  t.is(ejected({}, times(5, refused)), 'consecutive-5xx after 5');
  t.is(
    ejected({ consecutiveGatewayErrors: 2 }, [{ type: 'timeout' }, { type: 'reset' }]),
    'consecutive-gateway-errors after 2',
  );
  const split = { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 3, consecutive5xx: 2 };
  t.is(
    ejected(split, [refused, { type: 'timeout' }, { type: 'connect-timeout' }]),
    'consecutive-local-origin-failures after 3',
  );
  t.is(ejected(split, [refused, refused, ok, refused, refused]), 'no');
  t.is(ejected(split, [status(500), refused, status(500)]), 'consecutive-5xx after 3');
});

test('what was cancelled says nothing', (t) => {
  t.is(ejected({ consecutive5xx: 2 }, [status(500), { type: 'cancelled' }, status(500)]), 'consecutive-5xx after 3');
});

test('an ejection lasts baseEjectionTime times the ejections in a row, and ends with a sweep', (t) => {
  const { detector: made, first } = detector({ intervalMs: 10_000, baseEjectionMs: 25_000 }, 10);
  for (const outcome of times(5, status(500))) made.record(first, outcome, 1000);
  t.true(first.isEjected);
  made.sweep(29_999);
  t.true(first.isEjected);
  made.sweep(30_000);
  t.false(first.isEjected);
  for (const outcome of times(5, status(500))) made.record(first, outcome, 31_000);
  made.sweep(80_000);
  t.true(first.isEjected);
  made.sweep(90_000);
  t.false(first.isEjected);
  t.is(first.ejections, 2);
  t.is(first.backoff, 2);
});

test('sweeps in health take the back-off away again', (t) => {
  const { detector: made, first } = detector({ intervalMs: 1000, baseEjectionMs: 1000 }, 10);
  for (const outcome of times(5, status(500))) made.record(first, outcome, 0);
  made.sweep(1000);
  t.is(first.backoff, 1);
  made.sweep(2000);
  t.is(first.backoff, 0);
});

test('sweeps that nobody asked for in time happen all the same', (t) => {
  const { detector: made, first } = detector({ intervalMs: 1000, baseEjectionMs: 3000 }, 10);
  for (const outcome of times(5, status(500))) made.record(first, outcome, 0);
  made.sweep(1_000_000);
  t.false(first.isEjected);
  t.is(first.backoff, 0);
});

test('maxEjectionPercent: at least one, then the share; all only at 100', (t) => {
  const ejections = (percent: number, count: number) => {
    const { detector: made, healths } = detector({ maxEjectionPercent: percent }, count);
    for (const health of healths) for (const outcome of times(5, status(500))) made.record(health, outcome, 1);
    return healths.filter((health) => health.isEjected).length;
  };
  t.is(ejections(10, 10), 1);
  t.is(ejections(10, 3), 1);
  t.is(ejections(50, 10), 5);
  t.is(ejections(0, 4), 1);
  t.is(ejections(99, 4), 3);
  t.is(ejections(100, 4), 4);
  t.is(ejections(10, 1), 0);
  t.is(ejections(100, 1), 1);
});

test('minHealthPercent: below it all are used', (t) => {
  const { detector: made } = detector({ minHealthPercent: 50 }, 4);
  t.deepEqual(
    [0, 1, 2, 3].map((healthy) => made.isPanic(healthy, 4)),
    [true, true, false, false],
  );
  t.false(detector({}, 4).detector.isPanic(0, 4));
  t.true(detector(undefined, 4).detector.isPanic(0, 4));
});

test('without settings: one connection that cannot be made ejects, briefly, then longer', (t) => {
  const { detector: made, first } = detector(undefined, 3);
  const lasts: number[] = [];
  let now = 0;
  for (let i = 0; i < 4; i++) {
    t.true(made.record(first, refused, now));
    const since = now;
    while (first.isEjected) {
      now += 100;
      made.sweep(now);
    }
    lasts.push(now - since);
  }
  t.deepEqual(lasts, [1000, 2000, 3000, 4000]);
  made.record(first, ok, now);
  made.sweep(now + 10_000);
  t.is(first.backoff, 0);
});

test('without settings: five faults in a row eject under ADAPTIVE, up to half of the endpoints', (t) => {
  t.is(ejected(undefined, times(9, status(500))), 'consecutive-errors after 5');
  t.is(ejected(undefined, times(20, status(501))), 'no');
  const { detector: made, healths } = detector(undefined, 4);
  for (const health of healths)
    for (const outcome of times(5, { type: 'reset' } as Outcome)) made.record(health, outcome, 1);
  t.is(healths.filter((health) => health.isEjected).length, 2);
  const plain = detector(undefined, 4, false);
  for (const outcome of times(20, status(500))) t.false(plain.detector.record(plain.first, outcome, 1));
});

test('no sequence of faults ejects more than the share allows, or the last endpoint below 100 %', (t) => {
  const event = fc.record({
    who: fc.nat(5),
    what: fc.constantFrom(ok, status(500), status(503), refused),
    ms: fc.nat(20_000),
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99 }), fc.array(event, { maxLength: 200 }), (percent, events) => {
      const { detector: made, healths } = detector({ maxEjectionPercent: percent, consecutive5xx: 2 }, 6);
      let now = 0;
      for (const { who, what, ms } of events) {
        now += ms;
        made.record(healths[who]!, what, now);
        const count = healths.filter((health) => health.isEjected).length;
        if (count > Math.max(1, Math.floor((percent * 6) / 100)) || count === 6) return false;
      }
      return true;
    }),
  );
  t.pass();
});
