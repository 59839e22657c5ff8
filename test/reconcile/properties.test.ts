import test from 'ava';
import fc from 'fast-check';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import { indexKey, keySizeOf, type Store, valueSizeOf } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  BackendStateRowSize,
  readBackendRow,
  type TableName,
  writeBackendStateRow,
} from '../../agent/tables/layout.gen.js';
import { pictureOf } from './picture.js';
import { type Change, changeArbitrary } from './plans.js';
import { Reference } from './reference.js';
import { WatchedStore } from './watched-store.js';
import { Witness } from './witness.js';

type Operation =
  | { readonly do: 'change'; readonly change: Change }
  | { readonly do: 'tick' }
  | { readonly do: 'connections'; readonly id: number; readonly inflight: number };

const operations = (contested: boolean): fc.Arbitrary<readonly Operation[]> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: changeArbitrary(contested).map((change) => ({ do: 'change', change }) as const) },
      { weight: 3, arbitrary: fc.constant({ do: 'tick' } as const) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('connections' as const),
          id: fc.integer({ min: 1, max: 8 }),
          inflight: fc.nat(1),
        }),
      },
    ),
    { minLength: 1, maxLength: 10 },
  );

function setInflight(store: Store, id: number, inflight: number): void {
  const values = new Uint8Array(BackendStateRowSize);
  writeBackendStateRow({ inflight, opened: 1n, failed: 0n, connectNs: 0n }, viewOf(values), 0);
  store.update('backend_states', { keys: indexKey(id), values, count: 1 });
}

/** Connections begin to live backends only. */
function isAlive(store: Store, id: number): boolean {
  const row = store.lookup('backends', indexKey(id));
  return row !== undefined && readBackendRow(viewOf(row), 0).alive === 1;
}

const ample = { slots: 4096, rings: 16384, backends: 256, backend_states: 256, service_states: 256, frontends: 256 };
/** So small that tables get full. */
const tight = fc.record({
  slots: fc.integer({ min: 4, max: 20 }),
  rings: fc.integer({ min: 31, max: 130 }),
  backends: fc.integer({ min: 3, max: 10 }),
  service_states: fc.integer({ min: 2, max: 8 }),
  frontends: fc.integer({ min: 1, max: 8 }),
});
const capacities = (sizes: Partial<Record<TableName, number>>): Partial<Record<TableName, number>> => ({
  ...sizes,
  backend_states: sizes.backends!,
});

/** Runs operations under a witness and compares with the reference after each. */
function live(
  store: Store,
  steps: readonly Operation[],
): { readonly reconciler: Reconciler; readonly reference: Reference } {
  const watched = new WatchedStore(store);
  const witness = new Witness(watched);
  const reconciler = new Reconciler(watched);
  const reference = new Reference();
  const apply = (change: Change): void => {
    witness.watch(() => reconciler.apply(change));
    reference.apply(change, reconciler.unfit());
    const picture = pictureOf(store);
    if (!equal(picture, reference.picture())) throw new Error(show(picture, reference.picture()));
  };
  for (const step of steps) {
    if (step.do === 'change') {
      apply(step.change);
      if (reconciler.apply(step.change).rows !== 0) throw new Error('the same twice wrote rows');
    } else if (step.do === 'tick') {
      witness.nextRound();
      reconciler.reclaim(() => undefined);
      apply(new Map());
    } else if ((step.inflight === 0 && step.id < store.capacity('backend_states')) || isAlive(store, step.id)) {
      setInflight(store, step.id, step.inflight);
    }
    if (reconciler.verify().length > 0) throw new Error('verify found a difference');
  }
  witness.leave();
  return { reconciler, reference };
}

