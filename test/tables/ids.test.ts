import test from 'ava';
import fc from 'fast-check';
import { Ids } from '../../agent/tables/ids.js';

test('an id is given to one at a time, within the capacity, and never 0', (t) => {
  const operation = fc.oneof(
    fc.constant('take' as const),
    fc.record({ adopt: fc.integer({ min: -1, max: 12 }) }),
    fc.record({ release: fc.nat(12) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), fc.integer({ min: 1, max: 11 }), (operations, capacity) => {
      const ids = new Ids(capacity);
      const taken = new Set<number>();
      for (const each of operations) {
        if (each === 'take') {
          const id = ids.take();
          if (id === undefined ? taken.size < capacity - 1 : taken.has(id) || id < 1 || id >= capacity)
            throw new Error(`take ${id}`);
          if (id !== undefined) taken.add(id);
        } else if ('adopt' in each) {
          const free = each.adopt >= 1 && each.adopt < capacity && !taken.has(each.adopt);
          if (ids.adopt(each.adopt) !== free) throw new Error(`adopt ${each.adopt}`);
          if (free) taken.add(each.adopt);
        } else {
          ids.release(each.release);
          taken.delete(each.release);
        }
        if (ids.used !== taken.size) throw new Error('used');
      }
    }),
    { numRuns: 1000, includeErrorInReport: true },
  );
  t.pass();
});
