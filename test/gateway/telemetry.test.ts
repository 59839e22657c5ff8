import test from 'ava';
import type { RequestRecord } from '../../agent/gateway/record.js';
import { histogramBounds, istioLabels, mergeHistogram, mostSeries, Telemetry } from '../../agent/gateway/telemetry.js';
import { snapshotOf } from './proxy/world.js';

const record: RequestRecord = {
  startedMs: 0,
  durationMs: 12,
  origin: 'mesh',
  pod: 'shop/web',
  clientAddress: '10.1.0.9',
  target: 'shop/reviews',
  port: 80,
  rule: 'VirtualService shop/reviews http[0]',
  cluster: 'v1',
  service: 'shop/reviews',
  backend: 'shop/10.0.0.1',
  backendAddress: '10.0.0.1:8080',
  protocol: 'http',
  version: 'HTTP/1.1',
  method: 'GET',
  authority: 'reviews',
  path: '/secret?token=1',
  userAgent: 'curl',
  requestId: 'id',
  status: 200,
  grpcStatus: undefined,
  flags: '-',
  requestBytes: 0,
  responseBytes: 300,
  attempts: 1,
  upstreamMs: 11,
};

const telemetry = () => new Telemetry(() => snapshotOf({ sets: [] }));

test('requests of the same parties and outcome are one series, with histograms', (t) => {
  const sums = telemetry();
  sums.add(record);
  sums.add({ ...record, durationMs: 5000, path: '/other', authority: 'elsewhere', userAgent: 'x' });
  sums.add({ ...record, status: 503, flags: 'UH', backend: '', backendAddress: '' });
  const { series, overflowed } = sums.drain();
  t.is(series.length, 2);
  t.is(overflowed, 0);
  const [fine, failed] = series;
  t.is(fine!.requests, 2);
  t.is(fine!.durationMs.sum, 5012);
  t.is(fine!.durationMs.counts[histogramBounds.indexOf(25)], 1);
  t.is(fine!.durationMs.counts[histogramBounds.indexOf(5000)], 1);
  t.is(fine!.responseBytes.counts[histogramBounds.indexOf(500)], 2);
  t.like(istioLabels(fine!.labels), {
    reporter: 'source',
    source_workload: 'web',
    source_workload_namespace: 'shop',
    destination_workload: 'reviews',
    destination_version: 'v1',
    destination_service: 'reviews.shop.svc.cluster.local',
    destination_service_name: 'reviews',
    destination_service_namespace: 'shop',
    request_protocol: 'http',
    response_code: '200',
    grpc_response_status: 'unknown',
    response_flags: '-',
    connection_security_policy: 'none',
  });
  t.like(istioLabels(failed!.labels), {
    destination_workload: 'unknown',
    destination_service: 'reviews.shop.svc.cluster.local',
    response_code: '503',
    response_flags: 'UH',
  });
  t.deepEqual(sums.drain(), { series: [], overflowed: 0 });
});

test('a batch is what JSON can carry', (t) => {
  const sums = telemetry();
  sums.add({ ...record, protocol: 'grpc', grpcStatus: 14 });
  const batch = sums.drain();
  t.deepEqual(JSON.parse(JSON.stringify(batch)), batch);
  t.is(istioLabels(batch.series[0]!.labels).grpc_response_status, '14');
});

test('traffic from outside, and to nobody, is unknown', (t) => {
  const sums = telemetry();
  sums.add({
    ...record,
    origin: 'ingress',
    pod: '',
    target: '',
    service: '',
    cluster: '',
    backendAddress: '',
    status: 404,
  });
  const labels = istioLabels(sums.drain().series[0]!.labels);
  t.like(labels, { source_workload: 'unknown', destination_service: 'unknown', destination_service_name: 'unknown' });
  t.false(Object.values(labels).includes(''));
});

test('beyond the bound, requests are summed up as other and counted', (t) => {
  const sums = telemetry();
  for (let number = 0; number < 2 * mostSeries; number++) sums.add({ ...record, target: `ns/a${number}`, service: '' });
  const { series, overflowed } = sums.drain();
  t.true(series.length <= mostSeries);
  const other = series.find(({ labels }) => labels.host === 'other' || labels.service === 'other');
  t.is(other?.requests, overflowed);
  t.is(
    series.reduce((sum, { requests }) => sum + requests, 0),
    2 * mostSeries,
  );
  t.true(overflowed > mostSeries);
});

test('histograms are merged bucket by bucket', (t) => {
  const sums = telemetry();
  sums.add(record);
  const [first] = sums.drain().series;
  sums.add({ ...record, durationMs: 9_999_999 });
  const [second] = sums.drain().series;
  mergeHistogram(first!.durationMs, second!.durationMs);
  t.is(first!.durationMs.sum, 12 + 9_999_999);
  t.is(first!.durationMs.counts.at(-1), 1);
  t.is(first!.durationMs.counts[histogramBounds.indexOf(25)], 1);
});
