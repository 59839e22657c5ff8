import test from 'ava';
import { compareParsers } from './differential.js';

test('llhttp, strict, frames every message that Weft accepts in the same way', (t) => {
  const report = compareParsers(20_000, 3);
  t.deepEqual(report.disputes, []);
  t.true(report.accepted > 5_000, `only ${report.accepted} messages were accepted`);
  t.true(report.stricter > 500);
});
