import type { Facts } from './facts.js';
import { phaseOf, phases } from './phases.js';
import { questionNamed } from './questions.js';
import type { ShareRow } from './shares.js';
import type { Tally } from './tally.js';
import { list, seconds, type Verdict } from './verdict.js';

/** A share of connections says something from this many on. */
const leastConnections = 40;
/** In percentage points. */
const mostDeviation = 1;
/** By which a count may be off whatever its share: where the phase began in the round, for each address family. */
const mostOff = 2;
/** Until a dead backend's Pod is marked, in ms. */
const mostUntilMarked = 200;

/** What was promised of connections: at L4, where the hook of connect() picks. */
export function connectionVerdicts(tally: Tally, shares: readonly ShareRow[], facts: Facts): Verdict[] {
  return [deviations(shares.filter(({ by }) => by === 'l4')), kept(facts), marked(facts), outage(tally, facts)];
}

/** How many requests a row has more or fewer than its weight says. */
export function offBy(row: ShareRow): number {
  return row.share === 0 ? 0 : Math.abs(row.requests - (row.requests / row.share) * row.expected);
}

function deviations(rows: readonly ShareRow[]): Verdict {
  const worst = rows.reduce((a, b) => (Math.abs(b.deviation) > Math.abs(a.deviation) ? b : a));
  const totals = new Map<string, number>();
  for (const { phase, question, requests } of rows)
    totals.set(`${phase} ${question}`, (totals.get(`${phase} ${question}`) ?? 0) + requests);
  const thin = [...totals].filter(([, count]) => count < leastConnections).map(([key]) => key);
  const where = `${worst.deviation.toFixed(2)} at ${worst.backend} in ${worst.phase}`;
  const isFar = rows.some((row) => Math.abs(row.deviation) > mostDeviation && offBy(row) > mostOff);
  return {
    met: !isFar && thin.length === 0,
    text:
      thin.length === 0
        ? `connections follow the weights within ${mostDeviation} percentage point or ${mostOff} connections: the largest deviation is ${where}`
        : `too few connections to judge: ${thin.join(', ')}`,
  };
}

function kept({ weightsKept }: Facts): Verdict {
  const phase = phases.find(({ name }) => name === 'restart')!;
  const expected = Object.entries(phase.weights['user-service']!);
  const met = expected.every(([backend, weight]) => weightsKept?.[`default/${backend}`] === weight);
  return { met, text: `manual weights after the restart: ${list(Object.entries(weightsKept ?? {}))}` };
}

function marked({ markedAfter, spreadAfter }: Facts): Verdict {
  return {
    met: markedAfter !== null && markedAfter <= mostUntilMarked && spreadAfter !== null,
    text: `the dead backend's Pod was marked not ready after${seconds(markedAfter)}; the kernel had it${seconds(spreadAfter)} later`,
  };
}

/** Connections to a dead backend fail until its Pod says so; nothing does afterwards. */
function outage(tally: Tally, facts: Facts): Verdict {
  const failedIn = (lap: string): number =>
    tally.total((each, question) => each === lap && questionNamed(question).by === 'l4').failed;
  const [before, spreading, after] = ['outage:change', 'outage:spread', 'outage'].map(failedIn);
  const reasons = tally.reasons(
    (lap, question) => phaseOf(lap)?.name === 'outage' && questionNamed(question).by === 'l4',
  );
  const why = reasons.length === 0 ? '' : ` (${list(reasons)})`;
  const counts = `${before} until its Pod was marked, ${spreading} until the kernel had it, ${after} afterwards`;
  return {
    met: facts.markedAfter !== null && after === 0,
    text: `failed connections after the backend's kill: ${counts}${why}`,
  };
}
