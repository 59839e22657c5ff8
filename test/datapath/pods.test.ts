import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sourceHash } from '../../agent/compile/maglev.js';
import { cookieReader } from '../../agent/kernel/cookies.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
import type { Absence, Place, PlaceFinder } from '../../agent/kernel/place.js';
import { NamedPlaces } from '../../agent/kernel/place-named.js';
import { PodTable } from '../../agent/kernel/pods.js';
import type { Pod } from '../../agent/model/mesh.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { PodKeySize, PodRowSize, readPodKey, readPodRow } from '../../agent/tables/layout.gen.js';
import { cgroupRoot, claimName, makeNamespace, removeNamespace } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import { FaultyStore } from '../reconcile/faulty-store.js';
import { WatchedStore } from '../reconcile/watched-store.js';

const cookieOf = (path: string): bigint => cookieReader(cgroupRoot())(path);

function podIn(netns: string, addresses: readonly string[] = []): Pod {
  return {
    kind: 'Pod',
    meta: {} as Pod['meta'],
    addresses,
    ports: [],
    ready: true,
    terminating: false,
    finished: false,
    node: '',
    hostNetwork: false,
    uid: '',
    netns: basename(netns),
    cgroup: '',
    mesh: undefined,
    workload: '',
  };
}

/** Cookie to id of the rows. */
function rowsOf(store: MemoryStore): ReadonlyMap<bigint, number> {
  const { keys, values, count } = store.read('pods');
  return new Map(
    Array.from({ length: count }, (_, i) => [
      readPodKey(viewOf(keys), i * PodKeySize).netns,
      readPodRow(viewOf(values), i * PodRowSize).id,
    ]),
  );
}

function namespace(t: ExecutionContext): string {
  const path = makeNamespace();
  t.teardown(() => {
    try {
      removeNamespace(path);
    } catch {
      t.log(`${path} is gone already`);
    }
  });
  return path;
}

kernelTest('a namespace that appears later is captured then, and not before', (t) => {
  const store = new MemoryStore();
  const pods = new PodTable(store, cookieOf, undefined);
  const name = claimName();
  pods.want('a/pod', podIn(name, ['10.0.0.9', 'fd00::9']));
  pods.refresh();
  t.is(pods.troubleOf('a/pod'), `there is no network namespace /run/netns/${name}`);
  t.is(rowsOf(store).size, 0);
  execFileSync('ip', ['netns', 'add', name]);
  t.teardown(() => removeNamespace(`/run/netns/${name}`));
  t.deepEqual(pods.refresh(), []);
  t.is(pods.troubleOf('a/pod'), undefined);
  t.deepEqual(rowsOf(store), new Map([[cookieOf(`/run/netns/${name}`), 1]]));
  const row = readPodRow(viewOf(store.read('pods').values), 0);
  t.deepEqual(row, {
    id: 1,
    hash4: sourceHash('10.0.0.9'),
    hash6: sourceHash('fd00::9'),
    gatewayPort: 0,
    gatewaySix: 0,
    four: '10.0.0.9',
    six: 'fd00::9',
  });
  t.is(pods.nameOf(1), 'a/pod');
});

kernelTest('a namespace that is made anew under its name is another one', (t) => {
  const store = new MemoryStore();
  const pods = new PodTable(store, cookieOf, undefined);
  const path = namespace(t);
  pods.want('a/pod', podIn(path));
  pods.refresh();
  for (let round = 0; round < 5; round++) {
    const before = cookieOf(path);
    removeNamespace(path);
    execFileSync('ip', ['netns', 'add', basename(path)]);
    t.not(cookieOf(path), before);
    t.is(pods.refresh().length, 1);
    t.deepEqual([...rowsOf(store).keys()], [cookieOf(path)]);
  }
});

