import test from 'ava';
import { reasons } from '../../agent/api/flow.js';
import type { ProgramInfo } from '../../agent/kernel/native.js';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { BackendStateRowSize, CounterRowSize, EdgeRowSize, Reason } from '../../agent/tables/layout.gen.js';
import { shop, World } from './world.js';

test('decisions by reason, each with its verdict', async (t) => {
  const world = await World.of(t, shop);
  for (const reason of Object.values(Reason)) {
    const values = new Uint8Array(CounterRowSize);
    viewOf(values).setBigUint64(0, BigInt(100 + reason), true);
    world.store.update('decisions', { keys: indexKey(reason), values, count: 1 });
  }
  t.deepEqual(
    [...world.view.measures().decisions].map(({ verdict, reason, count }) => `${verdict} ${reason} ${count}`),
    [
      'pass not_meshed 100',
      'pass no_service 101',
      'pass passthrough 102',
      'redirect picked 103',
      'redirect affinity 104',
      'redirect sticky 105',
      'refuse no_backend 106',
      'refuse max_connections 107',
      'refuse table_broken 108',
      'pass unsupported_socket 109',
      'redirect gateway 110',
      'refuse gateway_down 111',
      'refuse gateway_direct 112',
      'pass upstream 113',
    ],
  );
});

test('the reasons of the API are those of the tables, in their order', (t) => {
  const inTables = Object.entries(Reason).sort(([, a], [, b]) => a - b);
  t.deepEqual(
    reasons.map((reason) => reason.toUpperCase()),
    inTables.map(([name]) => name) as never,
  );
});

test('entries and capacities of the tables', async (t) => {
  const world = await World.of(t, shop, { capacities: { slots: 64, pods: 8 } });
  await world.view.setWeights('shop/user-service', new Map([['shop/user-1', 3]]));
  await world.view.drain('shop/user-2');
  world.edge({ pod: 1, ...world.idsOf('shop/user-service', 'shop/user-1') }, { opened: 1 });
  const entries = Object.fromEntries([...world.view.measures().maps].map(({ map, entries }) => [map, entries]));
  t.deepEqual(entries, {
    affinities: 0,
    backend_states: 2,
    backends: 2,
    connected_datagrams: 0,
    edges: 1,
    frontends: 1,
    gateway_listeners: 0,
    overrides: 2,
    pods: 1,
    rings: 0,
    service_states: 1,
    slots: 1,
  });
  const slots = [...world.view.measures().maps].find(({ map }) => map === 'slots');
  t.is(slots?.capacity, 64);
});

test('endpoints by state, and connections in flight to those that have some', async (t) => {
  const world = await World.of(t, shop);
  await world.view.drain('shop/user-2');
  const { backend } = world.idsOf('shop/user-service', 'shop/user-1');
  const values = new Uint8Array(BackendStateRowSize);
  viewOf(values).setUint32(0, 5, true);
  world.store.update('backend_states', { keys: indexKey(backend), values, count: 1 });
  const { backends, inflight } = world.view.measures();
  t.deepEqual(
    [...backends].filter(({ count }) => count > 0),
    [
      { state: 'ready', count: 1 },
      { state: 'drained', count: 1 },
    ],
  );
  t.deepEqual([...inflight], [{ service: 'shop/user-service', port: 8080, backend: 'shop/user-1', inflight: 5 }]);
});

test('run time of programs, edges without a place, sources, the brake', async (t) => {
  const info: ProgramInfo = { name: '', type: 0, id: 1, tag: '', runTimeNs: 2_500_000_000n, runCount: 7n, mapIds: [] };
  const world = await World.of(t, shop, { programs: new Map([['weft_connect4', { info: () => info }]]) });
  const rest = new Uint8Array(EdgeRowSize);
  viewOf(rest).setBigUint64(0, 6n, true);
  world.store.update('edge_rest', { keys: indexKey(0), values: rest, count: 1 });
  world.sources = [{ name: '/manifests', synced: true, trouble: 'gone', objects: 3 }];
  world.held = 2;
  const measures = world.view.measures();
  t.is(measures.mode, 'connect');
  t.deepEqual([...measures.programs], [{ program: 'weft_connect4', runSeconds: 2.5, runs: 7 }]);
  t.is(measures.edgesFull, 6);
  t.deepEqual([...measures.sources], [{ source: '/manifests', synced: true, degraded: true }]);
  t.is(measures.held, 2);
  t.deepEqual([...measures.problems], [{ severity: 'warning', code: 'WEFT0602', count: 1 }]);
});

test('status counts what there is', async (t) => {
  const world = await World.of(t, shop);
  world.checks = [{ name: 'tables', state: 'failed', why: 'not yet' }];
  t.deepEqual(world.view.status(), {
    version: '0.1.0',
    node: 'here',
    kernel: '6.1.0',
    mode: 'memory',
    ready: false,
    checks: world.checks,
    generation: 1,
    started: '2026-01-02T03:04:05.000Z',
    cgroup: '/sys/fs/cgroup',
    pin: '/sys/fs/bpf/weft',
    sources: world.sources,
    services: 1,
    backends: 2,
    pods: 3,
    captured: 1,
    errors: 0,
    warnings: 0,
    held: 0,
    drift: 0,
    eventsLost: 0,
  });
});

test('seconds from a change to the tables are handed on until that is ended', async (t) => {
  const world = await World.of(t, shop);
  const seconds: number[] = [];
  const end = world.view.onPropagation((value) => seconds.push(value));
  world.sync.change([{ type: 'remove', kind: 'Pod', key: 'shop/user-1' }], world.clock.monotonic() - 30);
  end();
  world.remove('Pod', 'shop/user-2');
  t.deepEqual(seconds, [0.03]);
});
