import test from 'ava';
import fc from 'fast-check';
import type { Backend } from '../../agent/kernel/backends.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import { FaultyStore, RefusedError } from './faulty-store.js';
import { pictureOf } from './picture.js';
import { type Change, change, changeArbitrary } from './plans.js';
import { Reference } from './reference.js';

const capacities = { slots: 8192, rings: 32768, backends: 512, backend_states: 512 };

interface Story {
  readonly memory: MemoryStore;
  readonly store: FaultyStore;
  readonly reconciler: Reconciler;
  readonly reference: Reference;
  readonly gone: readonly Backend[];
}

/** Applies changes to a store that fails, ticks in between, and counts the errors that reach the caller. */
function stumble(changes: readonly Change[], every: number): Story {
  const memory = new MemoryStore(capacities);
  const store = new FaultyStore(memory, every);
  const reconciler = new Reconciler(store);
  const reference = new Reference();
  const gone: Backend[] = [];
  let errors = 0;
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch {
      errors++;
    }
  };
  for (const each of changes) {
    attempt(() => gone.push(...reconciler.apply(each).gone));
    reference.apply(each, reconciler.unfit());
    attempt(() => reconciler.reclaim(() => undefined));
  }
  if (errors !== store.failures) throw new Error(`${store.failures} failures reached the caller as ${errors} errors`);
  return { memory, store, reconciler, reference, gone };
}

const plain = (picture: ReadonlyMap<string, unknown>): string => JSON.stringify([...picture].sort());

function expectRight({ memory, reconciler, reference }: Story): void {
  if (plain(pictureOf(memory)) !== plain(reference.picture()))
    throw new Error(`${plain(pictureOf(memory))}\nis not\n${plain(reference.picture())}`);
  const drifts = reconciler.verify();
  if (drifts.length > 0) throw new Error(`verify found ${JSON.stringify(drifts)}`);
}

const troubles = fc.tuple(
  fc.array(changeArbitrary(true), { minLength: 1, maxLength: 8 }),
  fc.integer({ min: 1, max: 30 }),
);

test('after failed writes the next change or tick makes the tables right', (t) => {
  fc.assert(
    fc.property(troubles, ([changes, every]) => {
      const story = stumble(changes, every);
      story.store.every = 0;
      story.reconciler.apply(new Map());
      expectRight(story);
    }),
    { numRuns: 300, includeErrorInReport: true },
  );
  t.pass();
});

test('after failed writes verify makes the tables right, and nothing is left behind', (t) => {
  fc.assert(
    fc.property(troubles, ([changes, every]) => {
      const story = stumble(changes, every);
      story.store.every = 0;
      story.reconciler.verify();
      expectRight(story);
      story.reconciler.apply(new Map([...story.reference.wanted.keys()].map((service) => [service, []])));
      for (let i = 0; i < 3; i++) story.reconciler.reclaim(() => undefined);
      const used = story.reconciler.used();
      if (Object.values(used).some((rows) => rows > 0)) throw new Error(JSON.stringify(used));
    }),
    { numRuns: 200, includeErrorInReport: true },
  );
  t.pass();
});

const one = { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1, '10.0.0.2': 1 } };

test('a backend that went while the store failed is still reported, once', (t) => {
  const memory = new MemoryStore();
  for (let failing = 1; failing <= 8; failing++) {
    const store = new FaultyStore(memory, 0);
    const reconciler = new Reconciler(store);
    reconciler.apply(change('a/one', one));
    store.every = failing;
    const gone: string[] = [];
    for (const step of [change('a/one', { ...one, backends: { '10.0.0.1': 1 } }), new Map(), new Map()]) {
      try {
        gone.push(...reconciler.apply(step).gone.map(({ address }) => address));
      } catch (error) {
        t.true(error instanceof Error);
      }
      store.every = 0;
    }
    t.deepEqual(gone, ['10.0.0.2'], `row ${failing} fails`);
  }
});

test('a change while the store fails does not touch what programs read', (t) => {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory, 0);
  const reconciler = new Reconciler(store);
  reconciler.apply(change('a/one', one));
  const before = pictureOf(memory);
  store.every = 1;
  for (let i = 3; i < 9; i++) {
    t.throws(() => reconciler.apply(change('a/one', { ...one, backends: { [`10.0.0.${i}`]: 1 } })));
    t.deepEqual(pictureOf(memory), before);
  }
});

test('counters are retired once although clearing them fails', (t) => {
  const store = new FaultyStore(new MemoryStore(), 0);
  const reconciler = new Reconciler(store);
  reconciler.apply(change('a/one', one));
  reconciler.apply(change('a/one'));
  reconciler.reclaim(() => undefined);
  const retired: number[] = [];
  const retire = (backends: readonly Backend[]): void => {
    retired.push(...backends.map(({ id }) => id));
  };
  store.every = 1;
  t.throws(() => reconciler.reclaim(retire), { message: /full/ });
  t.throws(() => reconciler.reclaim(retire), { instanceOf: RefusedError });
  store.every = 0;
  reconciler.reclaim(retire);
  t.deepEqual(retired, [1, 2]);
  t.is(reconciler.used().backends, 0);
});
