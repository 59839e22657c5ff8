import test from 'ava';
import type { Facts } from '../../agent/demo/facts.js';
import type { Lap } from '../../agent/demo/phases.js';
import { drawSummary } from '../../agent/demo/report.js';
import { shareRows } from '../../agent/demo/shares.js';
import { summarize } from '../../agent/demo/summary.js';
import type { Tally } from '../../agent/demo/tally.js';
import { paintAll } from '../../agent/demo/view.js';
import { answer, fail, perfectFacts, perfectTally } from './traffic.js';

const unmet = (tally: Tally, facts: Facts = perfectFacts): string[] =>
  summarize(tally, facts)
    .verdicts.filter(({ met }) => !met)
    .map(({ text }) => text);

test('a run as foretold is as expected', (t) => {
  const summary = summarize(perfectTally(60), perfectFacts);
  t.deepEqual(unmet(perfectTally(60)), []);
  t.true(summary.met);
  t.is(summary.verdicts.length, 20);
  t.is(summary.failed, 0);
});

test('a share counts what reached a backend in its phase alone', (t) => {
  const tally = perfectTally(120);
  answer(tally, 'weight:change', 'user-service', 'user-2', 500);
  fail(tally, 'weight', 'user-service', 'ECONNREFUSED');
  const rows = shareRows(tally).filter((row) => row.phase === 'weight' && row.question === 'user-service');
  const about = { phase: 'weight', question: 'user-service', by: 'l4', service: 'user-service' } as const;
  const rest = { rule: 'DestinationRule user-service', deviation: 0, failed: 1 };
  t.deepEqual(rows, [
    { ...about, ...rest, backend: 'user-1', weight: 3, expected: 0.75, share: 0.75, requests: 360 },
    { ...about, ...rest, backend: 'user-2', weight: 1, expected: 0.25, share: 0.25, requests: 120 },
  ]);
});

test('where rules name subsets, shares are theirs, errors of a backend included', (t) => {
  const tally = perfectTally(60);
  for (let i = 0; i < 60; i++) fail(tally, 'failing', 'catalog', 'status 500', 'catalog-2');
  const rows = shareRows(tally).filter((row) => row.phase === 'failing' && row.question === 'catalog');
  t.deepEqual(
    rows.map(({ backend, share, requests, failed }) => ({ backend, share, requests, failed })),
    [
      { backend: 'v1', share: 0.8, requests: 240, failed: 60 },
      { backend: 'v2', share: 0.2, requests: 60, failed: 60 },
    ],
  );
});

test('a share of connections that is more than a percentage point and two connections off is not as expected', (t) => {
  const near = perfectTally(240);
  answer(near, 'steady', 'user-service', 'user-1', 6);
  t.deepEqual(unmet(near), []);
  const few = perfectTally(60);
  answer(few, 'steady', 'user-service', 'user-1', 4);
  t.deepEqual(unmet(few), []);
  const far = perfectTally(240);
  answer(far, 'steady', 'user-service', 'user-1', 24);
  t.regex(
    unmet(far).join(),
    /^connections follow the weights within 1 .* largest deviation is 2\.38 at user-1 in steady$/,
  );
});

test('through the ingress a count may be off by two for each worker', (t) => {
  const near = perfectTally(60);
  answer(near, 'steady', 'ingress /user', 'user-1', 8);
  t.deepEqual(unmet(near), []);
  answer(near, 'steady', 'ingress /user', 'user-1', 4);
  t.regex(unmet(near).join(), /^through the ingress, .* largest deviation is 6\.0 requests at user-1 in steady$/);
});

test('a drained backend gets nothing at all', (t) => {
  for (const question of ['order-service', 'ingress /order'] as const) {
    const tally = perfectTally(600);
    answer(tally, 'drain', question, 'order-1');
    t.deepEqual(unmet(tally), ['1 requests went to a backend that was drained or not ready'], question);
  }
});

