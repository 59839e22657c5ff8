import test from 'ava';
import type { Clock } from '../agent/clock.js';
import { noOverrides, type Overrides } from '../agent/compile/plan.js';
import type { Backend } from '../agent/kernel/backends.js';
import { MemoryStore } from '../agent/kernel/memory.js';
import type { PlaceFinder } from '../agent/kernel/place.js';
import { PodTable } from '../agent/kernel/pods.js';
import { Reconciler } from '../agent/kernel/reconcile.js';
import type { Store } from '../agent/kernel/store.js';
import { Catalog } from '../agent/model/catalog.js';
import type { Change } from '../agent/model/mesh.js';
import { parseObject } from '../agent/model/parse.js';
import { Sync } from '../agent/sync.js';
import { FaultyStore } from './reconcile/faulty-store.js';
import { pictureOf } from './reconcile/picture.js';
import { WatchedStore, type Write } from './reconcile/watched-store.js';

function put(object: unknown): Change {
  const parsed = parseObject(object, { file: 'test.yaml', document: 0, item: -1 });
  if (!parsed.object) throw new Error(JSON.stringify(parsed.findings));
  return { type: 'put', object: parsed.object };
}

function service(name: string, address: string): Change {
  const spec = { clusterIP: address, selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] };
  return put({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec });
}

