import test from 'ava';
import type { RequestRecord } from '../../agent/gateway/record.js';
import { RecordSample } from '../../agent/gateway/record-sample.js';
import { longestMessage } from '../../agent/supervisor/worker-message.js';
import { TestClock } from './proxy/clock.js';

const record = { path: '/', userAgent: 'curl', requestId: 'id', method: 'GET', status: 200 } as RequestRecord;

test('records go at a bounded rate, and those left out are counted', (t) => {
  const sample = new RecordSample(new TestClock());
  for (let i = 0; i < 150; i++) sample.add(record);
  const { records, lost } = sample.drain();
  t.deepEqual([records.length, lost], [100, 50]);
  t.is(records[0], record);
});

test('however long clients talk, what waits fits into a message', (t) => {
  const sample = new RecordSample(new TestClock());
  sample.follow(true);
  const long = '"'.repeat(32 << 10);
  for (let i = 0; i < 2_000; i++) sample.add({ ...record, path: long, userAgent: long, requestId: long, method: long });
  const { records, lost } = sample.drain();
  t.deepEqual([records.length, lost], [2_000, 0]);
  t.true(JSON.stringify(records).length < longestMessage / 2);
});
