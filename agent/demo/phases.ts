/** Relative weights by backend. */
export type Weights = Readonly<Record<string, number>>;

export type PhaseName = 'steady' | 'weight' | 'drain' | 'undrain' | 'agentless' | 'restart' | 'outage' | 'recovery';

/** A stretch of the run in which each backend's share of the connections is foretold. */
export interface Phase {
  readonly name: PhaseName;
  readonly title: string;
  /** Of the run's time, relative to the other phases. */
  readonly parts: number;
  /** By Service. */
  readonly weights: Readonly<Record<string, Weights>>;
}

const even = { 'order-1': 1, 'order-2': 1 };
const weighted = { 'user-1': 3, 'user-2': 1 };

export const phases: readonly Phase[] = [
  {
    name: 'steady',
    title: 'ROUND_ROBIN, as the DestinationRules say',
    parts: 3,
    weights: { 'order-service': even, 'user-service': { 'user-1': 1, 'user-2': 1 } },
  },
  {
    name: 'weight',
    title: 'user-1 gets three times as much as user-2',
    parts: 3,
    weights: { 'order-service': even, 'user-service': weighted },
  },
  {
    name: 'drain',
    title: 'order-1 is drained',
    parts: 3,
    weights: { 'order-service': { 'order-1': 0, 'order-2': 1 }, 'user-service': weighted },
  },
  {
    name: 'undrain',
    title: 'order-1 serves again',
    parts: 2,
    weights: { 'order-service': even, 'user-service': weighted },
  },
  {
    name: 'agentless',
    title: 'the agent is dead (kill -9)',
    parts: 3,
    weights: { 'order-service': even, 'user-service': weighted },
  },
  {
    name: 'restart',
    title: 'the agent starts again',
    parts: 3,
    weights: { 'order-service': even, 'user-service': weighted },
  },
  {
    name: 'outage',
    title: 'user-2 is dead (kill -9)',
    parts: 3,
    weights: { 'order-service': even, 'user-service': { 'user-1': 1, 'user-2': 0 } },
  },
  {
    name: 'recovery',
    title: 'user-2 serves again',
    parts: 2,
    weights: { 'order-service': even, 'user-service': weighted },
  },
];

/** When each phase ends, in ms from the start of the first, for a run of `seconds`. */
export function deadlines(seconds: number): number[] {
  const parts = phases.reduce((sum, phase) => sum + phase.parts, 0);
  let passed = 0;
  return phases.map((phase) => {
    passed += phase.parts;
    return (seconds * 1000 * passed) / parts;
  });
}

/**
 * What a connection belongs to: the phase that was in force when it began. `PHASE:change` and `PHASE:spread` are the
 * ways into a phase: while the change is made, and while it has been made but the kernel may not have it. `open` is
 * the time after the last phase, when nothing is foretold.
 */
export type Lap = PhaseName | `${PhaseName}:${'change' | 'spread'}` | 'open';

/** The phase that a lap is or leads into; null for `open`. */
export function phaseOf(lap: Lap): Phase | null {
  const name = lap.split(':')[0];
  return phases.find((phase) => phase.name === name) ?? null;
}

/** A backend's part of all weights of its Service, 0…1. */
export function shareOf(weights: Weights, backend: string): number {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  return sum === 0 ? 0 : (weights[backend] ?? 0) / sum;
}
