import test, { type ExecutionContext } from 'ava';
import { Datapath } from '../../agent/kernel/kernel.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { lockPins, removePins } from '../../agent/kernel/pins.js';
import { indexKey, keySizeOf, type Rows, type Store, TableFullError, valueSizeOf } from '../../agent/kernel/store.js';
import { hexOf, viewOf } from '../../agent/tables/bytes.js';
import { Reason, type TableName } from '../../agent/tables/layout.gen.js';
import { cgroupRoot, makeCgroup, pinDirectory } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import { FaultyStore, RefusedError } from './faulty-store.js';

const capacities = { frontends: 8, slots: 32, overrides: 4, backends: 16, backend_states: 16 };

/** Rows of a table, told apart by one byte. */
function rows(table: TableName, ...marks: readonly (readonly [key: number, value: number])[]): Rows {
  const keys = new Uint8Array(keySizeOf(table) * marks.length);
  const values = new Uint8Array(valueSizeOf(table) * marks.length);
  marks.forEach(([key, value], i) => {
    keys[i * keySizeOf(table)] = key;
    values[i * valueSizeOf(table)] = value;
  });
  return { keys, values, count: marks.length };
}

function contents(store: Store, table: TableName): Readonly<Record<string, number>> {
  const { keys, values, count } = store.read(table);
  const pairs = Array.from({ length: count }, (_, i) => [keys[i * keySizeOf(table)]!, values[i * valueSizeOf(table)]!]);
  return Object.fromEntries(pairs.sort(([a], [b]) => a! - b!));
}

