import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/**
 * `start-child.js PIN CGROUP CGROUP_ROOT PINS`: starts the datapath and is killed (SIGKILL) when it is about to put its pin number PINS in place;
 * ends by itself when it has fewer.
 */
const [pin, cgroup, cgroupRoot, limit] = process.argv.slice(2);
if (!pin || !cgroup || !cgroupRoot || !limit) throw new Error('usage: start-child.js PIN CGROUP CGROUP_ROOT PINS');

const { renameSync } = fs;
let pins = 0;
fs.renameSync = (from, to) => {
  if (++pins === Number(limit)) process.kill(process.pid, 'SIGKILL');
  renameSync(from, to);
};
syncBuiltinESMExports();

const { lockPins } = await import('../../agent/kernel/pins.js');
const { Datapath } = await import('../../agent/kernel/kernel.js');
const datapath = Datapath.load({
  pins: lockPins(pin).pins,
  cgroup,
  cgroupRoot,
  capacities: process.env.WEFT_TEST_SLOTS ? { slots: Number(process.env.WEFT_TEST_SLOTS) } : {},
  log: () => undefined,
});
datapath.attach();
