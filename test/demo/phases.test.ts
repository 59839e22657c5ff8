import test from 'ava';
import { deadlines, phaseOf, phases, shareOf } from '../../agent/demo/phases.js';

test('phases fill the run in proportion to their parts', (t) => {
  const ends = deadlines(22);
  t.is(ends.length, phases.length);
  t.deepEqual(
    ends.map((end, index) => end - (ends[index - 1] ?? 0)),
    phases.map((phase) => phase.parts * 1000),
  );
  t.is(ends.at(-1), 22_000);
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
