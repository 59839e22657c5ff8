import { spawnSync } from 'node:child_process';
import test from 'ava';
import type { EdgeMeasure, Measures } from '../../agent/api/measures.js';
import { type Metrics, makeMetrics } from '../../agent/api/metrics.js';
import { startMetrics } from '../../agent/api/metrics-server.js';
import { nobody } from '../../agent/compile/workload.js';
import { exchange } from './exchange.js';
import { parseExposition, type Sample } from './exposition.js';
import { FakeView, identity } from './fake-view.js';

function edge(id: string, more: Partial<EdgeMeasure> = {}): EdgeMeasure {
  return {
    id,
    source: identity('client'),
    destination: identity('user-service'),
    service: 'user-service',
    serviceNamespace: 'shop',
    opened: 10,
    closed: 8,
    failed: 1,
    sentBytes: 1_000,
    receivedBytes: 50_000,
    ...more,
  };
}

const unknownEnd = nobody;

const measured: Partial<Measures> = {
  decisions: [
    { verdict: 'pass', reason: 'not_meshed', count: 5 },
    { verdict: 'redirect', reason: 'picked', count: 90 },
    { verdict: 'redirect', reason: 'affinity', count: 3 },
    { verdict: 'refuse', reason: 'no_backend', count: 2 },
  ],
  edges: [edge('1'), edge('2', { source: unknownEnd, destination: unknownEnd })],
  edgesFull: 4,
  maps: [
    { map: 'frontends', entries: 25, capacity: 100 },
    { map: 'edges', entries: 2, capacity: 0 },
  ],
  programs: [{ program: 'weft_connect4', runSeconds: 0.25, runs: 100 }],
  backends: [
    { state: 'ready', count: 4 },
    { state: 'drained', count: 1 },
  ],
  inflight: [{ service: 'shop/user-service', port: 8080, backend: 'shop/user-1', inflight: 3 }],
  problems: [{ severity: 'warning', code: 'WEFT0302', count: 2 }],
  drift: 6,
  eventsLost: 7,
  requestsUntold: 21,
  held: 8,
  sources: [{ source: '/manifests', synced: true, degraded: false }],
  watches: [
    {
      resource: 'services',
      synced: true,
      objects: 12,
      events: { added: 12, bookmark: 3 },
      restarts: { expired: 1 },
    },
  ],
  isStatusWriter: true,
};

function viewOf(more: Partial<Measures>): FakeView {
  const view = new FakeView();
  view.measured = { ...view.measured, ...more };
  return view;
}

async function renderText(metrics: Metrics): Promise<string> {
  return [...(await metrics.render())].join('');
}

function find(samples: ReadonlyMap<string, { samples: readonly Sample[] }>, name: string): readonly [object, number][] {
  return samples.get(name)!.samples.map(({ labels, value }) => [labels, value]);
}

