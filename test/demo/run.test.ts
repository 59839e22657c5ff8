import test from 'ava';
import { cgroup2Root } from '../../agent/demo/preflight.js';
import { isAlive, ownName, runNameIn, runOf } from '../../agent/demo/run.js';

test('what a run makes is found again by its name', (t) => {
  t.is(runNameIn('weft-demo-12-3456-user-1'), 'weft-demo-12-3456');
  t.is(runNameIn('weft-demo-12'), null);
  t.is(runNameIn('my-weft-demo-12-3456'), null);
  t.is(runOf('weft-demo-12-3456', '/cgroup').podCgroup, '/cgroup/weft-demo-12-3456/pods');
});

test('a run is alive while its very process is', (t) => {
  t.true(isAlive(ownName()));
  t.is(runNameIn(ownName()), ownName());
  t.false(isAlive(`weft-demo-${process.pid}-1`));
});

test('cgroup v2 is found beside v1 and in paths with spaces', (t) => {
  const hybrid = [
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
    '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw',
  ];
  t.is(cgroup2Root(hybrid.join('\n')), '/sys/fs/cgroup/unified');
  t.is(cgroup2Root('41 31 0:38 / /my\\040groups rw - cgroup2 cgroup2 rw'), '/my groups');
  t.is(cgroup2Root(hybrid.slice(0, 2).join('\n')), null);
});
