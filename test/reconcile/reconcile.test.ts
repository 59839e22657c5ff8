import test from 'ava';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { type Applied, Reconciler } from '../../agent/kernel/reconcile.js';
import { indexKey, type Store } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  BackendStateRowSize,
  readBackendRow,
  readFrontendRow,
  ServiceStateRowSize,
  writeBackendStateRow,
  writeServiceStateRow,
} from '../../agent/tables/layout.gen.js';
import { frontendRows, pictureOf } from './picture.js';
import { change } from './plans.js';
import { WatchedStore } from './watched-store.js';

const nobody = (): void => undefined;

/** `rounds` ticks of the agent. */
function ticks(reconciler: Reconciler, rounds: number): void {
  for (let i = 0; i < rounds; i++) {
    reconciler.reclaim(nobody);
    reconciler.apply(new Map());
  }
}

function setInflight(store: Store, id: number, inflight: number): void {
  const values = new Uint8Array(BackendStateRowSize);
  writeBackendStateRow({ inflight, opened: 5n, failed: 0n, connectNs: 0n }, viewOf(values), 0);
  store.update('backend_states', { keys: indexKey(id), values, count: 1 });
}

const rowOf = (applied: Applied): number => applied.rows;

test('a service address leads to its weighted backends', (t) => {
  const store = new MemoryStore();
  const reconciler = new Reconciler(store);
  reconciler.apply(
    change('shop/cart', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 2, '10.0.0.2': 4, '10.0.0.3': 0 } }),
  );
  t.deepEqual(
    [...pictureOf(store)],
    [
      [
        '10.96.0.1:80 6',
        { policy: 0, maxConnections: 0, weights: { '10.0.0.1:8080': 1, '10.0.0.2:8080': 2 }, ring: [] },
      ],
    ],
  );
});

test('all addresses of a plan share one region', (t) => {
  const store = new MemoryStore();
  const reconciler = new Reconciler(store);
  reconciler.apply(
    change('shop/cart', { addresses: ['10.96.0.1', '192.0.2.7'], backends: { '10.0.0.1': 1, '10.0.0.2': 1 } }),
  );
  const rows = frontendRows(store);
  t.is(rows.length, 2);
  t.deepEqual(rows[0]!.row, rows[1]!.row);
  t.is(reconciler.used().slots, 2);
});

test('a service that goes leaves no row, and its backends are reported once', (t) => {
  const store = new MemoryStore();
  const reconciler = new Reconciler(store);
  reconciler.apply(change('shop/cart', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 }, onRemoval: 'reset' }));
  const { gone } = reconciler.apply(change('shop/cart'));
  t.deepEqual(
    gone.map(({ address, onRemoval, name }) => ({ address, onRemoval, name })),
    [{ address: '10.0.0.1', onRemoval: 'reset', name: '10.0.0.1' }],
  );
  t.is(store.read('frontends').count, 0);
  t.deepEqual(reconciler.apply(new Map()), { gone: [], rows: 0 });
});

test('a backend that two services share is not gone until both let go', (t) => {
  const reconciler = new Reconciler(new MemoryStore());
  const one = { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } };
  reconciler.apply(change('a/one', one));
  reconciler.apply(change('a/two', { ...one, addresses: ['10.96.0.2'] }));
  t.is(reconciler.apply(change('a/one')).gone.length, 0);
  t.is(reconciler.apply(change('a/two')).gone.length, 1);
});

test('an address that moves from one service to another is never without a row', (t) => {
  const store = new WatchedStore(new MemoryStore());
  const reconciler = new Reconciler(store);
  const sketch = { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } };
  reconciler.apply(change('a/one', sketch));
  store.after = ({ table, value }) => t.false(table === 'frontends' && value === undefined);
  reconciler.apply(new Map([...change('a/one'), ...change('b/two', { ...sketch, backends: { '10.0.0.9': 1 } })]));
  t.deepEqual(
    [...pictureOf(store).values()].map(({ weights }) => weights),
    [{ '10.0.0.9:8080': 1 }],
  );
});