kernelTest('a Pod that goes gives up its row, its id is reported once and rests for a round', (t) => {
  const store = new MemoryStore();
  const pods = new PodTable(store, cookieOf, undefined);
  const [first, second] = [namespace(t), namespace(t)];
  pods.want('a/one', podIn(first));
  pods.refresh();
  pods.want('a/one', undefined);
  pods.want('a/two', podIn(second));
  t.deepEqual(pods.refresh(), [1]);
  t.deepEqual(rowsOf(store), new Map([[cookieOf(second), 2]]));
  pods.want('a/three', podIn(first));
  t.deepEqual(pods.refresh(), []);
  t.is(pods.get('a/three')?.id, 1);
});

kernelTest('of two Pods in one namespace the first is captured, and the other when it goes', (t) => {
  const pods = new PodTable(new MemoryStore(), cookieOf, undefined);
  const path = namespace(t);
  pods.want('a/one', podIn(path));
  pods.want('a/two', podIn(path));
  pods.refresh();
  t.is(pods.troubleOf('a/two'), 'its network namespace is already that of a/one');
  pods.want('a/one', undefined);
  pods.refresh();
  t.is(pods.troubleOf('a/two'), undefined);
  t.deepEqual(
    [...pods.all()].map(({ pod }) => pod),
    ['a/two'],
  );
});

kernelTest("the agent's own namespace is never captured", (t) => {
  const store = new MemoryStore();
  const pods = new PodTable(store, cookieOf, cookieOf('/proc/self/ns/net'));
  const name = claimName();
  execFileSync('ip', ['netns', 'attach', name, String(process.pid)]);
  t.teardown(() => removeNamespace(`/run/netns/${name}`));
  pods.want('a/pod', podIn(name));
  pods.refresh();
  t.is(pods.troubleOf('a/pod'), "its network namespace is the agent's own");
  t.is(rowsOf(store).size, 0);
});

kernelTest('a full table is trouble for the Pod that came last, until another goes', (t) => {
  const pods = new PodTable(new MemoryStore({ pods: 1 }), cookieOf, undefined);
  pods.want('a/one', podIn(namespace(t)));
  pods.want('a/two', podIn(namespace(t)));
  pods.refresh();
  t.is(pods.troubleOf('a/two'), 'table pods is full: 1 rows');
  pods.want('a/one', undefined);
  pods.refresh();
  pods.refresh();
  t.is(pods.troubleOf('a/two'), undefined);
});

kernelTest('a later agent keeps the ids, writes nothing, and prunes what nobody wants', (t) => {
  const memory = new MemoryStore();
  const [kept, stale] = [namespace(t), namespace(t)];
  const first = new PodTable(memory, cookieOf, undefined);
  first.want('a/stale', podIn(stale));
  first.want('a/kept', podIn(kept));
  first.refresh();
  // What a canary leaves that was killed: no Pod's id.
  memory.update('pods', { keys: new Uint8Array(PodKeySize).fill(9), values: new Uint8Array(PodRowSize), count: 1 });

  const store = new WatchedStore(memory);
  const second = new PodTable(store, cookieOf, undefined);
  store.before = () => t.fail('a write');
  second.want('a/kept', podIn(kept));
  second.refresh();
  t.is(second.get('a/kept')?.id, 2);
  store.before = () => undefined;
  second.prune();
  t.deepEqual(rowsOf(memory), new Map([[cookieOf(kept), 2]]));
  t.is(second.verify(), 0);
});

kernelTest('verify puts rows back and takes strange ones away', (t) => {
  const store = new MemoryStore();
  const pods = new PodTable(store, cookieOf, undefined);
  const path = namespace(t);
  pods.want('a/pod', podIn(path));
  pods.refresh();
  const { keys } = store.read('pods');
  store.remove('pods', keys, 1);
  store.update('pods', { keys: new Uint8Array(PodKeySize).fill(9), values: new Uint8Array(PodRowSize), count: 1 });
  t.is(pods.verify(), 2);
  t.deepEqual(rowsOf(store), new Map([[cookieOf(path), 1]]));
  t.is(pods.verify(), 0);
});

