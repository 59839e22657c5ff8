import { backendPods } from '../../agent/demo/cast.js';
import type { Facts } from '../../agent/demo/facts.js';
import { type Lap, phases } from '../../agent/demo/phases.js';
import { type Asker, type QuestionName, questions } from '../../agent/demo/questions.js';
import { Tally } from '../../agent/demo/tally.js';

/** `times` good answers of a backend; of the gateway itself where its name is empty. */
export function answer(
  tally: Tally,
  lap: Lap,
  question: QuestionName,
  backend: string,
  times = 1,
  from: Asker = 'client',
): void {
  const status = backend === '' ? 404 : 200;
  for (let i = 0; i < times; i++) tally.add({ question, from, lap, backend, status, latency: 1, failure: '' });
}

/** A request without an answer; with one of `backend` where that is given. */
export function fail(tally: Tally, lap: Lap, question: QuestionName, failure: string, backend = ''): void {
  const status = backend === '' ? 0 : 500;
  tally.add({ question, from: 'client', lap, backend, status, latency: 1, failure });
}

/** Pods that share what is meant for a pod or a subset: of v1 those that are not ill in the phase. */
function podsOf(group: string, phase: Lap): readonly string[] {
  const ill = { slow: 'catalog-1', failing: 'catalog-2' }[phase as string];
  const pods = backendPods.filter(({ name, version }) => name === group || version === group);
  return pods.map(({ name }) => name).filter((name) => name !== ill);
}

/** A run in which every backend got `unit` requests for each of its weight in every phase, and nothing failed. `unit`: a multiple of 6. */
export function perfectTally(unit: number): Tally {
  const tally = new Tally();
  for (const { name: phase, weights } of phases)
    for (const { name, rates } of questions) {
      const askers = Object.keys(rates) as Asker[];
      if (name === 'ingress /other') for (const asker of askers) answer(tally, phase, name, '', unit, asker);
      for (const [group, weight] of Object.entries(weights[name] ?? {})) {
        const pods = podsOf(group, phase);
        for (const pod of pods)
          for (const asker of askers)
            answer(tally, phase, name, pod, (weight * unit) / pods.length / askers.length, asker);
      }
    }
  return tally;
}

export const perfectFacts: Facts = {
  feed: 'directory',
  markedAfter: 83,
  spreadAfter: 12,
  agentDead: 2500,
  agentReady: 400,
  weightsKept: { 'default/user-1': 3, 'default/user-2': 1 },
  workerReplaced: 130,
  slowBack: 1000,
  failingBack: 9000,
  server: null,
  seconds: 10,
  leftovers: [],
};