function pod(name: string, app: string, address: string, ready = 'True'): Change {
  const status = { podIP: address, conditions: [{ type: 'Ready', status: ready }] };
  const spec = { containers: [{ name: 'main', image: 'main' }] };
  return put({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', labels: { app } }, spec, status });
}

const mesh = (): readonly Change[] => [
  service('cart', '10.96.0.1'),
  service('user', '10.96.0.2'),
  pod('cart-1', 'cart', '10.0.0.1'),
  pod('cart-2', 'cart', '10.0.0.2'),
  pod('user-1', 'user', '10.0.0.3'),
];

class Bench {
  readonly catalog: Catalog = new Catalog();
  readonly reconciler: Reconciler;
  readonly sync: Sync;
  readonly gone: Backend[] = [];
  overrides: Overrides = noOverrides;
  now = 0;

  constructor(store: Store, places?: PlaceFinder) {
    this.reconciler = new Reconciler(store);
    this.reconciler.adopt();
    const never = (): (() => void) => () => undefined;
    const clock: Clock = { now: () => this.now, monotonic: () => this.now, after: never, every: never };
    this.sync = new Sync({
      catalog: this.catalog,
      reconciler: this.reconciler,
      pods: new PodTable(store, () => 0n, undefined, places),
      overrides: () => this.overrides,
      node: 'here',
      clock,
      endSockets: (gone) => this.gone.push(...gone),
      retireBackends: () => undefined,
      retirePods: () => undefined,
    });
  }
}

const weightsOf = (store: Store, name: string): unknown => pictureOf(store).get(name)?.weights;
const cart = '10.96.0.1:80 6';
const user = '10.96.0.2:80 6';

test('nothing is written before start, everything then', (t) => {
  const store = new WatchedStore(new MemoryStore());
  store.before = () => t.fail('a write before start');
  const { sync } = new Bench(store);
  sync.change(mesh());
  sync.tick();
  t.deepEqual(sync.verify(), []);
  sync.recompile(['shop/cart']);
  t.is(sync.generation, 0);
  store.before = () => undefined;
  sync.start();
  t.deepEqual(weightsOf(store, cart), { '10.0.0.1:8080': 1, '10.0.0.2:8080': 1 });
  t.deepEqual(weightsOf(store, user), { '10.0.0.3:8080': 1 });
  t.is(sync.generation, 1);
});

test('start removes what an earlier agent left, and ends its sockets', (t) => {
  const store = new MemoryStore();
  const first = new Bench(store);
  first.sync.change([...mesh(), service('old', '10.96.0.9'), pod('old-1', 'old', '10.0.0.9')]);
  first.sync.start();
  const second = new Bench(store);
  second.sync.change(mesh());
  t.is(pictureOf(store).size, 3);
  second.sync.start();
  t.deepEqual([...pictureOf(store).keys()], [cart, user]);
  t.deepEqual(
    second.gone.map(({ address }) => address),
    ['10.0.0.9'],
  );
});

/** Tables of an agent that served five Services. */
function fiveServices(): MemoryStore {
  const store = new MemoryStore();
  const first = new Bench(store);
  first.sync.change([...mesh(), ...['a', 'b', 'c'].map((name, index) => service(name, `10.96.1.${index}`))]);
  first.sync.start();
  return store;
}

test('a start whose sources have hardly any of what the tables hold keeps it for 30 s', (t) => {
  const store = fiveServices();
  const { sync, gone } = new Bench(store);
  const before = pictureOf(store);
  sync.start();
  t.is(sync.held, 5);
  t.deepEqual(pictureOf(store), before);
  t.deepEqual(sync.verify(), []);
  sync.tick();
  t.deepEqual(pictureOf(store), before);
  t.deepEqual(gone, []);
});

test('what is held at a start is the sources’ again when they have it, and gone after 30 s when not', (t) => {
  const store = fiveServices();
  const bench = new Bench(store);
  const { sync } = bench;
  sync.start();
  const row = pictureOf(store).get(cart);
  bench.now = 10_000;
  sync.change([service('cart', '10.96.0.1'), pod('cart-1', 'cart', '10.0.0.1'), pod('cart-2', 'cart', '10.0.0.2')]);
  t.deepEqual(pictureOf(store).get(cart), row, 'nothing has moved');
  t.is(sync.held, 4);
  bench.now = 29_999;
  sync.tick();
  t.is(pictureOf(store).size, 5);
  bench.now = 30_000;
  sync.tick();
  t.is(sync.held, 0);
  t.deepEqual([...pictureOf(store).keys()], [cart]);
  t.deepEqual(
    bench.gone.map(({ address }) => address),
    ['10.0.0.3'],
  );
  t.deepEqual(sync.verify(), []);
});

test('Services that come without endpoints at a start keep those of before, while that is so for most', (t) => {
  const store = new MemoryStore();
  const names = ['a', 'b', 'c'];
  const services = names.map((name, index) => service(name, `10.96.1.${index}`));
  const pods = names.map((name, index) => pod(`${name}-1`, name, `10.0.1.${index}`));
  const first = new Bench(store);
  first.sync.change([...services, ...pods]);
  first.sync.start();
  const before = pictureOf(store);

  const bench = new Bench(store);
  bench.sync.change(services);
  bench.sync.start();
  t.deepEqual(pictureOf(store), before);
  t.is(bench.sync.held, 3);
  bench.now = 1_000;
  bench.sync.change([pods[0]!]);
  bench.sync.tick();
  t.deepEqual(pictureOf(store), before);
  bench.now = 30_000;
  bench.sync.tick();
  t.is(bench.sync.held, 0);
  t.deepEqual(weightsOf(store, '10.96.1.0:80 6'), { '10.0.1.0:8080': 1 });
  t.deepEqual(weightsOf(store, '10.96.1.1:80 6'), {});
  t.deepEqual(bench.gone.map(({ address }) => address).sort(), ['10.0.1.1', '10.0.1.2']);
  t.deepEqual(bench.sync.verify(), []);
});

test('what is held at a start is given up as soon as most of it is wanted again', (t) => {
  const store = fiveServices();
  const bench = new Bench(store);
  bench.sync.start();
  bench.now = 1_000;
  bench.sync.change([...mesh(), service('a', '10.96.1.0')]);
  bench.sync.tick();
  t.is(bench.sync.held, 0);
  t.is(pictureOf(store).size, 3);
});

test('a change writes the rows of the services it touches, and no others', (t) => {
  const store = new WatchedStore(new MemoryStore());
  const { sync, gone } = new Bench(store);
  sync.change(mesh());
  sync.start();
  const writes: Write[] = [];
  store.before = (write) => writes.push(write);
  const touched = sync.change([pod('cart-2', 'cart', '10.0.0.2', 'False')]);
  t.deepEqual([...touched.services], ['shop/cart']);
  t.deepEqual(
    writes.map(({ table }) => table),
    ['slots', 'frontends'],
  );
  t.deepEqual(weightsOf(store, cart), { '10.0.0.1:8080': 1 });
  t.deepEqual(gone, [], 'it is still listed');
  writes.length = 0;
  sync.change([pod('cart-2', 'cart', '10.0.0.2', 'False')]);
  t.deepEqual(writes, [], 'the same again');
});

test('changed weights and drains take effect by compiling again', (t) => {
  const store = new MemoryStore();
  const bench = new Bench(store);
  bench.sync.change(mesh());
  bench.sync.start();
  bench.overrides = {
    weights: new Map([['shop/cart', new Map([['shop/cart-1', 3]])]]),
    drained: new Set(['shop/user-1']),
  };
  bench.sync.recompile(['shop/cart', 'shop/user']);
  t.deepEqual(weightsOf(store, cart), { '10.0.0.1:8080': 3, '10.0.0.2:8080': 1 });
  t.deepEqual(weightsOf(store, user), {});
});

test('propagation is measured from when the change arrived', (t) => {
  const bench = new Bench(new MemoryStore());
  bench.sync.start();
  const seconds: number[] = [];
  const stop = bench.sync.onPropagation((each) => seconds.push(each));
  bench.now = 1500;
  bench.sync.change(mesh(), 1000);
  stop();
  bench.sync.change([pod('cart-3', 'cart', '10.0.0.4')], 1000);
  t.deepEqual(seconds, [0.5]);
});

test('drift is repaired and counted', (t) => {
  const store = new MemoryStore();
  const { sync } = new Bench(store);
  sync.change(mesh());
  sync.start();
  const before = [...pictureOf(store)].sort();
  const { keys } = store.read('frontends');
  store.remove('frontends', keys, 1);
  store.update('slots', { keys: new Uint8Array(4), values: new Uint8Array(20).fill(1), count: 1 });
  t.deepEqual(sync.verify(), [
    { table: 'slots', rows: 1 },
    { table: 'frontends', rows: 1 },
  ]);
  t.is(sync.drift, 2);
  t.deepEqual([...pictureOf(store)].sort(), before);
  t.deepEqual(sync.verify(), []);
  t.is(sync.drift, 2);
});

test('a start that the store refuses can be made again', (t) => {
  const memory = new MemoryStore();
  const earlier = new Bench(memory);
  earlier.sync.change([service('old', '10.96.0.9'), pod('old-1', 'old', '10.0.0.9')]);
  earlier.sync.start();
  const store = new FaultyStore(memory, 2);
  const { sync } = new Bench(store);
  sync.change(mesh());
  t.throws(() => sync.start());
  store.every = 0;
  sync.start();
  t.deepEqual([...pictureOf(memory).keys()], [cart, user]);
  t.deepEqual(sync.verify(), []);
});

test('a change that the store refuses is written by the next tick', (t) => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory, 0);
  const { sync, gone } = new Bench(store);
  sync.change(mesh());
  sync.start();
  store.every = 1;
  t.throws(() => sync.change([service('cart', '10.96.0.7'), { type: 'remove', kind: 'Pod', key: 'shop/user-1' }]));
  store.every = 0;
  sync.tick();
  t.deepEqual([...pictureOf(memory).keys()].sort(), [user, '10.96.0.7:80 6']);
  t.deepEqual(weightsOf(memory, user), {});
  t.deepEqual(
    gone.map(({ address }) => address),
    ['10.0.0.3'],
  );
});

