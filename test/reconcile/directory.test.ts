import test from 'ava';
import fc from 'fast-check';
import { doorOf } from '../../agent/kernel/backend-rows.js';
import { Directory } from '../../agent/kernel/directory.js';

const door = fc.record({
  address: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1'),
  port: fc.constantFrom(80, 81, 8080),
  protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
});

test('a backend is found by address, port and protocol until it is deleted or replaced', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'delete-other'), door), { maxLength: 60 }),
      (operations) => {
        const doors = new Map<number, number>();
        const directory = new Directory((id) => doors.get(id)!);
        const model = new Map<string, { address: string; door: number; id: number }>();
        let id = 0;
        for (const [verb, { address, port, protocol }] of operations) {
          const door = doorOf(port, protocol);
          const key = `${address} ${door}`;
          doors.set(++id, door);
          if (verb === 'set') {
            directory.set(address, door, id);
            model.set(key, { address, door, id });
          } else if (verb === 'delete-other') {
            directory.delete(address, door, id);
          } else {
            const present = model.get(key);
            if (present) directory.delete(address, door, present.id);
            model.delete(key);
          }
          if (directory.count !== model.size) throw new Error(`${directory.count} of ${model.size}`);
          if (directory.get(address, door) !== model.get(key)?.id) throw new Error(`${verb} ${key}`);
        }
        return [...model.values()].every(({ address, door, id }) => directory.get(address, door) === id);
      },
    ),
    { numRuns: 500, includeErrorInReport: true },
  );
  t.pass();
});