test('the exposition is strictly well-formed and holds each measure', async (t) => {
  const view = viewOf(measured);
  view.checks = [
    { name: 'sources', state: 'degraded', why: 'gone' },
    { name: 'tables', state: 'ok', why: '' },
  ];
  const metrics = makeMetrics(view);
  view.propagation(0.004);
  view.propagation(0.3);
  const families = parseExposition(await renderText(metrics));
  t.deepEqual(find(families, 'weft_decisions_total'), [
    [{ verdict: 'pass', reason: 'not_meshed' }, 5],
    [{ verdict: 'redirect', reason: 'picked' }, 90],
    [{ verdict: 'redirect', reason: 'affinity' }, 3],
    [{ verdict: 'refuse', reason: 'no_backend' }, 2],
  ]);
  t.deepEqual(find(families, 'weft_path_total'), [
    [{ path: 'l4', reason: 'picked' }, 90],
    [{ path: 'l4', reason: 'affinity' }, 3],
  ]);
  t.deepEqual(find(families, 'weft_map_entries'), [
    [{ map: 'frontends' }, 25],
    [{ map: 'edges' }, 2],
  ]);
  t.deepEqual(find(families, 'weft_map_capacity'), [
    [{ map: 'frontends' }, 100],
    [{ map: 'edges' }, 0],
  ]);
  t.deepEqual(find(families, 'weft_map_pressure'), [
    [{ map: 'frontends' }, 0.25],
    [{ map: 'edges' }, 0],
  ]);
  t.deepEqual(find(families, 'weft_program_run_seconds_total'), [[{ program: 'weft_connect4' }, 0.25]]);
  t.deepEqual(find(families, 'weft_program_runs_total'), [[{ program: 'weft_connect4' }, 100]]);
  t.deepEqual(find(families, 'weft_backends'), [
    [{ state: 'ready' }, 4],
    [{ state: 'drained' }, 1],
  ]);
  t.deepEqual(find(families, 'weft_backend_inflight'), [
    [{ service: 'shop/user-service', port: '8080', backend: 'shop/user-1' }, 3],
  ]);
  t.deepEqual(find(families, 'weft_problems'), [[{ severity: 'warning', code: 'WEFT0302' }, 2]]);
  t.deepEqual(find(families, 'weft_check_degraded'), [
    [{ check: 'sources' }, 1],
    [{ check: 'tables' }, 0],
  ]);
  t.deepEqual(find(families, 'weft_ready'), [[{}, 1]]);
  t.deepEqual(find(families, 'weft_map_drift_total'), [[{}, 6]]);
  t.deepEqual(find(families, 'weft_events_lost_total'), [[{}, 7]]);
  t.deepEqual(find(families, 'weft_gateway_requests_untold_total'), [[{}, 21]]);
  t.deepEqual(find(families, 'weft_held_objects'), [[{}, 8]]);
  t.deepEqual(find(families, 'weft_edges_full_total'), [[{}, 4]]);
  t.deepEqual(find(families, 'weft_config_generation'), [[{}, 7]]);
  t.deepEqual(find(families, 'weft_datapath_mode'), [[{ mode: 'connect' }, 1]]);
  t.deepEqual(find(families, 'weft_series_dropped_total'), [[{}, 0]]);
  t.deepEqual(find(families, 'weft_source_synced'), [[{ source: '/manifests' }, 1]]);
  t.is(families.get('weft_build_info')?.samples[0]?.labels.version, '0.1.0');
  t.truthy(families.get('process_resident_memory_bytes'));
  const propagation = families.get('weft_propagation_seconds')!.samples;
  t.is(propagation.find(({ labels }) => labels.le === '0.005')?.value, 1);
  t.is(propagation.find(({ name }) => name.endsWith('_count'))?.value, 2);
  metrics.close();
});

test('edges have all of Istio’s labels, the unknown written out, and its directions of bytes', async (t) => {
  const metrics = makeMetrics(viewOf(measured));
  const families = parseExposition(await renderText(metrics));
  const [first, second] = families.get('istio_tcp_sent_bytes_total')!.samples;
  t.deepEqual(first, {
    name: 'istio_tcp_sent_bytes_total',
    labels: {
      reporter: 'source',
      source_workload: 'client',
      source_canonical_service: 'client',
      source_canonical_revision: 'v1',
      source_workload_namespace: 'shop',
      source_principal: 'unknown',
      source_app: 'client',
      source_version: 'v1',
      source_cluster: 'unknown',
      destination_workload: 'user-service',
      destination_workload_namespace: 'shop',
      destination_principal: 'unknown',
      destination_app: 'user-service',
      destination_version: 'v1',
      destination_service: 'user-service.shop.svc.cluster.local',
      destination_canonical_service: 'user-service',
      destination_canonical_revision: 'v1',
      destination_service_name: 'user-service',
      destination_service_namespace: 'shop',
      destination_cluster: 'unknown',
      request_protocol: 'tcp',
      response_flags: '-',
      connection_security_policy: 'none',
    },
    value: 50_000,
  });
  t.is(second?.labels.source_workload, 'unknown');
  t.is(second?.labels.destination_version, 'unknown');
  const values = (name: string): number[] => families.get(name)!.samples.map(({ value }) => value);
  t.deepEqual(values('istio_tcp_received_bytes_total'), [1_000, 1_000]);
  t.deepEqual(values('istio_tcp_connections_opened_total'), [10, 10]);
  t.deepEqual(values('istio_tcp_connections_closed_total'), [8, 8]);
  t.deepEqual(values('weft_connections_failed_total'), [1, 1]);
  metrics.close();
});

