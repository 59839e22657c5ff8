import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';
import type { ExecutionContext } from 'ava';
import { sourceHash } from '../../agent/compile/maglev.js';
import { cookieReader } from '../../agent/kernel/cookies.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
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
