import test from 'ava';
import { quantile, Recent } from '../../agent/demo/recent.js';
import type { Request } from '../../agent/demo/request.js';

const request = (backend: string, latency: number, lap: Request['lap'] = 'steady'): Request => ({
  service: 's',
  lap,
  backend,
  latency,
  failure: backend === '' ? 'ECONNREFUSED' : '',
});

test('a quantile is a value of the list that enough others do not exceed', (t) => {
  t.is(quantile([], 0.5), null);
  t.is(quantile([7], 0.99), 7);
  t.is(quantile([1, 2, 3, 4], 0.5), 2);
  t.is(quantile([1, 2, 3, 4], 0.99), 4);
});

test('rates and latencies are of the window, shares of the lap', (t) => {
  const recent = new Recent(2000);
  recent.add(request('a', 100), 0);
  for (let i = 0; i < 6; i++) recent.add(request('a', i), 3000);
  for (let i = 0; i < 2; i++) recent.add(request('b', 9, 'weight'), 3500);
  recent.add(request('', 1), 3500);
  const pulses = recent.pulses('s', ['a', 'b', 'c'], 'weight', 4000);
  t.deepEqual(pulses.get('a'), { rate: 3, share: 0, p50: 2, p99: 5 });
  t.deepEqual(pulses.get('b'), { rate: 1, share: 1, p50: 9, p99: 9 });
  t.deepEqual(pulses.get('c'), { rate: 0, share: 0, p50: null, p99: null });
});
