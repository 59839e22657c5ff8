import { readdirSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { systemClock } from '../../agent/clock.js';
import { runCanary } from '../../agent/kernel/canary.js';
import { cookieReader } from '../../agent/kernel/cookies.js';
import { Datapath } from '../../agent/kernel/kernel.js';
import { lockPins, removePins } from '../../agent/kernel/pins.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import { cgroupRoot, makeCgroup, pinDirectory } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import { WatchedStore } from '../reconcile/watched-store.js';

interface Ground {
  readonly datapath: Datapath;
  readonly cgroup: string;
}

function open(t: ExecutionContext): Ground {
  const { pins, release } = lockPins(pinDirectory());
  const cgroup = makeCgroup();
  const datapath = Datapath.load({ pins, cgroup, cgroupRoot: cgroupRoot(), capacities: {}, log: () => undefined });
  t.teardown(() => {
    datapath.close();
    removePins(pins, false);
    release();
  });
  return { datapath, cgroup };
}

function run(
  { datapath, cgroup }: Ground,
  store = datapath.store as ConstructorParameters<typeof Reconciler>[0],
): Promise<string | undefined> {
  const reconciler = new Reconciler(store);
  return runCanary({ cgroup, store, reconciler, cookieOf: cookieReader(cgroup), clock: systemClock });
}

/** Everything a canary may leave: while its process lives its cgroup stays, and with the process goes its namespace. */
function leftovers({ datapath, cgroup }: Ground): unknown {
  const cgroups = readdirSync(cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return {
    cgroups: cgroups.map(({ name }) => name),
    pods: datapath.store.read('pods').count,
    frontends: datapath.store.read('frontends').count,
  };
}

const nothing = { cgroups: [], pods: 0, frontends: 0 };

kernelTest('a canary arrives where programs are attached, and leaves nothing', async (t) => {
  const ground = open(t);
  ground.datapath.attach();
  t.is(await run(ground), undefined);
  t.deepEqual(leftovers(ground), nothing);
  t.is(await run(ground), undefined, 'again');
});

kernelTest('a canary says so where they are not, and leaves nothing', async (t) => {
  const ground = open(t);
  t.regex((await run(ground)) ?? '', /^a connection to 127\.86\.69\.84:1 was not redirected: /);
  t.deepEqual(leftovers(ground), nothing);
});

kernelTest('a canary whose rows cannot be written throws, and leaves nothing', async (t) => {
  const ground = open(t);
  ground.datapath.attach();
  const store = new WatchedStore(ground.datapath.store);
  let refusals = 0;
  store.before = ({ table }) => {
    if (table === 'slots' && refusals++ === 0) throw new Error('refused');
  };
  await t.throwsAsync(run(ground, store), { message: 'refused' });
  t.deepEqual(leftovers(ground), nothing);
});
