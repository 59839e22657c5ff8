import test from 'ava';
import { EdgeLedger } from '../../agent/api/edges.js';
import type { EdgeMeasure } from '../../agent/api/measures.js';
import { identity } from './fake-view.js';

function edge(id: string, workload: string, opened: number): EdgeMeasure {
  return {
    id,
    source: identity(workload),
    destination: identity('server'),
    service: 'server',
    serviceNamespace: 'shop',
    opened,
    closed: 0,
    failed: 0,
    sentBytes: 0,
    receivedBytes: 0,
  };
}

function openedOf(ledger: EdgeLedger): Record<string, number> {
  return Object.fromEntries([...ledger.series()].map(({ labels, counts }) => [labels.source_workload, counts.opened]));
}

test('rows of one workload are one series', (t) => {
  const ledger = new EdgeLedger();
  ledger.fold([edge('1', 'a', 3), edge('2', 'a', 4), edge('3', 'b', 5)]);
  t.deepEqual(openedOf(ledger), { a: 7, b: 5 });
  ledger.fold([edge('1', 'a', 4), edge('2', 'a', 4), edge('3', 'b', 5)]);
  t.deepEqual(openedOf(ledger), { a: 8, b: 5 });
});

test('a series never falls: not when a Pod goes, not when its row begins anew', (t) => {
  const ledger = new EdgeLedger();
  ledger.fold([edge('1', 'a', 3), edge('2', 'a', 4)]);
  ledger.fold([edge('2', 'a', 5)]);
  t.deepEqual(openedOf(ledger), { a: 8 });
  ledger.fold([edge('1', 'a', 1), edge('2', 'a', 5)]);
  t.deepEqual(openedOf(ledger), { a: 9 });
  ledger.fold([edge('1', 'a', 1), edge('2', 'a', 2)]);
  t.deepEqual(openedOf(ledger), { a: 11 });
});

test('edges beyond the limit are other, counted once each, and stay there', (t) => {
  const ledger = new EdgeLedger(2);
  ledger.fold([edge('1', 'a', 1), edge('2', 'b', 1), edge('3', 'c', 10), edge('4', 'd', 10)]);
  t.deepEqual(openedOf(ledger), { a: 1, b: 1, other: 20 });
  t.is(ledger.dropped, 2);
  ledger.fold([edge('1', 'a', 1), edge('2', 'b', 1), edge('3', 'c', 11), edge('4', 'd', 10)]);
  t.deepEqual(openedOf(ledger), { a: 1, b: 1, other: 21 });
  t.is(ledger.dropped, 2);
});

test('a series whose rows are gone gives its place to a new one', (t) => {
  const ledger = new EdgeLedger(2);
  ledger.fold([edge('1', 'a', 1), edge('2', 'b', 1)]);
  ledger.fold([edge('2', 'b', 1)]);
  t.deepEqual(openedOf(ledger), { a: 1, b: 1 });
  ledger.fold([edge('2', 'b', 1), edge('3', 'c', 6)]);
  t.deepEqual(openedOf(ledger), { b: 1, c: 6 });
  t.is(ledger.dropped, 0);
});

test('a row that is another edge now counts for that one', (t) => {
  const ledger = new EdgeLedger();
  ledger.fold([edge('1', 'a', 5)]);
  ledger.fold([edge('1', 'b', 2)]);
  t.deepEqual(openedOf(ledger), { a: 5, b: 2 });
});