test('failures are forgiven only between the kill of the backend and the kernel knowing', (t) => {
  const forgiven = perfectTally(60);
  fail(forgiven, 'outage:change', 'user-service', 'ECONNREFUSED');
  fail(forgiven, 'outage:spread', 'user-service', 'ECONNREFUSED');
  fail(forgiven, 'outage:change', 'ingress /user', 'status 503');
  t.deepEqual(unmet(forgiven), []);
  for (const lap of ['steady', 'weight:change', 'drain', 'drain:change', 'undrain', 'recovery:change'] as const) {
    const tally = perfectTally(60);
    fail(tally, lap, 'order-service', 'timeout');
    t.regex(unmet(tally).join(), /^1 failed requests .*: timeout 1$/, lap);
  }
  for (const lap of ['agentless', 'restart'] as const) {
    const tally = perfectTally(60);
    fail(tally, lap, 'ingress /order', 'ECONNREFUSED');
    t.regex(unmet(tally).join(), /^1 failed requests while the agent was dead 2\.5 s/, lap);
  }
  const late = perfectTally(60);
  fail(late, 'outage', 'user-service', 'ECONNREFUSED');
  t.regex(unmet(late).join(), /^failed connections .*, 1 afterwards \(ECONNREFUSED 1\)$/);
  const through = perfectTally(60);
  fail(through, 'outage:spread', 'ingress /user', 'status 503');
  t.regex(unmet(through).join(), /^of 61 requests for \/user .*: 0 when it was killed, 1 afterwards: status 503 1$/);
});

test('a failing backend may fail requests until it is noticed, and few afterwards', (t) => {
  const noticed = perfectTally(120);
  for (let i = 0; i < 20; i++) fail(noticed, 'failing:change', 'catalog', 'status 500', 'catalog-2');
  for (let i = 0; i < 20; i++) fail(noticed, 'failing', 'catalog', 'status 500', 'catalog-2');
  t.deepEqual(unmet(noticed), []);
  for (let i = 0; i < 60; i++) fail(noticed, 'failing', 'catalog', 'status 500', 'catalog-2');
  t.regex(unmet(noticed).join('\n'), /^catalog-2 got 33.3% .* 18.2% while failing \(at most 10%\)/m);
  t.regex(unmet(noticed).join('\n'), /^requests that catalog-2 failed with 500: 20 of 20 at first, then 80 of 560$/m);
  const otherwise = perfectTally(60);
  fail(otherwise, 'failing', 'catalog', 'timeout');
  t.regex(unmet(otherwise).join(), /^requests that catalog-2 failed .*; others: timeout 1$/);
});

test('a slow backend loses requests and comes back', (t) => {
  const kept = perfectTally(60);
  answer(kept, 'slow', 'catalog', 'catalog-1', 60);
  t.regex(
    unmet(kept).join('\n'),
    /^catalog-1 got 33.3% of v1's requests, 25.0% while slow \(at most 10%\), 33.3% in the end/m,
  );
  t.regex(unmet(perfectTally(60), { ...perfectFacts, slowBack: null }).join(), /^catalog-1 got /);
});

