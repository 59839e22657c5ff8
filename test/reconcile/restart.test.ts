import test from 'ava';
import fc from 'fast-check';
import type { FrontendPlan } from '../../agent/compile/plan.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  BackendStateRowSize,
  FrontendRowSize,
  readBackendRow,
  writeBackendStateRow,
} from '../../agent/tables/layout.gen.js';
import { frontendRows, pictureOf } from './picture.js';
import { type Change, change, changeArbitrary } from './plans.js';
import { Reference } from './reference.js';
import { WatchedStore } from './watched-store.js';
import { Witness } from './witness.js';

const capacities = { slots: 4096, rings: 16384, backends: 256, backend_states: 256 };

/** Lives through changes with a tick after each, and returns what is wanted at the end. */
function live(store: MemoryStore, changes: readonly Change[]): ReadonlyMap<string, readonly FrontendPlan[]> {
  const reconciler = new Reconciler(store);
  const wanted = new Map<string, readonly FrontendPlan[]>();
  for (const each of changes) {
    reconciler.apply(each);
    reconciler.reclaim(() => undefined);
    for (const [service, plans] of each) wanted.set(service, plans);
  }
  return wanted;
}

const plain = (picture: ReadonlyMap<string, unknown>): string => JSON.stringify([...picture].sort());

test('a restart with the same plans writes nothing and moves nothing', (t) => {
  fc.assert(
    fc.property(fc.array(changeArbitrary(false), { minLength: 1, maxLength: 8 }), (changes) => {
      const memory = new MemoryStore(capacities);
      const wanted = live(memory, changes);
      const store = new WatchedStore(memory);
      store.before = ({ table }) => {
        throw new Error(`a write to ${table}`);
      };
      const reconciler = new Reconciler(store);
      reconciler.adopt();
      if (reconciler.apply(wanted).rows + reconciler.prune().rows > 0) throw new Error('rows were counted');
      if (reconciler.verify().length > 0) throw new Error('verify found a difference');
    }),
    { numRuns: 150, includeErrorInReport: true },
  );
  t.pass();
});

test('a restart with other plans switches each row in one step, and leaves nothing of the earlier agent', (t) => {
  fc.assert(
    fc.property(
      fc.array(changeArbitrary(true), { minLength: 1, maxLength: 6 }),
      fc.array(changeArbitrary(true), { minLength: 1, maxLength: 3 }),
      (before, after) => {
        const memory = new MemoryStore(capacities);
        live(memory, before);
        const store = new WatchedStore(memory);
        const witness = new Witness(store);
        const reconciler = new Reconciler(store);
        const reference = new Reference();
        reconciler.adopt();
        const all: Change = new Map(after.flatMap((each) => [...each]));
        witness.watch(() => reconciler.apply(all));
        witness.watch(() => reconciler.prune());
        reference.apply(all, reconciler.unfit());
        if (plain(pictureOf(memory)) !== plain(reference.picture())) throw new Error('not as the plans say');
        witness.watch(() => reconciler.apply(new Map([...all.keys()].map((service) => [service, []]))));
        for (let i = 0; i < 3; i++) {
          witness.nextRound();
          reconciler.reclaim(() => undefined);
        }
        const used = reconciler.used();
        if (Object.values(used).some((rows) => rows > 0)) throw new Error(`left: ${JSON.stringify(used)}`);
      },
    ),
    { numRuns: 120, includeErrorInReport: true },
  );
  t.pass();
});

const one = { addresses: ['10.96.0.1', '10.96.0.2'], backends: { '10.0.0.1': 1, '10.0.0.2': 1 } };

test('a restart changes only the service that changed while no agent ran', (t) => {
  const store = new MemoryStore();
  const two = change('a/two', { addresses: ['10.96.0.3'], backends: { '10.0.0.2': 1, '10.0.0.3': 3 } });
  live(store, [change('a/one', one), two]);
  const before = frontendRows(store);
  const reconciler = new Reconciler(store);
  reconciler.adopt();
  const { rows } = reconciler.apply(new Map([...change('a/one', { ...one, backends: { '10.0.0.1': 1 } }), ...two]));
  t.is(rows, 1 + 2, 'one slot, and the rows of two addresses');
  reconciler.prune();
  const after = frontendRows(store);
  t.deepEqual(after[2], before[2]);
  t.deepEqual(
    after.map(({ row }) => row.service),
    before.map(({ row }) => row.service),
  );
});

