import { offBy } from './connection-verdicts.js';
import type { Facts } from './facts.js';
import { type Lap, phaseOf } from './phases.js';
import { type QuestionName, questionNamed } from './questions.js';
import { type ShareRow, shareOfVersion } from './shares.js';
import type { Tally } from './tally.js';
import { list, percent, seconds, type Verdict } from './verdict.js';

/** In percentage points. */
const mostDeviation = 1;
/** By which a count at the ingress may be off: ROUND_ROBIN is exact for each of the gateway's workers. */
const mostOff = 4;
/** Of a share that rules split by chance, over the whole run, in percentage points. */
const mostSplitDeviation = 2;
/** What a backend that is slow or fails may still get of what it would get, so that it can show that it is well again. */
const mostIfIll = 0.1;
/** What it gets at least once it is well. */
const leastIfWell = 0.12;

/** What was promised of requests: through the gateway, which picks for each. */
export function requestVerdicts(tally: Tally, shares: readonly ShareRow[], facts: Facts): Verdict[] {
  return [
    ingress(tally),
    other(tally),
    ingressShares(shares.filter(({ question }) => question === 'ingress /user' || question === 'ingress /order')),
    testers(
      tally,
      shares.filter(({ question }) => question === 'catalog, tester'),
    ),
    split(shares.filter(({ question }) => question === 'catalog')),
    losing(tally, 'catalog-1', 'slow', facts.slowBack),
    losing(tally, 'catalog-2', 'failing', facts.failingBack),
    failures(tally),
    retried(tally),
    worker(tally, facts),
  ];
}

function ingress(tally: Tally): Verdict {
  const counts = (['outside', 'client'] as const).map((asker) =>
    (['ingress /user', 'ingress /order'] as const).map((question) => tally.answeredTo(asker, question)),
  );
  const [fromOutside, fromPod] = counts.map(([user, order]) => `${user} for /user and ${order} for /order`);
  const text = `the ingress listener answered ${fromOutside} from outside, ${fromPod} from a pod`;
  return { met: counts.flat().every((count) => count > 0), text: `${text}, each by a backend of its Service` };
}

function other(tally: Tally): Verdict {
  const answered = tally.answeredTo('outside', 'ingress /other') + tally.answeredTo('client', 'ingress /other');
  const wrong = tally.reasons((lap, question) => question === 'ingress /other' && !isWorkerKill(lap));
  const failed = wrong.reduce((sum, [, count]) => sum + count, 0);
  const text = `${answered} of ${answered + failed} requests for /other got the gateway's own 404`;
  return { met: answered > 0 && failed === 0, text: failed === 0 ? text : `${text}: ${list(wrong)}` };
}

function ingressShares(rows: readonly ShareRow[]): Verdict {
  const worst = rows.reduce((a, b) => (offBy(b) > offBy(a) ? b : a));
  const far = rows.filter((row) => Math.abs(row.deviation) > mostDeviation && offBy(row) > mostOff);
  const where = `${offBy(worst).toFixed(1)} requests at ${worst.backend} in ${worst.phase}`;
  const limit = `${mostDeviation} percentage point or ${mostOff} requests`;
  return {
    met: far.length === 0,
    text: `through the ingress, weights and drains hold within ${limit}: the largest deviation is ${where}`,
  };
}

/** Where nothing was heard of the agent for 3 s, connections bypass the rules (`weft.dev/when-agent-down: bypass`). */
function testers(tally: Tally, rows: readonly ShareRow[]): Verdict {
  const total = rows.reduce((sum, { requests }) => sum + requests, 0);
  const right = rows.reduce((sum, { backend, requests }) => sum + (backend === 'v2' ? requests : 0), 0);
  const counts = (['agentless', 'restart'] as const).flatMap((lap) => [...tally.of(lap, 'catalog, tester').answered]);
  const without = counts.reduce((sum, [, count]) => sum + count, 0);
  const ruled = counts.reduce((sum, [backend, count]) => sum + (backend === 'catalog-4' ? count : 0), 0);
  const beside = `${ruled} of ${without} while the agent was away: rules are bypassed after 3 s`;
  return {
    met: total > 0 && right === total,
    text: `${right} of ${total} requests with x-tester: yes reached v2 (${beside})`,
  };
}