test('of two services with one address the first by name has it, whichever came first, and the other when it goes', (t) => {
  const sketches = {
    'a/one': { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } },
    'a/one-more': { addresses: ['10.96.0.1'], backends: { '10.0.0.2': 1 } },
  };
  for (const order of [['a/one', 'a/one-more'] as const, ['a/one-more', 'a/one'] as const]) {
    const store = new MemoryStore();
    const reconciler = new Reconciler(store);
    for (const service of order) reconciler.apply(change(service, sketches[service]));
    const weights = (): unknown => pictureOf(store).get('10.96.0.1:80 6')?.weights;
    t.deepEqual(weights(), { '10.0.0.1:8080': 1 });
    reconciler.apply(change('a/one'));
    t.deepEqual(weights(), { '10.0.0.2:8080': 1 });
  }
});

test('contenders that go together with the owner leave nothing', (t) => {
  const store = new MemoryStore();
  const reconciler = new Reconciler(store);
  const sketch = { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } };
  reconciler.apply(change('a/one', sketch));
  reconciler.apply(change('b/two', sketch));
  reconciler.apply(new Map([...change('a/one'), ...change('b/two')]));
  t.is(store.read('frontends').count, 0);
  t.deepEqual(reconciler.verify(), []);
});

test('an id with a connection in flight is given to nobody, then with a higher generation', (t) => {
  const store = new MemoryStore({ backends: 3, backend_states: 3 });
  const reconciler = new Reconciler(store);
  reconciler.apply(change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1, '10.0.0.2': 1 } }));
  setInflight(store, 1, 1);
  setInflight(store, 2, 1);
  reconciler.apply(change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } }));
  ticks(reconciler, 5);
  const next = change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1, '10.0.0.3': 1 } });
  reconciler.apply(next);
  t.deepEqual(
    [...reconciler.unfit()].map(({ table }) => table),
    ['backends'],
  );
  setInflight(store, 2, 0);
  const retired: string[] = [];
  for (let i = 0; i < 3; i++) {
    reconciler.reclaim((backends) => retired.push(...backends.map(({ address }) => address)));
    reconciler.apply(new Map());
  }
  t.deepEqual(retired, ['10.0.0.2']);
  t.deepEqual([...reconciler.unfit()], []);
  const { address, generation } = readBackendRow(viewOf(store.lookup('backends', indexKey(2))!), 0);
  t.deepEqual({ address, generation }, { address: '10.0.0.3', generation: 2 });
  t.true(store.lookup('backend_states', indexKey(2))!.every((byte) => byte === 0));
});

test('an id is not freed in the round in which its backend went', (t) => {
  const store = new MemoryStore();
  const reconciler = new Reconciler(store);
  reconciler.apply(change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } }));
  reconciler.apply(change('a/one'));
  const retired: number[] = [];
  reconciler.reclaim((backends) => retired.push(...backends.map(({ id }) => id)));
  t.deepEqual(retired, []);
  reconciler.reclaim((backends) => retired.push(...backends.map(({ id }) => id)));
  t.deepEqual(retired, [1]);
});

test("a service's id is cleared and given away once it has no connections", (t) => {
  const store = new MemoryStore({ service_states: 2 });
  const reconciler = new Reconciler(store);
  const busy = new Uint8Array(ServiceStateRowSize);
  writeServiceStateRow({ inflight: 1, cursor: 9n }, viewOf(busy), 0);
  reconciler.apply(change('a/one', { addresses: ['10.96.0.1'], backends: {} }));
  store.update('service_states', { keys: indexKey(1), values: busy, count: 1 });
  reconciler.apply(new Map([...change('a/one'), ...change('a/two', { addresses: ['10.96.0.2'], backends: {} })]));
  ticks(reconciler, 4);
  t.deepEqual(
    [...reconciler.unfit()].map(({ table }) => table),
    ['service_states'],
  );
  store.update('service_states', {
    keys: indexKey(1),
    values: new Uint8Array(ServiceStateRowSize).fill(7, 8),
    count: 1,
  });
  ticks(reconciler, 3);
  t.deepEqual([...reconciler.unfit()], []);
  t.is(frontendRows(store)[0]?.row.service, 1);
  t.true(store.lookup('service_states', indexKey(1))!.every((byte) => byte === 0));
});

