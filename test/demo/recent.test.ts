import test from 'ava';
import { Comeback } from '../../agent/demo/comeback.js';
import { quantile, Recent } from '../../agent/demo/recent.js';
import type { Request } from '../../agent/demo/request.js';

const request = (backend: string, latency: number, more: Partial<Request> = {}): Request => ({
  question: 'catalog',
  from: 'client',
  lap: 'steady',
  backend,
  latency,
  status: backend === '' ? 0 : 200,
  failure: backend === '' ? 'ECONNREFUSED' : '',
  ...more,
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
  for (let i = 0; i < 2; i++) recent.add(request('b', 9, { lap: 'weight' }), 3500);
  recent.add(request('', 1), 3500);
  recent.add(request('a', 1, { question: 'catalog, tester' }), 3500);
  const pulses = recent.pulses('catalog', ['a', 'b', 'c'], 'weight', 4000);
  t.deepEqual(pulses.get('a'), { rate: 3, share: 0, p50: 2, p99: 5 });
  t.deepEqual(pulses.get('b'), { rate: 1, share: 1, p50: 9, p99: 9 });
  t.deepEqual(pulses.get('c'), { rate: 0, share: 0, p50: null, p99: null });
});

test('a question has its statuses, no answer as 0', (t) => {
  const recent = new Recent(2000);
  recent.add(request('', 3000), 1000);
  for (let i = 0; i < 2; i++) recent.add(request('a', 4, { status: 500, failure: 'status 500' }), 1000);
  recent.add(request('a', 6), 1000);
  t.deepEqual(recent.beat('catalog', 3000 - 1), {
    ...{ rate: 4 / 1.999, p50: 4, p99: 6 },
    statuses: [
      [0, 1],
      [200, 1],
      [500, 2],
    ],
  });
});

test('a backend is back when it has half of its fair part of a second', (t) => {
  const told: (readonly [string, number])[] = [];
  const comeback = new Comeback((pod, after) => told.push([pod, after]));
  const round = (at: number, ...pods: string[]): void => {
    for (const pod of pods) comeback.add(request(pod, 1), at);
  };
  const others = Array<string>(9).fill('catalog-1');
  round(0, ...others, 'catalog-2', 'catalog-2');
  comeback.await('catalog-2', 100);
  round(200, ...others, 'catalog-2', 'catalog-2');
  t.deepEqual(told, [], 'less than a second after');
  round(1500, ...others, 'catalog-2');
  t.deepEqual(told, [], 'less than half');
  round(1600, 'catalog-4', 'catalog-2');
  t.deepEqual(told, [['catalog-2', 1500]]);
  round(1700, 'catalog-2');
  t.is(told.length, 1);
});
