import test from 'ava';
import fc from 'fast-check';
import { emptySnapshot } from '../../agent/compile/snapshot.js';
import type { RequestRecord } from '../../agent/gateway/record.js';
import { histogramBounds, Telemetry } from '../../agent/gateway/telemetry.js';
import { RequestLedger } from '../../agent/supervisor/request-ledger.js';
import { readWorkerMessage } from '../../agent/supervisor/worker-message.js';
import { flowOfRequest } from '../../agent/view/gateway.js';

const record: RequestRecord = {
  ...{
    startedMs: 1_700_000_000_000,
    durationMs: 1.5,
    origin: 'mesh',
    pod: 'default/client',
    clientAddress: '10.0.0.1',
  },
  ...{ target: 'default/shop', port: 80, rule: 'r', cluster: 'c', service: 'default/shop', backend: 'default/shop-1' },
  ...{
    backendAddress: '10.0.0.2:8080',
    protocol: 'grpc',
    version: 'HTTP/2',
    method: 'POST',
    authority: 'shop',
    path: '/a?b',
  },
  ...{ userAgent: 'x', requestId: 'id', status: 200, grpcStatus: 3, flags: '-', requestBytes: 1, responseBytes: 2 },
  ...{ attempts: 1, upstreamMs: 1 },
};

const overJson = (message: unknown): unknown => readWorkerMessage(JSON.parse(JSON.stringify(message)));

test('what workers say comes through as it is', (t) => {
  const telemetry = new Telemetry(() => emptySnapshot);
  telemetry.add(record);
  const state = { cluster: 'c', address: '10.0.0.2:8080', name: 'default/shop-1', inFlight: 1, latencyMs: 2.5 };
  const endpoint = { ...state, ejected: true, ejection: 'consecutive-5xx', ejections: 1, connections: 2 };
  const report = {
    ...{ sums: telemetry.drain(), endpoints: [endpoint], connections: 3, inFlight: 1, rssBytes: 4, bounds: { a: 1 } },
  };
  for (const message of [
    { type: 'ready' },
    { type: 'applied', generation: 7 },
    { type: 'opened', pod: 'default/client' },
    { type: 'opened-ingress', port: 80 },
    { type: 'telemetry', report },
    { type: 'records', records: [record], lost: 2 },
  ])
    t.deepEqual(overJson(message), message);
});

test('texts are cut and without control characters, numbers are finite and not negative', (t) => {
  const hostile = {
    ...record,
    path: `/\u001b[2J\u009b${'a'.repeat(10_000)}`,
    startedMs: 1e300,
    port: -1,
    pod: { a: 1 },
  };
  const message = readWorkerMessage({ type: 'records', records: [hostile], lost: Number.NaN });
  if (message?.type !== 'records') return t.fail();
  const [read] = message.records;
  t.is(read!.path.slice(0, 6), '/?[2J?');
  t.is(read!.path.length, 2_048);
  t.deepEqual([read!.startedMs, read!.port, read!.pod, message.lost], [0, 0, '', 0]);
  t.notThrows(() => flowOfRequest(read!));
});

test('names of bounds are plain, and none is a prototype', (t) => {
  const bounds = JSON.parse('{"__proto__": 5, "constructor": 7, "a b": 1, "fine": 2}') as unknown;
  const message = readWorkerMessage({ type: 'telemetry', report: { bounds } });
  if (message?.type !== 'telemetry') return t.fail();
  t.deepEqual(Object.entries(message.report.bounds), [
    ['constructor', 7],
    ['fine', 2],
  ]);
});

test('whatever a worker says, the ledger takes it', (t) => {
  const any = fc.anything();
  const histogram = fc.oneof(any, fc.record({ counts: fc.oneof(any, fc.array(any)), sum: any }));
  const labels = fc.oneof(any, fc.record({ source: any, host: any, protocol: any, code: any, grpcStatus: any }));
  const series = fc.oneof(any, fc.record({ labels, requests: any, durationMs: histogram, requestBytes: histogram }));
  const sums = fc.oneof(any, fc.record({ series: fc.array(series), overflowed: any }));
  const report = fc.oneof(any, fc.record({ sums, endpoints: fc.oneof(any, fc.array(any)), bounds: any }));
  const records = fc.oneof(any, fc.array(fc.record({ startedMs: any, backendAddress: any, path: any, status: any })));
  const type = fc.constantFrom('telemetry', 'records');
  fc.assert(
    fc.property(type, report, records, (type, report, records) => {
      const message = readWorkerMessage({ type, report, records });
      const ledger = new RequestLedger();
      if (message?.type === 'telemetry') ledger.take(0, message.report);
      if (message?.type === 'records') for (const each of message.records) flowOfRequest(each);
      for (const { requests, durationMs } of ledger.series()) {
        t.true(requests >= 0 && Number.isFinite(durationMs.sum));
        t.is(durationMs.counts.length, histogramBounds.length + 1);
      }
    }),
    { numRuns: 300 },
  );
});

test('what is no message is none', (t) => {
  for (const value of [null, 1, 'ready', [], {}, { type: 'snapshot' }, { cmd: 'NODE_HANDLE' }, { type: ['ready'] }])
    t.is(readWorkerMessage(value), undefined);
});
