import test from 'ava';
import fc from 'fast-check';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { OverrideTable } from '../../agent/kernel/overrides.js';
import { TableFullError } from '../../agent/kernel/store.js';

const plain = (table: OverrideTable): unknown => ({
  weights: [...table.current.weights].map(([service, weights]) => [service, [...weights].sort()]).sort(),
  drained: [...table.current.drained].sort(),
});

test('weights and drains survive the agent', (t) => {
  const store = new MemoryStore();
  const first = new OverrideTable(store);
  first.setWeights(
    'shop/cart',
    new Map([
      ['shop/a', 3],
      ['10.0.0.9', 0],
    ]),
  );
  first.drain('shop/b');
  t.deepEqual(plain(new OverrideTable(store)), {
    weights: [
      [
        'shop/cart',
        [
          ['10.0.0.9', 0],
          ['shop/a', 3],
        ],
      ],
    ],
    drained: ['shop/b'],
  });
});

test('weights are replaced whole, and cleared', (t) => {
  const store = new MemoryStore();
  const table = new OverrideTable(store);
  table.setWeights(
    'shop/cart',
    new Map([
      ['shop/a', 3],
      ['shop/b', 1],
    ]),
  );
  table.setWeights('shop/cart', new Map([['shop/c', 65535]]));
  t.deepEqual([...table.current.weights.get('shop/cart')!], [['shop/c', 65535]]);
  t.deepEqual(plain(new OverrideTable(store)), plain(table));
  table.clearWeights('shop/cart');
  t.false(table.current.weights.has('shop/cart'));
  t.is(store.read('overrides').count, 0);
});

test('a full table refuses, and the old weights stay', (t) => {
  const store = new MemoryStore({ overrides: 3 });
  const table = new OverrideTable(store);
  table.setWeights(
    'shop/cart',
    new Map([
      ['shop/a', 1],
      ['shop/b', 2],
    ]),
  );
  table.drain('shop/c');
  const before = plain(table);
  t.throws(() => table.setWeights('shop/other', new Map([['shop/d', 1]])), { instanceOf: TableFullError });
  t.throws(() => table.drain('shop/e'), { instanceOf: TableFullError });
  t.deepEqual(plain(table), before);
  t.deepEqual(plain(new OverrideTable(store)), before);
});

test('a replacement may use the room of what it replaces', (t) => {
  const store = new MemoryStore({ overrides: 2 });
  const table = new OverrideTable(store);
  table.setWeights(
    'shop/cart',
    new Map([
      ['shop/a', 1],
      ['shop/b', 2],
    ]),
  );
  table.setWeights(
    'shop/cart',
    new Map([
      ['shop/c', 1],
      ['shop/d', 2],
    ]),
  );
  t.deepEqual(plain(new OverrideTable(store)), plain(table));
});

test('the longest names of Kubernetes fit, and longer ones are refused before anything is written', (t) => {
  const store = new MemoryStore();
  const table = new OverrideTable(store);
  const longest = `${'n'.repeat(63)}/${'p'.repeat(253)}`;
  table.setWeights(longest, new Map([[longest, 7]]));
  table.drain(longest);
  t.deepEqual(plain(new OverrideTable(store)), plain(table));
  const before = plain(table);
  t.throws(
    () =>
      table.setWeights(
        longest,
        new Map([
          ['shop/a', 1],
          ['x'.repeat(320), 1],
        ]),
      ),
    { instanceOf: RangeError },
  );
  t.throws(() => table.drain('é'.repeat(160)), { instanceOf: RangeError });
  t.deepEqual(plain(new OverrideTable(store)), before);
});

test('a drain and a weight of one name are two rows, and undraining twice is undraining once', (t) => {
  const store = new MemoryStore();
  const table = new OverrideTable(store);
  table.setWeights('', new Map([['shop/a', 1]]));
  table.drain('shop/a');
  t.is(store.read('overrides').count, 2);
  table.undrain('shop/a');
  table.undrain('shop/a');
  t.is(store.read('overrides').count, 1);
});

test('whatever is set, the map says the same to the next agent', (t) => {
  const name = fc.constantFrom('a/a', 'a/b', 'b/a', 'b/b', 'c/c');
  const operation = fc.oneof(
    fc.record({ service: name, weights: fc.dictionary(name, fc.integer({ min: 0, max: 65535 })) }),
    fc.record({ pod: name, drained: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
      const store = new MemoryStore();
      const table = new OverrideTable(store);
      for (const each of operations) {
        if ('service' in each) table.setWeights(each.service, new Map(Object.entries(each.weights)));
        else if (each.drained) table.drain(each.pod);
        else table.undrain(each.pod);
      }
      return JSON.stringify(plain(new OverrideTable(store))) === JSON.stringify(plain(table));
    }),
  );
  t.pass();
});
