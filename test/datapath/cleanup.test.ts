import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { cgroupRoot as rootOf, staleCgroups } from '../../agent/kernel/cgroups.js';
import { cleanup } from '../../agent/kernel/cleanup.js';
import { Datapath, programs } from '../../agent/kernel/kernel.js';
import { native } from '../../agent/kernel/native.js';
import { lockPins } from '../../agent/kernel/pins.js';
import { cgroupRoot, makeCgroup, pinDirectory } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';

kernelTest('cleanup refuses while an agent runs, lists with --dry-run, removes everything, and again nothing', (t) => {
  const pin = pinDirectory();
  const { pins, release } = lockPins(pin);
  const datapath = Datapath.load({
    pins,
    cgroup: makeCgroup(),
    cgroupRoot: cgroupRoot(),
    capacities: {},
    log: () => undefined,
  });
  datapath.attach();
  const ids = new Set([...datapath.programs.values()].map((program) => program.info().id));
  const links = (): number =>
    native()
      .cgroupLinks()
      .filter(({ programId }) => ids.has(programId)).length;

  t.deepEqual(cleanup({ pin, dryRun: false }), { removed: [], refused: `an agent runs on ${pin}: stop it first` });
  t.is(links(), programs.length);
  datapath.close();
  release();
  t.is(links(), programs.length, 'they outlive the agent');

  const below = (paths: readonly string[]): readonly string[] => paths.filter((path) => path.startsWith(pin));
  const { removed } = cleanup({ pin, dryRun: true });
  t.is(below(removed).length, programs.length + datapath.maps.size + 4);
  t.is(removed[0], join(pin, 'links', [...programs].sort()[0]!));
  t.is(links(), programs.length);
  t.true(existsSync(pin));

  t.deepEqual(below(cleanup({ pin, dryRun: false }).removed), below(removed));
  t.is(links(), 0);
  t.false(existsSync(pin));
  t.deepEqual(below(cleanup({ pin, dryRun: false }).removed), []);
});

kernelTest('cgroups of short-lived processes whose maker is dead are found, others are left', (t) => {
  const dead = spawnSync('true').pid;
  const cgroup = makeCgroup();
  for (const name of [
    `weft-canary-${dead}`,
    `weft-cookie-${dead}`,
    `weft-canary-${process.pid}`,
    'weft-canary-x',
    'mine',
  ])
    mkdirSync(join(cgroup, name));
  t.deepEqual([...staleCgroups(cgroup)].sort(), [
    join(cgroup, `weft-canary-${dead}`),
    join(cgroup, `weft-cookie-${dead}`),
  ]);
  t.deepEqual(staleCgroups(join(cgroup, 'gone')), []);
});

test('cgroup2 is found where it is mounted, with its name unescaped', (t) => {
  const hybrid = [
    '25 30 0:22 / /sys rw,nosuid - sysfs sysfs rw',
    '33 25 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755',
    '34 33 0:29 / /sys/fs/cgroup/with\\040space rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate',
    '35 33 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
  ].join('\n');
  t.is(rootOf(hybrid), '/sys/fs/cgroup/with space');
  t.is(rootOf('25 30 0:22 / /sys rw - sysfs sysfs rw\n'), undefined);
  t.is(rootOf(''), undefined);
});