test('an agent that died between two rows of a service leaves no region to be overwritten', (t) => {
  const store = new MemoryStore();
  live(store, [change('a/one', one)]);
  const torn = store.read('frontends').values.slice(FrontendRowSize);
  const { keys } = store.read('frontends');
  liveOn(store, change('a/one', { ...one, backends: { '10.0.0.1': 1, '10.0.0.2': 5 } }));
  store.update('frontends', { keys: keys.slice(keys.length / 2), values: torn, count: 1 });
  const watched = new WatchedStore(store);
  const witness = new Witness(watched);
  const reconciler = new Reconciler(watched);
  reconciler.adopt();
  const other = change('a/other', { addresses: ['10.96.0.9'], backends: { '10.0.0.7': 1, '10.0.0.8': 1 } });
  witness.watch(() => reconciler.apply(other));
  witness.watch(() => reconciler.apply(change('a/one', one)));
  witness.watch(() => reconciler.prune());
  t.deepEqual(
    [...pictureOf(store).values()].map(({ weights }) => Object.keys(weights).length),
    [2, 2, 2],
  );
  t.deepEqual(reconciler.verify(), []);
  t.is(reconciler.used().slots, 4);
});

/** A later agent's life, over the first one's rows. */
function liveOn(store: MemoryStore, changes: Change): void {
  const reconciler = new Reconciler(store);
  reconciler.adopt();
  reconciler.apply(changes);
  reconciler.prune();
}

test('rows that lead outside the tables are replaced', (t) => {
  const store = new MemoryStore({ slots: 64 });
  live(store, [change('a/one', one)]);
  const { keys, values, count } = store.read('frontends');
  viewOf(values).setUint32(8, 0xffff_fff0, true);
  viewOf(values).setUint32(FrontendRowSize, 0xffff_ffff, true);
  store.update('frontends', { keys, values, count });
  liveOn(store, change('a/one', one));
  t.deepEqual(
    [...pictureOf(store).values()].map(({ weights }) => weights),
    [
      { '10.0.0.1:8080': 1, '10.0.0.2:8080': 1 },
      { '10.0.0.1:8080': 1, '10.0.0.2:8080': 1 },
    ],
  );
});

test('found rows that no plan wants stay until prune, and count', (t) => {
  const store = new MemoryStore({ frontends: 2 });
  live(store, [change('a/one', one)]);
  const reconciler = new Reconciler(store);
  reconciler.adopt();
  reconciler.apply(change('a/two', { addresses: ['10.96.0.9'], backends: { '10.0.0.9': 1 } }));
  t.deepEqual(
    [...reconciler.unfit()].map(({ table }) => table),
    ['frontends'],
  );
  t.is(reconciler.verify().length, 0);
  t.is(pictureOf(store).size, 2);
  t.deepEqual(
    reconciler
      .prune()
      .gone.map(({ address }) => address)
      .sort(),
    ['10.0.0.1', '10.0.0.2'],
  );
  for (let i = 0; i < 3; i++) {
    reconciler.reclaim(() => undefined);
    reconciler.apply(new Map());
  }
  t.deepEqual([...pictureOf(store).keys()], ['10.96.0.9:80 6']);
});

test('ids that were leaving keep their generation and their connections over a restart', (t) => {
  const store = new MemoryStore({ backends: 4, backend_states: 4 });
  const first = new Reconciler(store);
  first.apply(change('a/one', one));
  const busy = new Uint8Array(BackendStateRowSize);
  writeBackendStateRow({ inflight: 1, opened: 1n, failed: 0n, connectNs: 0n }, viewOf(busy), 0);
  store.update('backend_states', { keys: indexKey(1), values: busy, count: 1 });
  writeBackendStateRow({ inflight: 0, opened: 3n, failed: 0n, connectNs: 0n }, viewOf(busy), 0);
  store.update('backend_states', { keys: indexKey(2), values: busy, count: 1 });
  first.apply(change('a/one'));

  const second = new Reconciler(store);
  second.adopt();
  second.prune();
  const retired: string[] = [];
  const tick = (): void => second.reclaim((backends) => retired.push(...backends.map(({ address }) => address)));
  tick();
  tick();
  t.deepEqual(retired, ['10.0.0.2'], 'its sums are seen before they are cleared');
  second.apply(change('a/two', { addresses: ['10.96.0.9'], backends: { '10.0.0.8': 1, '10.0.0.9': 1 } }));
  const rowOf = (id: number): unknown => {
    const { address, generation } = readBackendRow(viewOf(store.lookup('backends', indexKey(id))!), 0);
    return { address, generation };
  };
  t.deepEqual([1, 2].map(rowOf), [
    { address: '10.0.0.1', generation: 1 },
    { address: '10.0.0.8', generation: 2 },
  ]);
});