kernelTest('a store that fails loses no Pod and no released id', (t) => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory, 0);
  const pods = new PodTable(store, cookieOf, undefined);
  const [one, two] = [namespace(t), namespace(t)];
  store.every = 1;
  pods.want('a/one', podIn(one));
  pods.refresh();
  t.regex(pods.troubleOf('a/one') ?? '', /full/);
  store.every = 0;
  pods.refresh();
  t.is(pods.get('a/one')?.id, 1);

  pods.want('a/one', undefined);
  pods.want('a/two', podIn(two));
  store.every = 1;
  t.throws(() => pods.refresh());
  store.every = 0;
  t.deepEqual(pods.refresh(), [1]);
  t.deepEqual(rowsOf(memory), new Map([[cookieOf(two), 2]]));
});

kernelTest('looking again with nothing to do asks nothing of the store', (t) => {
  const store = new WatchedStore(new MemoryStore());
  const pods = new PodTable(store, cookieOf, undefined);
  pods.want('a/pod', podIn(namespace(t)));
  pods.refresh();
  const { calls } = store;
  pods.refresh();
  t.is(store.calls, calls);
});

kernelTest("the port of a Pod's gateway listener is in its row until the Pod goes, also for a later agent", (t) => {
  const memory = new MemoryStore();
  const path = namespace(t);
  const rowOf = () => readPodRow(viewOf(memory.read('pods').values), 0);
  const first = new PodTable(memory, cookieOf, undefined);
  t.false(first.setGatewayPort('a/pod', 61000, true), 'it is not captured');
  first.want('a/pod', podIn(path, ['10.0.0.9']));
  first.refresh();
  t.true(first.setGatewayPort('a/pod', 61000, true));
  t.like(rowOf(), { id: 1, gatewayPort: 61000, gatewaySix: 1, four: '10.0.0.9' });
  t.deepEqual(first.get('a/pod')?.row, memory.read('pods').values);
  first.want('a/pod', podIn(path, ['10.0.0.10']));
  first.refresh();
  t.like(rowOf(), { id: 1, gatewayPort: 61000, gatewaySix: 1, four: '10.0.0.10' });
  t.is(first.verify(), 0);

  const second = new PodTable(memory, cookieOf, undefined);
  second.want('a/pod', podIn(path, ['10.0.0.11']));
  second.refresh();
  t.like(rowOf(), { id: 1, gatewayPort: 61000, gatewaySix: 1, four: '10.0.0.11' });
  second.want('a/pod', undefined);
  second.refresh();
  second.want('a/pod', podIn(path, ['10.0.0.11']));
  second.refresh();
  t.like(rowOf(), { gatewayPort: 0, gatewaySix: 0 });
});

/** Places that the test says; the cookie of a namespace is the number in the path. */
class HandPlaces implements PlaceFinder {
  readonly isSeeking = false;
  readonly #found = new Map<string, Place | Absence>();
  looks: readonly string[] = [];

  look(wanted: Iterable<Pod>): void {
    this.looks = Array.from(wanted, ({ uid }) => uid);
  }

  find({ uid }: Pod): Place | Absence {
    return this.#found.get(uid) ?? { why: 'nowhere', isPassing: true };
  }

  /** By way of a process; `isCurrent`: whether that is still there once it was looked at. */
  put(uid: string, cookie: number, process: number, isCurrent = true): void {
    this.#found.set(uid, { path: `${process}/${cookie}`, mark: `${process}`, isCurrent: () => isCurrent });
  }

  lose(uid: string, isPassing = true): void {
    this.#found.set(uid, { why: 'gone', isPassing });
  }

  static readonly cookieOf = (path: string): bigint => BigInt(path.split('/')[1]!);
}

function podOf(uid: string): Pod {
  return { ...podIn('whatever it says'), uid };
}

/** A table with one captured Pod, a/pod of UID `one`, in namespace 100 by process 1. */
function captured(): { readonly store: WatchedStore; readonly places: HandPlaces; readonly pods: PodTable } {
  const store = new WatchedStore(new MemoryStore());
  const places = new HandPlaces();
  const pods = new PodTable(store, HandPlaces.cookieOf, 99n, places);
  places.put('one', 100, 1);
  pods.want('a/pod', podOf('one'));
  pods.refresh();
  return { store, places, pods };
}

