import test from 'ava';
import { isAlive, ownName, runNameIn, runOf } from '../../agent/demo/run.js';

test('what a run makes is found again by its name', (t) => {
  t.is(runNameIn('weft-demo-12-3456-user-1'), 'weft-demo-12-3456');
  t.is(runNameIn('weft-demo-12'), null);
  t.is(runNameIn('my-weft-demo-12-3456'), null);
  t.is(runOf('weft-demo-12-3456', '/cgroup').podCgroup, '/cgroup/weft-demo-12-3456/kubepods');
});

test('a run is alive while its very process is', (t) => {
  t.true(isAlive(ownName()));
  t.is(runNameIn(ownName()), ownName());
  t.false(isAlive(`weft-demo-${process.pid}-1`));
});