/** What every store does. */
const contract: Readonly<Record<string, (t: ExecutionContext, store: Store) => void>> = {
  'a row is found as it was written': (t, store) => {
    const row = rows('frontends', [1, 7]);
    store.update('frontends', row);
    t.is(hexOf(store.lookup('frontends', row.keys)!), hexOf(row.values));
    t.deepEqual(contents(store, 'frontends'), { 1: 7 });
    t.is(store.lookup('frontends', rows('frontends', [2, 0]).keys), undefined);
  },
  'writing twice is writing once, and the last value counts': (t, store) => {
    store.update('frontends', rows('frontends', [1, 7], [2, 8], [1, 9]));
    store.update('frontends', rows('frontends', [2, 8]));
    t.deepEqual(contents(store, 'frontends'), { 1: 9, 2: 8 });
  },
  'removing tells how many were there, absent ones are passed over': (t, store) => {
    store.update('frontends', rows('frontends', [1, 7], [2, 8], [3, 9]));
    const { keys } = rows('frontends', [5, 0], [1, 0], [1, 0], [3, 0]);
    t.is(store.remove('frontends', keys, 4), 2);
    t.is(store.remove('frontends', keys, 4), 0);
    t.deepEqual(contents(store, 'frontends'), { 2: 8 });
  },
  'nothing is written, removed or read of no rows': (t, store) => {
    store.update('frontends', rows('frontends'));
    t.is(store.remove('frontends', new Uint8Array(0), 0), 0);
    t.is(store.read('frontends').count, 0);
  },
  'a full table says so, the rows before are written, and those that are there can be changed': (t, store) => {
    const nine = rows('frontends', ...Array.from({ length: 9 }, (_, i) => [i, i] as const));
    const error = t.throws(() => store.update('frontends', nine), { instanceOf: TableFullError });
    t.is(error.table, 'frontends');
    t.is(store.read('frontends').count, 8);
    store.update('frontends', rows('frontends', [3, 77]));
    t.is(contents(store, 'frontends')[3], 77);
    store.remove('frontends', rows('frontends', [3, 0]).keys, 1);
    store.update('frontends', rows('frontends', [99, 1]));
    t.is(contents(store, 'frontends')[99], 1);
  },
  'tables without preallocation get full too': (t, store) => {
    const five = rows('overrides', ...Array.from({ length: 5 }, (_, i) => [i, i] as const));
    t.throws(() => store.update('overrides', five), { instanceOf: TableFullError });
    t.is(store.read('overrides').count, 4);
  },
  'every index of an array is there from the start': (t, store) => {
    t.is(hexOf(store.lookup('slots', indexKey(31))!), '00'.repeat(valueSizeOf('slots')));
    t.is(store.lookup('slots', indexKey(32)), undefined);
    t.is(store.read('slots').count, 32);
    store.update('slots', rows('slots', [5, 1], [30, 2]));
    const { keys, values, count } = store.read('slots', 8);
    t.is(count, 8);
    t.deepEqual(
      Array.from({ length: 8 }, (_, i) => viewOf(keys).getUint32(i * 4, true)),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    t.is(values[5 * valueSizeOf('slots')], 1);
  },
  'an index outside an array is a full table': (t, store) => {
    t.throws(() => store.update('slots', rows('slots', [31, 1], [32, 1])), { instanceOf: TableFullError });
    t.is(store.lookup('slots', indexKey(31))![0], 1);
  },
  'rows of an array cannot be removed': (t, store) => {
    t.throws(() => store.remove('slots', indexKey(3), 1));
  },
  'counters of all CPUs are one value': (t, store) => {
    t.is(store.read('decisions').values.length, Object.keys(Reason).length * valueSizeOf('decisions'));
    t.is(store.lookup('decisions', indexKey(1))?.length, valueSizeOf('decisions'));
    t.true(store.read('decisions').values.every((byte) => byte === 0));
  },
  'what was read is not changed by later writes': (t, store) => {
    store.update('frontends', rows('frontends', [1, 7]));
    const { keys } = rows('frontends', [1, 0]);
    const value = store.lookup('frontends', keys)!;
    const all = store.read('frontends');
    store.update('frontends', rows('frontends', [1, 8]));
    t.deepEqual([value[0], all.values[0]], [7, 7]);
  },
  'capacities are those that were asked for': (t, store) => {
    t.deepEqual([store.capacity('frontends'), store.capacity('slots'), store.capacity('overrides')], [8, 32, 4]);
  },
};

for (const [behaviour, check] of Object.entries(contract)) {
  test(`memory: ${behaviour}`, (t) => check(t, new MemoryStore(capacities)));
  test(`faulty, without faults: ${behaviour}`, (t) => check(t, new FaultyStore(new MemoryStore(capacities), 0)));
}

function kernelStore(t: ExecutionContext): Datapath {
  const { pins, release } = lockPins(pinDirectory());
  const datapath = Datapath.load({
    pins,
    cgroup: makeCgroup(),
    cgroupRoot: cgroupRoot(),
    capacities,
    log: (line) => t.log(line),
  });
  t.teardown(() => {
    datapath.close();
    removePins(pins, false);
    release();
  });
  return datapath;
}

kernelTest('the kernel keeps the contract', (t) => {
  const { store } = kernelStore(t);
  for (const [behaviour, check] of Object.entries(contract)) {
    t.log(behaviour);
    for (const table of ['frontends', 'overrides'] as const) {
      const { keys, count } = store.read(table);
      store.remove(table, keys, count);
    }
    store.update('slots', rows('slots', ...Array.from({ length: 32 }, (_, i) => [i, 0] as const)));
    check(t, store);
  }
});

kernelTest('the kernel: counters of each CPU are added up', (t) => {
  const { store, maps } = kernelStore(t);
  const counters = maps.get('counters')!;
  const width = counters.lookup(indexKey(2))!.length;
  const perCpu = new Uint8Array(width);
  for (let at = 0; at < width; at += 8) viewOf(perCpu).setBigUint64(at, 2n ** 40n + BigInt(at), true);
  counters.put(indexKey(2), perCpu);
  const cpus = BigInt(width / 8);
  const sum = cpus * 2n ** 40n + 8n * ((cpus * (cpus - 1n)) / 2n);
  t.is(viewOf(store.read('counters').values).getBigUint64(2 * 8, true), sum);
  t.is(viewOf(store.lookup('counters', indexKey(2))!).getBigUint64(0, true), sum);
});

test('a faulty store fails at every n-th row, with the rows before written', (t) => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory, 3);
  const four = rows('frontends', [1, 1], [2, 2], [3, 3], [4, 4]);
  t.throws(() => store.update('frontends', four), { instanceOf: TableFullError });
  t.deepEqual(contents(memory, 'frontends'), { 1: 1, 2: 2 });
  t.throws(() => store.update('frontends', four), { instanceOf: RefusedError });
  t.is(store.failures, 2);
});
