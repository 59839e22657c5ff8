import test from 'ava';
import { chiSquareP, upperGamma } from './chi-square.js';

const near = (a: number, b: number) => Math.abs(a - b) < 1e-9 * Math.max(1, b);

test('the incomplete gamma function has its closed forms', (t) => {
  for (const x of [0.1, 0.5, 1, 3, 20]) {
    t.true(near(upperGamma(1, x), Math.exp(-x)));
    t.true(near(upperGamma(2, x), (1 + x) * Math.exp(-x)));
    t.true(near(upperGamma(3, x), (1 + x + (x * x) / 2) * Math.exp(-x)));
  }
});

test('fair counts are likely, skewed ones are not, impossible ones never', (t) => {
  t.is(chiSquareP([500, 300, 200], [0.5, 0.3, 0.2]), 1);
  t.true(chiSquareP([510, 290, 200], [0.5, 0.3, 0.2]) > 0.5);
  t.true(chiSquareP([600, 200, 200], [0.5, 0.3, 0.2]) < 1e-6);
  t.is(chiSquareP([10, 1], [1, 0]), 0);
  t.is(chiSquareP([10, 0], [1, 0]), 1);
});