for (const [table, capacities] of [
  ['slots', { slots: 3 }],
  ['frontends', { frontends: 1 }],
  ['backends', { backends: 3, backend_states: 3 }],
  ['service_states', { service_states: 2 }],
] as const) {
  test(`a service that finds ${table} full is reported, the others work, and it comes in once there is room`, (t) => {
    const store = new MemoryStore(capacities);
    const reconciler = new Reconciler(store);
    const one = { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1, '10.0.0.2': 1 } };
    const two = { addresses: ['10.96.0.2'], backends: { '10.0.0.1': 1, '10.0.0.3': 1 } };
    reconciler.apply(change('a/one', one));
    reconciler.apply(change('a/two', two));
    t.deepEqual(
      [...reconciler.unfit()].map((unfit) => [unfit.plan.service, unfit.table]),
      [['a/two', table]],
    );
    t.deepEqual([...pictureOf(store).keys()], ['10.96.0.1:80 6']);
    t.deepEqual(reconciler.apply(new Map()), { gone: [], rows: 0 });
    reconciler.apply(change('a/one'));
    ticks(reconciler, 4);
    t.deepEqual([...reconciler.unfit()], []);
    t.deepEqual(
      [...pictureOf(store).values()].map(({ weights }) => weights),
      [{ '10.0.0.1:8080': 1, '10.0.0.3:8080': 1 }],
    );
  });
}

test('a change that does not fit leaves the older version', (t) => {
  const store = new MemoryStore({ rings: 40 });
  const reconciler = new Reconciler(store);
  const sketch = { addresses: ['10.96.0.1'], policy: 'SOURCE_IP' as const, tableSize: 31 };
  reconciler.apply(change('a/one', { ...sketch, backends: { '10.0.0.1': 1 } }));
  const before = pictureOf(store);
  const { gone, rows } = reconciler.apply(change('a/one', { ...sketch, backends: { '10.0.0.2': 1 } }));
  t.deepEqual({ gone, rows }, { gone: [], rows: 0 });
  t.deepEqual(
    [...reconciler.unfit()].map(({ table }) => table),
    ['rings'],
  );
  t.deepEqual(pictureOf(store), before);
  t.deepEqual(reconciler.plansOf('a/one')[0]?.plan.backends[0]?.address, '10.0.0.1');
});

test('what does not fit is tried again only when something was given back', (t) => {
  const store = new WatchedStore(new MemoryStore({ slots: 1 }));
  const reconciler = new Reconciler(store);
  reconciler.apply(change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1, '10.0.0.2': 1 } }));
  const { calls } = store;
  store.before = () => t.fail('a write');
  ticks(reconciler, 5);
  t.true(store.calls - calls <= 5 * 8);
});

test('a tick with nothing to do asks nothing of the store', (t) => {
  const store = new WatchedStore(new MemoryStore());
  const reconciler = new Reconciler(store);
  reconciler.apply(change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } }));
  ticks(reconciler, 3);
  store.before = () => t.fail('a write');
  const { calls } = store;
  ticks(reconciler, 1);
  t.is(store.calls, calls);
});

test('a plan that cannot be turned into rows does not hold up the others', (t) => {
  const store = new MemoryStore();
  const reconciler = new Reconciler(store);
  const broken = change('a/broken', {
    addresses: ['10.96.0.1'],
    backends: { '10.0.0.1': 1, '10.0.0.2': 2 ** 33 },
  });
  const sound = change('b/sound', { addresses: ['10.96.0.2'], backends: { '10.0.0.3': 1 } });
  t.throws(() => reconciler.apply(new Map([...broken, ...sound])), { instanceOf: RangeError });
  t.deepEqual([...pictureOf(store).keys()], ['10.96.0.2:80 6']);
  t.is(reconciler.backends.count, 1);
});

test('10 000 endpoints in one service work, and one more moves nothing else', (t) => {
  const store = new MemoryStore();
  const reconciler = new Reconciler(store);
  const backends = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1]));
  reconciler.apply(change('a/big', { addresses: ['10.96.0.1'], backends: backends(10_000) }));
  t.is(Object.keys(pictureOf(store).get('10.96.0.1:80 6')!.weights).length, 10_000);
  const rows = rowOf(reconciler.apply(change('a/big', { addresses: ['10.96.0.1'], backends: backends(10_001) })));
  t.is(rows, 1 + 10_001 + 1);
  t.is(readFrontendRow(viewOf(store.read('frontends').values), 0).slotCount, 10_001);
});
