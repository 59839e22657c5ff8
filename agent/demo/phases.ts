import type { QuestionName } from './questions.js';

/** Relative weights by backend, or by subset where rules name subsets. */
export type Weights = Readonly<Record<string, number>>;

export type PhaseName =
  | 'steady'
  | 'slow'
  | 'failing'
  | 'weight'
  | 'drain'
  | 'undrain'
  | 'agentless'
  | 'restart'
  | 'worker'
  | 'outage'
  | 'recovery';

/** A stretch of the run in which shares are foretold. */
export interface Phase {
  readonly name: PhaseName;
  readonly title: string;
  /** Of the run's time, relative to the other phases. */
  readonly parts: number;
  readonly weights: Readonly<Partial<Record<QuestionName, Weights>>>;
}

const order = { 'order-1': 1, 'order-2': 1 };
const user = { 'user-1': 1, 'user-2': 1 };
const weighted = { 'user-1': 3, 'user-2': 1 };

/** The gateway heeds the same weights as the hook of connect(). */
function withoutRules(orders: Weights, users: Weights): Phase['weights'] {
  return { 'order-service': orders, 'user-service': users, 'ingress /user': users, 'ingress /order': orders };
}

/** Rules split catalog whatever else happens: but not where nothing was heard of the agent for 3 s, when connections bypass them. */
function weights(orders: Weights, users: Weights): Phase['weights'] {
  return {
    ...withoutRules(orders, users),
    'catalog, tester': { v1: 0, v2: 1 },
    catalog: { v1: 3, v2: 1 },
  };
}

export const phases: readonly Phase[] = [
  { name: 'steady', title: 'what the rules say', parts: 3, weights: weights(order, user) },
  { name: 'slow', title: 'catalog-1 takes its time', parts: 3, weights: weights(order, user) },
  { name: 'failing', title: 'catalog-2 answers 500', parts: 3, weights: weights(order, user) },
  {
    name: 'weight',
    title: 'user-1 gets three times as much as user-2',
    parts: 3,
    weights: weights(order, weighted),
  },
  {
    name: 'drain',
    title: 'order-1 is drained',
    parts: 3,
    weights: weights({ 'order-1': 0, 'order-2': 1 }, weighted),
  },
  { name: 'undrain', title: 'order-1 serves again', parts: 2, weights: weights(order, weighted) },
  { name: 'agentless', title: 'the agent is dead (kill -9)', parts: 3, weights: withoutRules(order, weighted) },
  { name: 'restart', title: 'the agent starts again', parts: 3, weights: withoutRules(order, weighted) },
  { name: 'worker', title: 'a gateway worker is killed (kill -9)', parts: 2, weights: weights(order, weighted) },
  {
    name: 'outage',
    title: 'user-2 is dead (kill -9)',
    parts: 3,
    weights: weights(order, { 'user-1': 1, 'user-2': 0 }),
  },
  { name: 'recovery', title: 'user-2 serves again', parts: 2, weights: weights(order, weighted) },
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
 * What a request belongs to: the phase that was in force when it began. `PHASE:change` and `PHASE:spread` are the
 * ways into a phase: while the change is made, and while it has been made but not everybody may know. `open` is
 * the time after the last phase, when nothing is foretold.
 */
export type Lap = PhaseName | `${PhaseName}:${'change' | 'spread'}` | 'open';

/** The phase that a lap is or leads into; null for `open`. */
export function phaseOf(lap: Lap): Phase | null {
  const name = lap.split(':')[0];
  return phases.find((phase) => phase.name === name) ?? null;
}

/** A backend's part of all weights, 0…1. */
export function shareOf(weights: Weights, backend: string): number {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  return sum === 0 ? 0 : (weights[backend] ?? 0) / sum;
}
