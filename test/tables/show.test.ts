import test from 'ava';
import { Batch } from '../../agent/tables/batch.js';
import {
  BackendRowSize,
  CounterRowSize,
  FrontendKeySize,
  type FrontendRow,
  FrontendRowSize,
  Gateway,
  OverrideKeySize,
  OverrideRowSize,
  PodKeySize,
  PodRowSize,
  Policy,
  Protocol,
  Reason,
  SlotRowSize,
  tableLayouts,
  writeBackendRow,
  writeCounterRow,
  writeFrontendKey,
  writeFrontendRow,
  writeOverrideRow,
  writePodKey,
  writePodRow,
  writeSlotRow,
} from '../../agent/tables/layout.gen.js';
import { compareNaturally, RowText, showRows } from '../../agent/tables/show.js';

const plain: FrontendRow = {
  service: 3,
  policy: Policy.LEAST_REQUEST,
  gateway: Gateway.NONE,
  slotBase: 12,
  slotCount: 2,
  weightTotal: 2,
  stride: 1,
  ringBase: 0,
  ringSize: 0,
  affinitySeconds: 0,
  maxConnections: 0,
};

test('frontends: what is 0 is left out, addresses are in the order of their numbers', (t) => {
  const rows = new Batch(FrontendKeySize, FrontendRowSize);
  const add = (address: string, row: Partial<FrontendRow>): void =>
    rows.add((key, keyAt, value, valueAt) => {
      writeFrontendKey({ address, port: 80, protocol: Protocol.TCP }, key, keyAt);
      writeFrontendRow({ ...plain, ...row }, value, valueAt);
    });
  add('fd00::1', { policy: Policy.MAGLEV, ringBase: 100, ringSize: 1021 });
  add('10.96.0.10', {
    policy: Policy.ROUND_ROBIN,
    weightTotal: 10,
    stride: 7,
    affinitySeconds: 10800,
    maxConnections: 5,
  });
  add('10.96.0.9', { gateway: Gateway.CLOSED });
  t.deepEqual(showRows('frontends', rows), [
    'frontends 10.96.0.9:80 TCP: service 3 LEAST_REQUEST slots 12+2 weight 2 stride 1 gateway closed',
    'frontends 10.96.0.10:80 TCP: service 3 ROUND_ROBIN slots 12+2 weight 10 stride 7 affinity 10800 max 5',
    'frontends [fd00::1]:80 TCP: service 3 MAGLEV slots 12+2 ring 100+1021 weight 2 stride 1',
  ]);
});

test('slots and backends are known by their index', (t) => {
  const slots = new Batch(4, SlotRowSize);
  for (const index of [10, 9])
    slots.add((key, keyAt, value, valueAt) => {
      key.setUint32(keyAt, index, true);
      writeSlotRow({ backend: index * 2, weight: 1, cumulative: 4, threshold: 5, alias: 0 }, value, valueAt);
    });
  t.deepEqual(showRows('slots', slots), [
    'slots 9: backend 18 weight 1 cumulative 4 threshold 5 alias 0',
    'slots 10: backend 20 weight 1 cumulative 4 threshold 5 alias 0',
  ]);
  const backends = new Batch(4, BackendRowSize);
  for (const alive of [1, 0])
    backends.add((key, keyAt, value, valueAt) => {
      key.setUint32(keyAt, alive, true);
      writeBackendRow({ address: '10.1.0.1', port: 53, protocol: Protocol.UDP, alive, generation: 4 }, value, valueAt);
    });
  t.deepEqual(showRows('backends', backends), [
    'backends 0: 10.1.0.1:53 UDP gone generation 4',
    'backends 1: 10.1.0.1:53 UDP alive generation 4',
  ]);
});

test('pods, overrides and decisions', (t) => {
  const pod = { id: 7, hash4: 12, hash6: 0, gatewayPort: 61007, gatewaySix: 0, four: '10.1.0.7', six: '' };
  const pods = new Batch(PodKeySize, PodRowSize);
  pods.add((key, keyAt, value, valueAt) => {
    writePodKey({ netns: 4026531840n }, key, keyAt);
    writePodRow(pod, value, valueAt);
  });
  t.deepEqual(showRows('pods', pods), ['pods netns 4026531840: pod 7 10.1.0.7 hash4 12 gateway 61007 IPv4']);
  const overrides = new Batch(OverrideKeySize, OverrideRowSize);
  overrides.add((_key, _keyAt, value, at) => {
    writeOverrideRow({ kind: 1, weight: 5, service: 'shop/user', backend: 'shop/user-1' }, value, at);
  });
  overrides.add((_key, _keyAt, value, at) => {
    writeOverrideRow({ kind: 2, weight: 0, service: '', backend: 'shop/user-2' }, value, at);
  });
  t.deepEqual(showRows('overrides', overrides), [
    'overrides drain shop/user-2: drained',
    'overrides weight shop/user shop/user-1: weight 5',
  ]);
  const decisions = new Batch(4, CounterRowSize);
  decisions.add((key, keyAt, value, at) => {
    key.setUint32(keyAt, Reason.NO_BACKEND, true);
    writeCounterRow({ value: 18_446_744_073_709_551_615n }, value, at);
  });
  t.deepEqual(showRows('decisions', decisions), ['decisions no_backend: 18446744073709551615']);
});

test('every table has a text, but for storage of sockets', (t) => {
  for (const { name, key, value } of tableLayouts) {
    const rows = { keys: new Uint8Array(key.size), values: new Uint8Array(value.size), count: 1 };
    const show = (): string => new RowText(name as never, rows).value(0);
    if (['socket_names', 'datagrams', 'upstreams'].includes(name)) t.throws(show, { message: /no rows/ });
    else t.not(show(), '');
  }
});

test('digits compare as numbers', (t) => {
  const sorted = ['', 'a', 'a1b', 'a02', 'a2', 'a2b', 'a9', 'a10', 'b'];
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) {
      t.is(Math.sign(compareNaturally(a, b)), Math.sign(i - j), `${a} and ${b}`);
    }
  }
});
