import test from 'ava';
import fc from 'fast-check';
import type { Backend } from '../../agent/kernel/backends.js';
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
        const directory = new Directory();
        const model = new Map<string, Backend>();
        let id = 0;
        for (const [verb, { address, port, protocol }] of operations) {
          const key = `${address} ${port} ${protocol}`;
          const fresh: Backend = {
            id: ++id,
            generation: 1,
            address,
            port,
            protocol,
            name: '',
            references: 0,
            onRemoval: 'drain',
          };
          if (verb === 'set') {
            directory.set(fresh);
            model.set(key, fresh);
          } else if (verb === 'delete-other') {
            directory.delete(fresh);
          } else {
            const present = model.get(key);
            if (present) directory.delete(present);
            model.delete(key);
          }
          if (directory.count !== model.size) throw new Error(`${directory.count} of ${model.size}`);
          if (directory.get(address, port, protocol) !== model.get(key)) throw new Error(`${verb} ${key}`);
        }
        return [...model.values()].every((each) => directory.get(each.address, each.port, each.protocol) === each);
      },
    ),
    { numRuns: 500, includeErrorInReport: true },
  );
  t.pass();
});
