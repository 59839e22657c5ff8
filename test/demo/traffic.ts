import { type Lap, phases } from '../../agent/demo/phases.js';
import type { Facts } from '../../agent/demo/summary.js';
import { Tally } from '../../agent/demo/tally.js';

export function answer(tally: Tally, lap: Lap, backend: string, times = 1): void {
  const service = `${backend.split('-')[0]}-service`;
  for (let i = 0; i < times; i++) tally.add({ service, lap, backend, latency: 1, failure: '' });
}

export function fail(tally: Tally, lap: Lap, service: string, failure: string): void {
  tally.add({ service, lap, backend: '', latency: 1, failure });
}

/** A run in which every backend got `unit` connections for each of its weight in every phase. */
export function perfectTally(unit: number): Tally {
  const tally = new Tally();
  for (const { name, weights } of phases)
    for (const backends of Object.values(weights))
      for (const [backend, weight] of Object.entries(backends)) answer(tally, name, backend, weight * unit);
  return tally;
}

export const perfectFacts: Facts = {
  markedAfter: 83,
  spreadAfter: 12,
  agentDead: 2500,
  agentReady: 400,
  weightsKept: { 'default/user-1': 3, 'default/user-2': 1 },
  seconds: 10,
  leftovers: [],
};