test('rules decide: testers get v2, everyone else a split, and what no rule is for the gateway’s own 404', (t) => {
  const tester = perfectTally(60);
  answer(tester, 'steady', 'catalog, tester', 'catalog-3');
  t.true(unmet(tester).some((text) => /^540 of 541 requests with x-tester: yes reached v2 \(0 of 0 while/.test(text)));
  const lopsided = perfectTally(60);
  for (const lap of ['steady', 'weight'] as Lap[]) answer(lopsided, lap, 'catalog', 'catalog-4', 200);
  t.regex(unmet(lopsided).join(), /^of 2560 others 63\.28% reached v1, whose weight is 75% /);
  const wrong = perfectTally(60);
  fail(wrong, 'slow', 'ingress /other', 'answered by user-1', 'user-1');
  t.true(unmet(wrong).some((text) => text.includes("got the gateway's own 404: answered by user-1 1")));
});

test('a worker that is killed loses what it has in hand, nothing later, and nobody is refused', (t) => {
  const inHand = perfectTally(60);
  fail(inHand, 'worker:change', 'catalog', 'ECONNRESET');
  t.deepEqual(unmet(inHand), []);
  fail(inHand, 'worker:change', 'ingress /user', 'ECONNREFUSED');
  t.regex(unmet(inHand).join(), /^a gateway worker was killed: 2 requests in its hands were lost/);
  const later = perfectTally(60);
  fail(later, 'worker', 'catalog', 'ECONNRESET');
  t.regex(unmet(later).join(), /, 1 later; another ran after 130 ms$/);
});

test('what happens after the last phase is counted but not judged', (t) => {
  const tally = perfectTally(60);
  fail(tally, 'open', 'user-service', 'ECONNREFUSED');
  t.deepEqual(unmet(tally), []);
  t.is(summarize(tally, perfectFacts).failed, 1);
});

test('every measured fact is judged', (t) => {
  const tally = perfectTally(60);
  t.regex(unmet(tally, { ...perfectFacts, markedAfter: 201 }).join(), /marked not ready after 201 ms/);
  t.regex(unmet(tally, { ...perfectFacts, weightsKept: {} }).join(), /weights after the restart: none/);
  t.regex(unmet(tally, { ...perfectFacts, workerReplaced: null }).join(), /^a gateway worker was killed/);
  t.regex(unmet(tally, { ...perfectFacts, leftovers: ['/run/x'] }).join(), /left behind: \/run\/x/);
  t.regex(unmet(tally, { ...perfectFacts, seconds: 60 }).join(), /^\d+ requests in 60\.0 s \(at least 24000\)$/);
  t.true(
    unmet(perfectTally(12), { ...perfectFacts, seconds: 1 }).some((text) =>
      /^too few connections to judge: steady order-/.test(text),
    ),
  );
});

const clusterFacts: Facts = {
  ...perfectFacts,
  feed: 'kubernetes',
  server: { wordAfter: 300, away: 1200, agentReady: true, caughtUp: 900 },
};

test('where an API server feeds the agent, its absence is judged too', (t) => {
  const summary = summarize(perfectTally(60), clusterFacts);
  t.deepEqual(unmet(perfectTally(60), clusterFacts), []);
  t.is(summary.verdicts.length, 22);
  t.true(
    summary.verdicts.some(({ text }) =>
      /^0 of \d+ requests failed while the API server was away 1.2 s; the agent stayed ready and watched it again 900 ms after it was back$/.test(
        text,
      ),
    ),
  );
  const lines = paintAll(drawSummary(summary), { write: () => true }, {});
  t.regex(lines, /^\d+ requests, 0 failed; a Kubernetes API server fed the agent$/m);
  const unready = { ...clusterFacts, server: { ...clusterFacts.server!, agentReady: false, caughtUp: null } };
  t.regex(unmet(perfectTally(60), unready).join(), /away 1.2 s; the agent was not ready$/);
  const silent = { ...clusterFacts, server: { ...clusterFacts.server!, wordAfter: null } };
  t.regex(unmet(perfectTally(60), silent).join(), /^the agent never wrote to the API server /);
  const failed = perfectTally(60);
  fail(failed, 'weight:change', 'order-service', 'timeout');
  fail(failed, 'weight:change', 'catalog', 'status 500', 'catalog-2');
  t.regex(unmet(failed, clusterFacts).join(), /^1 of \d+ requests failed while the API server was away/);
});

test('an interrupted run is judged by what it leaves behind', (t) => {
  const summary = summarize(perfectTally(6), { ...perfectFacts, seconds: null });
  t.deepEqual(summary.verdicts, [{ met: true, text: 'nothing is left behind' }]);
});

test('the summary is a row for each Service in each phase, for each kind of request, and a line for each verdict', (t) => {
  const summary = summarize(perfectTally(60), perfectFacts);
  const lines = paintAll(drawSummary(summary), { write: () => true }, {}).split('\n');
  t.is(lines[0], 'PHASE      SERVICE        WEIGHTS              SHARES                         CONNECTIONS  FAILED');
  t.is(lines[8], 'weight     user-service   user-1=3 user-2=1    user-1 75.00% user-2 25.00%            240       0');
  t.is(lines[24], 'GATEWAY          RULE                      BACKEND  EXPECTED    SHARE  REQUESTS  FAILED');
  t.is(lines[30], 'catalog, tester  catalog http[0] testers   v2        100.00%  100.00%       540       0');
  t.is(lines.filter((line) => line.startsWith('ok ')).length, summary.verdicts.length);
  t.is(lines.at(-2), 'all as expected');
});
