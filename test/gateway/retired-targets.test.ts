import test from 'ava';
import type { Snapshot } from '../../agent/compile/snapshot.js';
import { RetiredTargets } from '../../agent/gateway/retired-targets.js';
import { TestClock } from './proxy/clock.js';
import { action, rule, snapshotOf, tableOf, targetKey } from './proxy/world.js';

const table = tableOf({ ...rule, action });
const before: Snapshot = { ...snapshotOf(table), ids: { '7': targetKey } };
const after: Snapshot = { ...before, targets: {}, ids: {}, clusters: {}, generation: 2 };

test('what has left is served for a minute, also for connections that were not accepted yet', (t) => {
  const clock = new TestClock();
  const retired = new RetiredTargets(clock);
  t.deepEqual([...retired.retire(before, after)], [targetKey]);
  const served = retired.complete(after);
  t.is(served.ids['7'], targetKey);
  t.is(served.targets[targetKey], before.targets[targetKey]);
  t.deepEqual(Object.keys(served.clusters).sort(), ['own', 'v1']);
});

test('an id that is given to somebody else is his at once', (t) => {
  const retired = new RetiredTargets(new TestClock());
  retired.retire(before, after);
  const given: Snapshot = { ...after, ids: { '7': 'shop/other:80/TCP/4' } };
  t.is(retired.complete(given).ids['7'], 'shop/other:80/TCP/4');
});
