import test from 'ava';
import { drawSummary } from '../../agent/demo/report.js';
import { shareRows, summarize } from '../../agent/demo/summary.js';
import { paintAll } from '../../agent/demo/view.js';
import { answer, fail, perfectFacts, perfectTally } from './traffic.js';

const unmet = (tally: ReturnType<typeof perfectTally>, facts = perfectFacts): string[] =>
  summarize(tally, facts)
    .verdicts.filter(({ met }) => !met)
    .map(({ text }) => text);

test('a run as foretold is as expected', (t) => {
  const summary = summarize(perfectTally(200), perfectFacts);
  t.true(summary.met);
  t.true(summary.verdicts.length > 8);
  t.is(summary.failed, 0);
});

test('a share counts answered connections of its phase alone', (t) => {
  const tally = perfectTally(100);
  answer(tally, 'weight:change', 'user-2', 500);
  fail(tally, 'weight', 'user-service', 'ECONNREFUSED');
  const rows = shareRows(tally).filter((row) => row.phase === 'weight' && row.service === 'user-service');
  t.deepEqual(
    rows.map(({ backend, weight, share, deviation, connections, failed }) => ({
      backend,
      weight,
      share,
      deviation,
      connections,
      failed,
    })),
    [
      { backend: 'user-1', weight: 3, share: 0.75, deviation: 0, connections: 300, failed: 1 },
      { backend: 'user-2', weight: 1, share: 0.25, deviation: 0, connections: 100, failed: 1 },
    ],
  );
});

test('a share that is more than a percentage point off is not as expected', (t) => {
  const near = perfectTally(200);
  answer(near, 'steady', 'user-1', 6);
  t.deepEqual(unmet(near), []);
  const far = perfectTally(200);
  answer(far, 'steady', 'user-1', 20);
  t.regex(unmet(far).join(), /^shares are within 1 .* largest deviation is 2\.38 at user-1 in steady$/);
});

test('a drained backend gets no connection at all', (t) => {
  const tally = perfectTally(1000);
  answer(tally, 'drain', 'order-1');
  t.deepEqual(unmet(tally), ['1 connections went to a backend that was drained or not ready']);
});

test('failures are forgiven only between the kill of the backend and the kernel knowing', (t) => {
  const forgiven = perfectTally(200);
  fail(forgiven, 'outage:change', 'user-service', 'ECONNREFUSED');
  fail(forgiven, 'outage:spread', 'user-service', 'ECONNREFUSED');
  t.deepEqual(unmet(forgiven), []);
  for (const lap of ['steady', 'weight:change', 'drain', 'drain:change', 'undrain', 'recovery:change'] as const) {
    const tally = perfectTally(200);
    fail(tally, lap, 'order-service', 'timeout');
    t.regex(unmet(tally).join(), /^1 failed requests .*: timeout 1$/, lap);
  }
  for (const lap of ['agentless', 'restart'] as const) {
    const tally = perfectTally(200);
    fail(tally, lap, 'order-service', 'ECONNREFUSED');
    t.regex(unmet(tally).join(), /^1 failed requests while the agent was dead 2\.5 s/, lap);
  }
  const late = perfectTally(200);
  fail(late, 'outage', 'user-service', 'ECONNREFUSED');
  t.regex(unmet(late).join(), /, 1 afterwards \(ECONNREFUSED 1\)$/);
});

test('what happens after the last phase is counted but not judged', (t) => {
  const tally = perfectTally(200);
  fail(tally, 'open', 'user-service', 'ECONNREFUSED');
  t.deepEqual(unmet(tally), []);
  t.is(summarize(tally, perfectFacts).failed, 1);
});

test('every measured fact is judged', (t) => {
  const tally = perfectTally(200);
  t.regex(unmet(tally, { ...perfectFacts, markedAfter: 201 }).join(), /marked not ready after 201 ms/);
  t.regex(unmet(tally, { ...perfectFacts, weightsKept: {} }).join(), /weights after the restart: none/);
  t.regex(unmet(tally, { ...perfectFacts, leftovers: ['/run/x'] }).join(), /left behind: \/run\/x/);
  t.regex(unmet(tally, { ...perfectFacts, seconds: 60 }).join(), /^\d+ connections in 60\.0 s \(at least 30000\)$/);
  t.regex(
    unmet(perfectTally(20), { ...perfectFacts, seconds: 1 }).join(),
    /^too few connections to judge: steady order-/,
  );
});

test('an interrupted run is judged by what it leaves behind', (t) => {
  const summary = summarize(perfectTally(1), { ...perfectFacts, seconds: null });
  t.deepEqual(summary.verdicts, [{ met: true, text: 'nothing is left behind' }]);
});

test('the summary is a row for each backend in each phase and a line for each verdict', (t) => {
  const summary = summarize(perfectTally(200), perfectFacts);
  const lines = paintAll(drawSummary(summary), { write: () => true }, {}).split('\n');
  t.is(lines[0], 'PHASE      SERVICE        BACKEND  WEIGHT  EXPECTED    SHARE  DEVIATION  CONNECTIONS  FAILED');
  t.is(lines[7], 'weight     user-service   user-1        3    75.00%   75.00%      +0.00          600       0');
  t.is(lines.filter((line) => line.startsWith('ok ')).length, summary.verdicts.length);
  t.is(lines.at(-2), 'all as expected');
});
