import { readFileSync } from 'node:fs';
import test from 'ava';
import { problemCodes, showCodes } from '../../agent/model/problem-codes.js';

test('deploy/problems.md is current (npm run build, then node deploy/problems.js)', (t) => {
  t.is(readFileSync('deploy/problems.md', 'utf8'), showCodes());
});

test('every code has a title, a meaning and a fix, in the order of the codes', (t) => {
  const codes = Object.keys(problemCodes);
  t.deepEqual(codes, codes.toSorted());
  for (const entry of Object.values(problemCodes)) {
    t.true([entry.title, entry.meaning, entry.fix].every((text) => text !== '' && !text.endsWith('..')));
  }
});
