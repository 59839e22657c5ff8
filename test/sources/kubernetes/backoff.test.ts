import test from 'ava';
import { Backoff } from '../../../agent/sources/kubernetes/backoff.js';

test('waits double up to 30 s, and are short again after a minute of health', (t) => {
  const backoff = new Backoff(() => 1);
  t.deepEqual(
    Array.from({ length: 8 }, () => backoff.failed(0)),
    [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000],
  );
  backoff.worked(0);
  t.is(backoff.failed(59_999), 30_000);
  backoff.worked(60_000);
  t.is(backoff.failed(120_000), 800);
});

test('a server may ask for more, and not for a day', (t) => {
  const backoff = new Backoff(() => 0);
  t.is(backoff.failed(0, 10_000), 10_000);
  t.is(backoff.failed(0, 86_400_000), 120_000);
});
