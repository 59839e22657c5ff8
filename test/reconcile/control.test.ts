import test from 'ava';
import { resumeControl, writeControl } from '../../agent/kernel/flows.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { readControlRow } from '../../agent/tables/layout.gen.js';

const controlOf = (store: MemoryStore) => readControlRow(viewOf(store.lookup('control', indexKey(0))!), 0);

test('an agent that starts again leaves the gateway as the last one saw it', (t) => {
  const store = new MemoryStore();
  resumeControl(store, 5n);
  t.deepEqual(controlOf(store), { heartbeatNs: 5n, events: 1, gatewayNs: 0n });
  writeControl(store, { heartbeatNs: 100n, events: false, gatewayNs: 90n });
  resumeControl(store, 10_000_000_000n);
  t.deepEqual(controlOf(store), { heartbeatNs: 10_000_000_000n, events: 1, gatewayNs: 9_999_999_990n });
  writeControl(store, { heartbeatNs: 10_000_000_001n, events: true });
  t.is(controlOf(store).gatewayNs, 9_999_999_990n);
});