const plain = (picture: ReadonlyMap<string, unknown>): string => JSON.stringify([...picture].sort());
const equal = (a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean => plain(a) === plain(b);
const show = (a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string =>
  `${plain(a)}\nis not\n${plain(b)}`;

test('whatever changes come, each row leads to what its plan says, in one step', (t) => {
  fc.assert(
    fc.property(operations(true), (steps) => {
      const { reconciler } = live(new MemoryStore(ample), steps);
      return [...reconciler.unfit()].length === 0;
    }),
    { numRuns: 80, includeErrorInReport: true },
  );
  t.pass();
});

test('with tables that get full, what is reported keeps its older version and the others are right', (t) => {
  let unfit = 0;
  fc.assert(
    fc.property(operations(true), tight, (steps, sizes) => {
      unfit += [...live(new MemoryStore(capacities(sizes)), steps).reconciler.unfit()].length;
    }),
    { numRuns: 80, includeErrorInReport: true },
  );
  t.true(unfit > 20);
});

test('what does not fit comes in once everything else is gone', (t) => {
  fc.assert(
    fc.property(operations(false), tight, (steps, sizes) => {
      const store = new MemoryStore(capacities(sizes));
      const { reconciler, reference } = live(store, steps);
      for (let id = 1; id < sizes.backends; id++) setInflight(store, id, 0);
      const unfit = [...reconciler.unfit()][0]?.plan;
      if (!unfit) return;
      const others = [...reference.wanted.keys()].filter((service) => service !== unfit.service);
      reconciler.apply(new Map([...others.map((service) => [service, []] as const), [unfit.service, []]]));
      for (let i = 0; i < 4; i++) reconciler.reclaim(() => undefined);
      reconciler.apply(new Map([[unfit.service, [unfit]]]));
      const needs = {
        slots: unfit.backends.filter(({ weight }) => weight > 0).length,
        backends: unfit.backends.length + 1,
        frontends: unfit.addresses.length,
      };
      const fits = needs.slots <= sizes.slots && needs.backends <= sizes.backends && needs.frontends <= sizes.frontends;
      if ([...reconciler.unfit()].length > 0 === fits) throw new Error(`fits: ${fits}`);
    }),
    { numRuns: 100, includeErrorInReport: true },
  );
  t.pass();
});

test('verify repairs corrupted rows of each table, exactly those', (t) => {
  const damage = fc.record({
    table: fc.constantFrom('slots', 'rings', 'backends', 'frontends'),
    row: fc.nat(50),
    byte: fc.nat(40),
    removes: fc.boolean(),
  });
  fc.assert(
    fc.property(operations(true), fc.array(damage, { minLength: 1, maxLength: 5 }), (steps, damages) => {
      const store = new MemoryStore(ample);
      const { reconciler, reference } = live(store, steps);
      const expected = new Map<string, Set<string>>();
      for (const { table, row, byte, removes } of damages) {
        const desired = reconciler.desired(table);
        if (desired.count === 0) continue;
        const at = row % desired.count;
        const key = desired.keys.slice(at * keySizeOf(table), (at + 1) * keySizeOf(table));
        const value = desired.values.slice(at * valueSizeOf(table), (at + 1) * valueSizeOf(table));
        value[byte % value.length]! ^= 0x55;
        if (removes && table === 'frontends') store.remove(table, key, 1);
        else store.update(table, { keys: key, values: value, count: 1 });
        expected.set(table, (expected.get(table) ?? new Set()).add(key.join()));
      }
      const drifts = reconciler.verify().map(({ table, rows }) => [table, rows]);
      const damaged = [...expected].map(([table, keys]) => [table, keys.size]);
      if (plain(new Map(drifts as [string, number][])) !== plain(new Map(damaged as [string, number][])))
        throw new Error(`${JSON.stringify(drifts)} is not ${JSON.stringify(damaged)}`);
      if (!equal(pictureOf(store), reference.picture())) throw new Error('not repaired');
      return reconciler.verify().length === 0;
    }),
    { numRuns: 80, includeErrorInReport: true },
  );
  t.pass();
});

test('verify removes rows that nobody wants, and finds room for what is missing among them', (t) => {
  const store = new MemoryStore({ ...ample, frontends: 2 });
  const { reconciler } = live(store, []);
  reconciler.apply(new Map());
  const strange = {
    keys: new Uint8Array(2 * keySizeOf('frontends')).fill(3, 20),
    values: new Uint8Array(2 * valueSizeOf('frontends')),
    count: 2,
  };
  store.update('frontends', strange);
  t.deepEqual(reconciler.verify(), [{ table: 'frontends', rows: 2 }]);
  t.is(store.read('frontends').count, 0);
});