function split(rows: readonly ShareRow[]): Verdict {
  const total = rows.reduce((sum, { requests }) => sum + requests, 0);
  const v1 = rows.reduce((sum, { backend, requests }) => sum + (backend === 'v1' ? requests : 0), 0);
  const { expected } = rows.find(({ backend }) => backend === 'v1')!;
  const share = total === 0 ? 0 : v1 / total;
  return {
    met: total > 0 && Math.abs(share - expected) * 100 <= mostSplitDeviation,
    text: `of ${total} others ${percent(share, 2)} reached v1, whose weight is ${percent(expected, 0)} (± ${mostSplitDeviation})`,
  };
}

/** A backend loses requests by itself while it is ill, and gets them back. */
function losing(tally: Tally, pod: string, phase: 'slow' | 'failing', back: number | null): Verdict {
  const [before, ill, after] = (['steady', phase, 'recovery'] as const).map((lap) => shareOfVersion(tally, lap, pod));
  const show = (share: number | null | undefined): string => (share == null ? 'nothing' : percent(share, 1));
  return {
    met: back !== null && (before ?? 0) >= leastIfWell && (ill ?? 1) <= mostIfIll && (after ?? 0) >= leastIfWell,
    text: `${pod} got ${show(before)} of v1's requests, ${show(ill)} while ${phase} (at most ${percent(mostIfIll, 0)}), ${show(after)} in the end: back${seconds(back)} after it was well`,
  };
}

/** 500s of the failing backend reach clients only until it is ejected, and one by one when it is tried again. */
function failures(tally: Tally): Verdict {
  const inLap = (lap: Lap): { readonly requests: number; readonly failed: number } =>
    tally.total((each, question) => each === lap && question === 'catalog');
  const [noticing, ejected] = [inLap('failing:change'), inLap('failing')];
  const others = tally.reasons((lap, question) => isIllness(lap, question)).filter(([name]) => name !== 'status 500');
  const share = ejected.requests === 0 ? 1 : ejected.failed / ejected.requests;
  const counts = `${noticing.failed} of ${noticing.requests} at first, then ${ejected.failed} of ${ejected.requests}`;
  return {
    met: share <= mostIfIll && others.length === 0,
    text: `requests that catalog-2 failed with 500: ${counts}${others.length === 0 ? '' : `; others: ${list(others)}`}`,
  };
}

/** Where a backend answers 500 nobody hides it from clients: no rule asks for a retry. */
export function isIllness(lap: Lap, question: QuestionName): boolean {
  return question === 'catalog' && (phaseOf(lap)?.name === 'failing' || lap === 'weight:change');
}

/** What a worker that is killed has in hand is lost. */
export function isWorkerKill(lap: Lap): boolean {
  return lap === 'worker:change';
}

/** The gateway asks another backend where a connection cannot be made: only what the dead one had in hand may be lost. */
function retried(tally: Tally): Verdict {
  const isGateway = (question: QuestionName): boolean => questionNamed(question).by === 'gateway';
  const { requests } = tally.total((lap, question) => phaseOf(lap)?.name === 'outage' && question === 'ingress /user');
  const atKill = tally.total((lap, question) => lap === 'outage:change' && isGateway(question)).failed;
  const later = tally.reasons((lap, question) => (lap === 'outage:spread' || lap === 'outage') && isGateway(question));
  const counts = `${atKill} when it was killed, ${later.reduce((sum, [, count]) => sum + count, 0)} afterwards`;
  return {
    met: later.length === 0 && requests > 0,
    text: `of ${requests} requests for /user through the ingress while user-2 was dead failed: ${counts}${later.length === 0 ? '' : `: ${list(later)}`}`,
  };
}

function worker(tally: Tally, { workerReplaced }: Facts): Verdict {
  const lost = tally.reasons((lap) => isWorkerKill(lap));
  const after = tally.reasons((lap) => lap === 'worker');
  const refused = lost.some(([name]) => name === 'ECONNREFUSED');
  const count = (reasons: typeof lost): number => reasons.reduce((sum, [, each]) => sum + each, 0);
  const why = lost.length === 0 ? '' : ` (${list(lost)})`;
  return {
    met: workerReplaced !== null && after.length === 0 && !refused,
    text: `a gateway worker was killed: ${count(lost)} requests in its hands were lost${why}, ${count(after)} later; another ran after${seconds(workerReplaced)}`,
  };
}