test('a label with quotes, backslashes and line breaks survives', async (t) => {
  const odd = 'a"b\\c\nd';
  const sources = [{ source: odd, synced: true, degraded: false }];
  const metrics = makeMetrics(viewOf({ sources, edges: [edge('1', { service: odd })] }));
  const families = parseExposition(await renderText(metrics));
  t.is(families.get('weft_source_synced')?.samples[0]?.labels.source, odd);
  const [sample] = families.get('istio_tcp_sent_bytes_total')!.samples;
  t.is(sample?.labels.destination_service_name, odd);
  metrics.close();
});

test('in-flight shows at most 1000 backends, the rest together', async (t) => {
  const inflight = Array.from({ length: 1_500 }, (_, index) => ({
    service: 's/s',
    port: 1,
    backend: `s/${index}`,
    inflight: index + 1,
  }));
  const metrics = makeMetrics(viewOf({ inflight }));
  const samples = parseExposition(await renderText(metrics)).get('weft_backend_inflight')!.samples;
  t.is(samples.length, 1_001);
  t.deepEqual(samples.at(-1)?.labels, { service: 'other', port: 'other', backend: 'other' });
  t.is(
    samples.reduce((sum, { value }) => sum + value, 0),
    (1_500 * 1_501) / 2,
  );
  metrics.close();
});

test('promtool finds nothing to say about our own names', async (t) => {
  const promtool = process.env.PROMTOOL ?? 'promtool';
  if (spawnSync(promtool, ['--version']).error) return t.pass('promtool is not installed (Debian: prometheus)');
  const metrics = makeMetrics(viewOf(measured));
  const { stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: await renderText(metrics) });
  const said = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_'));
  t.deepEqual(said, []);
  metrics.close();
});

test('the listener serves metrics and probes, and nothing else', async (t) => {
  const view = viewOf(measured);
  const errors: unknown[] = [];
  const options = { onError: (error: unknown) => errors.push(error) };
  const server = await startMetrics(view, { ...options, address: { type: 'tcp', host: '127.0.0.1', port: 0 } });
  const { address } = server;
  const scrape = await exchange(address, 'GET', '/metrics');
  t.is(scrape.status, 200);
  t.is(scrape.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.true(parseExposition(scrape.text).has('weft_decisions_total'));
  t.is((await exchange(address, 'GET', '/healthz')).text, 'ok\n');
  t.is((await exchange(address, 'GET', '/readyz')).status, 200);
  view.checks = [{ name: 'canary', state: 'failed', why: 'no' }];
  t.is((await exchange(address, 'GET', '/readyz?verbose')).text, '[-]canary failed: no\nnot ready\n');
  t.is((await exchange(address, 'GET', '/readyz')).status, 503);
  t.is((await exchange(address, 'GET', '/v1/status')).status, 404);
  t.is((await exchange(address, 'POST', '/metrics', { body: 'x' })).status, 405);
  t.is((await exchange(address, 'HEAD', '/metrics')).text, '');
  await t.throwsAsync(startMetrics(view, { ...options, address }), { name: 'AddressTaken' });
  view.measures = () => {
    throw new Error('the maps are gone');
  };
  t.is((await exchange(address, 'GET', '/metrics')).status, 500);
  t.is(errors.length, 1);
  await server.close();
});
