import { type Phase, type PhaseName, phaseOf, phases, shareOf } from './phases.js';
import { sum, type Tally } from './tally.js';

/** What was measured beside the requests. Times in ms; null when the run ended before. */
export interface Facts {
  /** From the backend's kill to its Pod's manifest saying not ready. */
  readonly markedAfter: number | null;
  /** From the manifest to the agent's API having it. */
  readonly spreadAfter: number | null;
  /** From the agent's kill to its start. */
  readonly agentDead: number | null;
  /** From the agent's start to its being ready. */
  readonly agentReady: number | null;
  /** Manual weights of user-service after the restart, by backend. */
  readonly weightsKept: Readonly<Record<string, number>> | null;
  /** From the first request to the end of the last phase, in s; null when not all phases were played. */
  readonly seconds: number | null;
  /** What was found of the run after it had been removed. */
  readonly leftovers: readonly string[];
}

/** One backend in one phase. Shares are 0…1. */
export interface ShareRow {
  readonly phase: PhaseName;
  readonly service: string;
  readonly backend: string;
  readonly weight: number;
  readonly expected: number;
  readonly share: number;
  /** From what was expected, in percentage points. */
  readonly deviation: number;
  /** Answered by the backend. */
  readonly connections: number;
  /** Of the whole Service in the phase: which backend a failed connection was meant for is not known. */
  readonly failed: number;
}

export interface Verdict {
  readonly met: boolean;
  readonly text: string;
}

export interface Summary {
  readonly met: boolean;
  readonly seconds: number | null;
  readonly connections: number;
  readonly failed: number;
  readonly shares: readonly ShareRow[];
  readonly verdicts: readonly Verdict[];
  readonly facts: Facts;
}

/** Connections/s that a run must at least have made. */
const leastRate = 500;
/** A share says something from this many connections on. */
const leastConnections = 100;
/** In percentage points. */
const mostDeviation = 1;
/** Until a dead backend's Pod is marked, in ms. */
const mostUntilMarked = 200;

/** Sorted by phase, Service, backend. */
export function shareRows(tally: Tally, played: readonly Phase[] = phases): ShareRow[] {
  return played.flatMap((phase) =>
    Object.entries(phase.weights).flatMap(([service, weights]) => {
      const { answered, failed } = tally.of(phase.name, service);
      const total = sum(answered);
      return Object.entries(weights).map(([backend, weight]) => {
        const expected = shareOf(weights, backend);
        const connections = answered.get(backend) ?? 0;
        const share = total === 0 ? 0 : connections / total;
        const deviation = (share - expected) * 100;
        return {
          phase: phase.name,
          service,
          backend,
          weight,
          expected,
          share,
          deviation,
          connections,
          failed: sum(failed),
        };
      });
    }),
  );
}

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
  return [
    volume(tally, facts.seconds!),
    deviations(shares),
    weightless(shares),
    unfailing(tally, 'through the drain and its end', ['drain', 'undrain']),
    unfailing(tally, `while the agent was dead${seconds(facts.agentDead)} and started again`, ['agentless', 'restart']),
    kept(facts),
    marked(facts),
    outage(tally, facts),
    unfailing(tally, 'in all other phases', ['steady', 'weight', 'recovery']),
  ];
}

function volume(tally: Tally, elapsed: number): Verdict {
  const { connections } = tally.total((lap) => lap !== 'open');
  const least = leastRate * Math.round(elapsed);
  return {
    met: connections >= least,
    text: `${connections} connections in ${elapsed.toFixed(1)} s (at least ${least})`,
  };
}

function deviations(shares: readonly ShareRow[]): Verdict {
  const worst = shares.reduce((a, b) => (Math.abs(b.deviation) > Math.abs(a.deviation) ? b : a));
  const totals = new Map<string, number>();
  for (const { phase, service, connections } of shares)
    totals.set(`${phase} ${service}`, (totals.get(`${phase} ${service}`) ?? 0) + connections);
  const thin = [...totals].filter(([, count]) => count < leastConnections).map(([key]) => key);
  const where = `${worst.deviation.toFixed(2)} at ${worst.backend} in ${worst.phase}`;
  return {
    met: Math.abs(worst.deviation) <= mostDeviation && thin.length === 0,
    text:
      thin.length === 0
        ? `shares are within ${mostDeviation} percentage point of the weights: the largest deviation is ${where}`
        : `too few connections to judge: ${thin.join(', ')}`,
  };
}

function weightless(shares: readonly ShareRow[]): Verdict {
  const picks = shares.reduce((total, row) => total + (row.weight === 0 ? row.connections : 0), 0);
  return { met: picks === 0, text: `${picks} connections went to a backend that was drained or not ready` };
}

function unfailing(tally: Tally, when: string, names: readonly PhaseName[]): Verdict {
  const failed = names.reduce((total, name) => total + tally.failedIn(name), 0);
  const reasons = tally.reasons((lap) => names.some((name) => name === phaseOf(lap)?.name));
  return { met: failed === 0, text: `${failed} failed requests ${when}${failed === 0 ? '' : `: ${list(reasons)}`}` };
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

function outage(tally: Tally, facts: Facts): Verdict {
  const before = tally.total((lap) => lap === 'outage:change').failed;
  const spreading = tally.total((lap) => lap === 'outage:spread').failed;
  const after = tally.total((lap) => lap === 'outage').failed;
  const reasons = tally.reasons((lap) => phaseOf(lap)?.name === 'outage');
  const why = reasons.length === 0 ? '' : ` (${list(reasons)})`;
  const counts = `${before} before its Pod was marked, ${spreading} until the kernel had it, ${after} afterwards`;
  return {
    met: facts.markedAfter !== null && after === 0,
    text: `failed requests after the backend's kill: ${counts}${why}`,
  };
}

function list(entries: readonly (readonly [string, number])[]): string {
  return entries.length === 0 ? 'none' : entries.map(([name, count]) => `${name} ${count}`).join(', ');
}

/** With a space before; empty for null. */
function seconds(ms: number | null): string {
  if (ms === null) return '';
  return ms < 1000 ? ` ${Math.round(ms)} ms` : ` ${(ms / 1000).toFixed(1)} s`;
}