test('a Pod is the same behind another process of its namespace, and nothing is written', (t) => {
  const { store, places, pods } = captured();
  t.deepEqual(places.looks, ['one']);
  t.like(pods.get('a/pod'), { id: 1, netns: 100n, path: '1/100' });
  pods.setGatewayPort('a/pod', 61000, false);
  const row = pods.get('a/pod')!.row;
  store.before = () => t.fail('a write');
  places.put('one', 100, 2);
  t.deepEqual(pods.refresh(), []);
  t.like(pods.get('a/pod'), { id: 1, netns: 100n, path: '2/100', row });
});

test('a Pod whose processes are all gone stays captured, without a path, until they come back', (t) => {
  const { store, places, pods } = captured();
  store.before = () => t.fail('a write');
  places.lose('one');
  pods.refresh();
  t.like(pods.get('a/pod'), { id: 1, netns: 100n, path: '' });
  t.is(pods.troubleOf('a/pod'), undefined);
  places.put('one', 100, 2);
  pods.refresh();
  t.like(pods.get('a/pod'), { id: 1, netns: 100n, path: '2/100' });
  store.before = () => undefined;
  places.lose('one', false);
  t.deepEqual(pods.refresh(), [1]);
  t.is(pods.troubleOf('a/pod'), 'gone');
});

test('a Pod whose sandbox was made anew is captured anew', (t) => {
  const { places, pods } = captured();
  pods.setGatewayPort('a/pod', 61000, false);
  places.put('one', 101, 2);
  t.deepEqual(pods.refresh(), [1]);
  t.like(pods.get('a/pod'), { id: 2, netns: 101n, path: '2/101' });
  t.is(readPodRow(viewOf(pods.get('a/pod')!.row), 0).gatewayPort, 0);
});

test('a changed Pod without processes keeps its namespace', (t) => {
  const { places, pods } = captured();
  places.lose('one');
  pods.want('a/pod', { ...podOf('one'), addresses: ['10.0.0.9'] });
  pods.refresh();
  t.like(pods.get('a/pod'), { id: 1, netns: 100n, path: '' });
  t.is(readPodRow(viewOf(pods.get('a/pod')!.row), 0).four, '10.0.0.9');
});

test('another Pod of the same name does not inherit the namespace', (t) => {
  const { places, pods } = captured();
  pods.want('a/pod', podOf('two'));
  t.deepEqual(pods.refresh(), [1]);
  t.is(pods.get('a/pod'), undefined);
  t.is(pods.troubleOf('a/pod'), 'nowhere');
  places.put('two', 101, 2);
  pods.refresh();
  t.like(pods.get('a/pod'), { netns: 101n });
});

test('a process that ends while its namespace is read proves nothing', (t) => {
  const { places, pods } = captured();
  places.put('one', 102, 2, false);
  pods.refresh();
  t.like(pods.get('a/pod'), { id: 1, netns: 100n }, 'nothing better is known');
  places.put('two', 101, 3, false);
  pods.want('a/other', podOf('two'));
  pods.refresh();
  t.is(pods.get('a/other'), undefined);
  t.is(pods.troubleOf('a/other'), '3/101 has just gone');
  places.put('two', 101, 4);
  pods.refresh();
  t.like(pods.get('a/other'), { netns: 101n });
});

test("the agent's own namespace is never captured, by whatever path", (t) => {
  const { places, pods } = captured();
  places.put('two', 99, 3);
  pods.want('a/other', podOf('two'));
  pods.refresh();
  t.is(pods.troubleOf('a/other'), "its network namespace is the agent's own");
});

test('what a Pod of an API server says of its namespace is not believed', (t) => {
  const pods = new PodTable(new MemoryStore(), HandPlaces.cookieOf, undefined, new NamedPlaces());
  pods.want('a/pod', { ...podIn('something'), uid: 'one' });
  pods.refresh();
  t.is(pods.troubleOf('a/pod'), 'it names no network namespace');
});