test('namespaces that are expected are looked for between ticks, others are not', (t) => {
  let looks = 0;
  const places = {
    isSeeking: false,
    look: () => {
      looks++;
    },
    find: () => ({ why: 'nowhere', isPassing: true }),
  };
  const { sync } = new Bench(new MemoryStore(), places);
  places.isSeeking = true;
  sync.seek();
  t.is(looks, 0, 'nothing is wanted before start');
  sync.start();
  looks = 0;
  sync.seek();
  t.is(looks, 1);
  places.isSeeking = false;
  sync.seek();
  t.is(looks, 1);
});

test('Pods that are not to be captured here are no reason to look at namespaces', (t) => {
  let looks = 0;
  const places: PlaceFinder = {
    isSeeking: false,
    look: () => {
      looks++;
    },
    find: () => ({ why: 'not here', isPassing: false }),
  };
  const { sync } = new Bench(new MemoryStore(), places);
  sync.change(mesh());
  sync.start();
  t.is(looks, 1);
  sync.change([pod('cart-2', 'cart', '10.0.0.2', 'False'), pod('cart-3', 'cart', '10.0.0.4')]);
  t.is(looks, 1);
  const metadata = { name: 'here', namespace: 'shop', annotations: { 'weft.dev/netns': 'here' } };
  sync.change([put({ apiVersion: 'v1', kind: 'Pod', metadata, spec: {}, status: {} })]);
  t.is(looks, 2);
  sync.change([{ type: 'remove', kind: 'Pod', key: 'shop/here' }]);
  t.is(looks, 3);
});
