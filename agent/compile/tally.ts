import type { BackendState, PlanBackend } from './plan.js';

/** Backends by state. */
export type Tally = ReadonlyMap<BackendState, number>;

/** Equal tallies are one object: most Services are alike. Emptied when full. */
const known = new Map<string, Tally>();
const capacity = 4096;

export function tallyOf(backends: readonly PlanBackend[]): Tally {
  const counts = new Map<BackendState, number>();
  for (const { state } of backends) counts.set(state, (counts.get(state) ?? 0) + 1);
  let text = '';
  for (const [state, count] of counts) text += `${state} ${count} `;
  const same = known.get(text);
  if (same !== undefined) return same;
  if (known.size >= capacity) known.clear();
  known.set(text, counts);
  return counts;
}
