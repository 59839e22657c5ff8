import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { Datapath, type DatapathOptions, programs } from '../../agent/kernel/kernel.js';
import { native } from '../../agent/kernel/native.js';
import { lockPins, type Pins, removePins } from '../../agent/kernel/pins.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import { cgroupRoot, makeCgroup, pinDirectory } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import { pictureOf } from '../reconcile/picture.js';
import { change } from '../reconcile/plans.js';

const child = fileURLToPath(new URL('./start-child.js', import.meta.url));
const small = { slots: 1024, rings: 2048, backends: 512, backend_states: 512 };

/** A start in this process. Closed at the end of the test; the pins go then too. */
function start(
  t: ExecutionContext,
  pin: string,
  cgroup: string,
  capacities: DatapathOptions['capacities'] = small,
): { datapath: Datapath; pins: Pins; stop: () => void } {
  const { pins, release } = lockPins(pin);
  const stop = (): void => {
    datapath.close();
    release();
  };
  t.teardown(() => existsSync(pin) && removePins(pins, false));
  const datapath = Datapath.load({ pins, cgroup, cgroupRoot: cgroupRoot(), capacities, log: (line) => t.log(line) });
  datapath.attach();
  return { datapath, pins, stop };
}

/** Names of Weft's programs on a cgroup, each once for each link. */
function attached(datapath: Datapath): number {
  const ids = new Set([...datapath.programs.values()].map((program) => program.info().id));
  return native()
    .cgroupLinks()
    .filter(({ programId }) => ids.has(programId)).length;
}

function diesAt(pin: string, cgroup: string, pins: number, slots = ''): NodeJS.Signals | null {
  const env = { ...process.env, WEFT_TEST_SLOTS: slots };
  return spawnSync(process.execPath, [child, pin, cgroup, cgroupRoot(), String(pins)], { env }).signal;
}

kernelTest('a first start that died at any step is followed by a clean one', (t) => {
  const tables = 17;
  for (const step of [1, 2, tables, tables + 2, tables + programs.length]) {
    const [pin, cgroup] = [pinDirectory(), makeCgroup()];
    t.is(diesAt(pin, cgroup, step), 'SIGKILL', `at pin ${step}`);
    const { datapath, pins, stop } = start(t, pin, cgroup, {});
    t.deepEqual(pins.linkNames(), [...programs].sort());
    t.deepEqual(pins.mapNames(), [...datapath.maps.keys()].sort());
    t.is(attached(datapath), programs.length);
    t.deepEqual(datapath.repair(), []);
    stop();
  }
});

kernelTest('a migration that died at any step loses no row', (t) => {
  for (const step of [1, 2, 4]) {
    const [pin, cgroup] = [pinDirectory(), makeCgroup()];
    const first = start(t, pin, cgroup);
    new Reconciler(first.datapath.store).apply(
      change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1, '10.0.0.2': 3 } }),
    );
    const before = pictureOf(first.datapath.store);
    first.stop();
    t.is(diesAt(pin, cgroup, step, '2048'), 'SIGKILL', `at pin ${step}`);
    const second = start(t, pin, cgroup);
    t.deepEqual(pictureOf(second.datapath.store), before);
    t.false(second.pins.mapNames().some((name) => name.endsWith('-new')));
    t.is(attached(second.datapath), programs.length);
    second.stop();
  }
});

kernelTest('a ring and a table get another size, and the start after that finds them the same', (t) => {
  const [pin, cgroup] = [pinDirectory(), makeCgroup()];
  const first = start(t, pin, cgroup);
  first.stop();
  const larger = { ...small, overrides: 64, events: 1 << 16 } as DatapathOptions['capacities'];
  const second = start(t, pin, cgroup, larger);
  t.deepEqual([...second.datapath.migrated].sort(), ['events', 'overrides']);
  t.is(second.datapath.maps.get('events')?.info().maxEntries, 1 << 16);
  const ids = [...second.datapath.maps.values()].map((map) => map.info().id);
  second.stop();
  const third = start(t, pin, cgroup, larger);
  t.deepEqual(third.datapath.migrated, []);
  t.deepEqual(
    [...third.datapath.maps.values()].map((map) => map.info().id),
    ids,
  );
  third.stop();
});

kernelTest('two agents on cgroups and pins of their own do not disturb each other', (t) => {
  const one = start(t, pinDirectory(), makeCgroup());
  const two = start(t, pinDirectory(), makeCgroup());
  new Reconciler(one.datapath.store).apply(change('a/one', { addresses: ['10.96.0.1'], backends: { '10.0.0.1': 1 } }));
  t.is(two.datapath.store.read('frontends').count, 0);
  two.stop();
  removePins(two.pins, false);
  t.is(attached(one.datapath), programs.length);
  t.deepEqual(one.datapath.repair(), []);
  t.is(pictureOf(one.datapath.store).size, 1);
  one.stop();
});
