import { connectionVerdicts } from './connection-verdicts.js';
import type { Facts, ServerFacts } from './facts.js';
import { type Lap, type PhaseName, phaseOf } from './phases.js';
import type { QuestionName } from './questions.js';
import { isIllness, isWorkerKill, requestVerdicts } from './request-verdicts.js';
import { type ShareRow, shareRows } from './shares.js';
import type { Tally } from './tally.js';
import { list, seconds, type Verdict } from './verdict.js';

export interface Summary {
  readonly met: boolean;
  readonly seconds: number | null;
  readonly requests: number;
  readonly failed: number;
  readonly shares: readonly ShareRow[];
  readonly verdicts: readonly Verdict[];
  readonly facts: Facts;
}

/** Requests/s that a run must at least have made. */
const leastRate = 400;

/** Judges a run that played all phases; one that was interrupted has no verdict but on what it left behind. */
export function summarize(tally: Tally, facts: Facts): Summary {
  const shares = shareRows(tally);
  const clean: Verdict = {
    met: facts.leftovers.length === 0,
    text: facts.leftovers.length === 0 ? 'nothing is left behind' : `left behind: ${facts.leftovers.join(', ')}`,
  };
  const verdicts = facts.seconds === null ? [clean] : [...trafficVerdicts(tally, shares, facts), clean];
  return {
    met: verdicts.every((verdict) => verdict.met),
    seconds: facts.seconds,
    ...tally.total(),
    shares,
    verdicts,
    facts,
  };
}

function trafficVerdicts(tally: Tally, shares: readonly ShareRow[], facts: Facts): Verdict[] {
  const dead = seconds(facts.agentDead);
  return [
    volume(tally, facts.seconds!),
    ...connectionVerdicts(tally, shares, facts),
    ...requestVerdicts(tally, shares, facts),
    ...(facts.server === null ? [] : serverVerdicts(tally, facts.server)),
    weightless(shares),
    unfailing(tally, 'through the drain and its end', ['drain', 'undrain']),
    unfailing(tally, `while the agent was dead${dead} and started again`, ['agentless', 'restart']),
    unfailing(tally, 'in all other phases', ['steady', 'slow', 'failing', 'weight', 'recovery']),
  ];
}

/** The API server hears of the agent; and without it the agent goes on with what it has, and obeys at the node. */
function serverVerdicts(tally: Tally, { wordAfter, away, agentReady, caughtUp }: ServerFacts): Verdict[] {
  const { requests, failed } = tally.total(
    (lap, question) => phaseOf(lap)?.name === 'weight' && !isIllness(lap, question),
  );
  const when = wordAfter === null ? '' : `,${seconds(wordAfter)} after the first request`;
  const back = caughtUp === null ? '' : ` and watched it again${seconds(caughtUp)} after it was back`;
  return [
    {
      met: wordAfter !== null,
      text: `the agent ${wordAfter === null ? 'never wrote' : 'wrote'} to the API server that GatewayClass weft is accepted${when}`,
    },
    {
      met: away !== null && agentReady === true && requests > 0 && failed === 0,
      text: `${failed} of ${requests} requests failed while the API server was away${seconds(away)}; the agent ${agentReady ? 'stayed ready' : 'was not ready'}${back}`,
    },
  ];
}

function volume(tally: Tally, elapsed: number): Verdict {
  const { requests } = tally.total((lap) => lap !== 'open');
  const least = leastRate * Math.round(elapsed);
  return { met: requests >= least, text: `${requests} requests in ${elapsed.toFixed(1)} s (at least ${least})` };
}

function weightless(shares: readonly ShareRow[]): Verdict {
  const picks = shares.reduce((total, row) => total + (row.weight === 0 ? row.requests : 0), 0);
  return { met: picks === 0, text: `${picks} requests went to a backend that was drained or not ready` };
}

/** Nothing fails in these phases, but for what was foretold to. */
function unfailing(tally: Tally, when: string, names: readonly PhaseName[]): Verdict {
  const counts = (lap: Lap, question: QuestionName): boolean =>
    names.some((name) => name === phaseOf(lap)?.name) && !isIllness(lap, question) && !isWorkerKill(lap);
  const { failed } = tally.total(counts);
  const reasons = failed === 0 ? '' : `: ${list(tally.reasons(counts))}`;
  return { met: failed === 0, text: `${failed} failed requests ${when}${reasons}` };
}
