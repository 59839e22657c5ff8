import test from 'ava';
import { backendPods } from '../../agent/demo/cast.js';
import { deadlines, phaseOf, phases, shareOf } from '../../agent/demo/phases.js';
import { groupOf, questionNamed, questions } from '../../agent/demo/questions.js';

test('phases fill the run in proportion to their parts', (t) => {
  const parts = phases.reduce((sum, phase) => sum + phase.parts, 0);
  const ends = deadlines(parts);
  t.is(ends.length, phases.length);
  t.deepEqual(
    ends.map((end, index) => end - (ends[index - 1] ?? 0)),
    phases.map((phase) => phase.parts * 1000),
  );
  t.is(ends.at(-1), parts * 1000);
});

test('a lap leads into the phase that it names', (t) => {
  t.is(phaseOf('drain')?.name, 'drain');
  t.is(phaseOf('outage:spread')?.name, 'outage');
  t.is(phaseOf('open'), null);
});

test('shares follow relative weights, and 0 is never', (t) => {
  t.is(shareOf({ a: 3, b: 1 }, 'a'), 0.75);
  t.is(shareOf({ a: 0, b: 1 }, 'a'), 0);
  t.is(shareOf({ a: 3, b: 1 }, 'c'), 0);
  t.is(shareOf({ a: 0, b: 0 }, 'a'), 0);
});

test('every phase foretells every backend of what backends answer; of catalog, while there is an agent', (t) => {
  for (const { name, weights } of phases)
    for (const question of questions) {
      if (question.service === 'catalog' && (name === 'agentless' || name === 'restart')) {
        t.is(weights[question.name], undefined);
        continue;
      }
      const pods = backendPods.filter(({ service }) => service === question.service).map(({ name }) => name);
      const groups = [...new Set(pods.map((pod) => groupOf(question, pod)))];
      t.deepEqual(Object.keys(weights[question.name] ?? {}), groups, question.name);
    }
});

test('a pod counts as itself, or as its subset', (t) => {
  t.is(groupOf(questionNamed('user-service'), 'user-1'), 'user-1');
  t.is(groupOf(questionNamed('catalog'), 'catalog-3'), 'v1');
  t.is(groupOf(questionNamed('catalog, tester'), 'catalog-4'), 'v2');
});
