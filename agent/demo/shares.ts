import { backendsOf } from './cast.js';
import { type Lap, type Phase, type PhaseName, phases, shareOf } from './phases.js';
import { groupOf, type Question, type QuestionName, questions } from './questions.js';
import { type Count, sum, type Tally } from './tally.js';

/** One backend, or subset, of one question in one phase. Shares are 0…1. */
export interface ShareRow {
  readonly phase: PhaseName;
  readonly question: QuestionName;
  readonly by: Question['by'];
  readonly service: string;
  readonly rule: string;
  /** A pod, or a subset where rules name subsets. */
  readonly backend: string;
  readonly weight: number;
  readonly expected: number;
  readonly share: number;
  /** From what was expected, in percentage points. */
  readonly deviation: number;
  /** Over L4, requests are connections: each has its own. */
  readonly requests: number;
  /** Of the whole question in the phase: which backend a failed connection was meant for is not known. */
  readonly failed: number;
}

/** What each backend of `questions` got in each phase that foretells it. Sorted by phase, question, backend. */
export function shareRows(tally: Tally, played: readonly Phase[] = phases): ShareRow[] {
  return played.flatMap((phase) =>
    questions.flatMap((question) => {
      const weights = phase.weights[question.name];
      if (weights === undefined) return [];
      const count = tally.of(phase.name, question.name);
      const reached = reachedGroups(question, count);
      const total = sum(reached);
      return Object.entries(weights).map(([backend, weight]) => {
        const expected = shareOf(weights, backend);
        const requests = reached.get(backend) ?? 0;
        const share = total === 0 ? 0 : requests / total;
        const { name, by, service, rule } = question;
        return {
          ...{ phase: phase.name, question: name, by, service, rule, backend, weight },
          ...{ expected, share, deviation: (share - expected) * 100, requests, failed: sum(count.failed) },
        };
      });
    }),
  );
}

/** Requests that reached a backend, whatever it answered, by pod or subset. */
function reachedGroups(question: Question, { answered, refused }: Count): Map<string, number> {
  const groups = new Map<string, number>();
  for (const counts of [answered, refused])
    for (const [backend, count] of counts) {
      const group = groupOf(question, backend);
      groups.set(group, (groups.get(group) ?? 0) + count);
    }
  return groups;
}

/** What one pod got of all that reached pods of its version, 0…1, in this lap of `catalog`; null when nothing did. */
export function shareOfVersion(tally: Tally, lap: Lap, pod: string): number | null {
  const pods = backendsOf('catalog');
  const { version } = pods.find(({ name }) => name === pod)!;
  const peers = pods.filter((peer) => peer.version === version).map(({ name }) => name);
  const { answered, refused } = tally.of(lap, 'catalog');
  const reached = (name: string): number => (answered.get(name) ?? 0) + (refused.get(name) ?? 0);
  const total = peers.reduce((all, name) => all + reached(name), 0);
  return total === 0 ? null : reached(pod) / total;
}
