import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Datapath, programs } from '../../agent/kernel/kernel.js';
import { native } from '../../agent/kernel/native.js';
import { lockPins, type Pins, removePins, StartError } from '../../agent/kernel/pins.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { readPodRow } from '../../agent/tables/layout.gen.js';
import { compileBpf } from '../bpf/clang.js';
import { kernelTest } from '../kernel-test.js';
import { cgroupRoot, makeCgroup, pinDirectory } from './scratch.js';
import { planOf, World } from './world.js';

const plan = planOf({ address: '10.96.0.1', backends: ['10.1.0.2', '10.1.0.3'] });

function loadAt(pins: Pins, cgroup: string): Datapath {
  return Datapath.load({ pins, cgroup, cgroupRoot: cgroupRoot(), capacities: {}, log: () => undefined });
}

function linkIds(pins: Pins): readonly number[] {
  return programs.map((name) => {
    const link = native().openLink(pins.link(name));
    const { id } = link.info();
    link.close();
    return id;
  });
}

kernelTest('restarts keep links, ids, slots and what is in flight, and no connect fails meanwhile', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.1.0.3'] });
  world.apply(plan);
  await world.start(pod).run(`serve('10.1.0.2'); serve('10.1.0.3')`);
  const held = world.start(pod);
  await held.run(`c, d = dial('10.96.0.1'), dial('10.96.0.1')`);
  const before = {
    links: linkIds(world.pins),
    slots: world.datapath.store.read('slots', 64),
    frontends: world.datapath.store.read('frontends'),
  };
  const ids = world.programmed(plan).ids;
  const old = new Set([...world.datapath.programs.values()].map((program) => program.info().id));

  const clients = [world.start(pod), world.start(pod)];
  let done = 0;
  const tallies = clients.map((client) =>
    client.run<Record<string, number>>(`tally(600, '10.96.0.1')`).finally(() => done++),
  );
  let restarts = 0;
  while (done < clients.length || restarts < 5) {
    world.restart();
    world.apply(plan);
    t.deepEqual(world.reconciler.prune(), { gone: [], rows: 0 });
    restarts++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const calls = (await Promise.all(tallies)).flatMap((tally) => Object.values(tally));
  t.is(
    calls.reduce((sum, count) => sum + count, 0),
    1200,
  );
  t.deepEqual(
    {
      links: linkIds(world.pins),
      slots: world.datapath.store.read('slots', 64),
      frontends: world.datapath.store.read('frontends'),
    },
    before,
  );
  t.deepEqual(world.programmed(plan).ids, ids);
  t.true(
    [...world.datapath.programs.values()].every((program) => !old.has(program.info().id)),
    'the programs are new ones',
  );
  t.is(world.serviceState(plan).cursor, 1202n);
  t.is(world.decisions('NO_SERVICE') + world.decisions('NOT_MESHED'), 0);
  // A socket from before the restarts still has its name, and is counted out when it ends.
  t.is(await held.run(`c.getpeername()[0]`), '10.96.0.1');
  t.is(world.inflight(plan).service, 2);
  await held.run(`reset(c); reset(d)`);
  t.is(world.inflight(plan).service, 0);
});

kernelTest('links that were detached or replaced, and pins that were removed, are put back', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.1.0.3'] });
  world.apply(plan);
  await world.start(pod).run(`serve('10.1.0.2'); serve('10.1.0.3')`);
  const client = world.start(pod);
  const call = () => client.run<string>(`error_of(lambda: call('10.96.0.1'))[:7]`);
  t.deepEqual(world.datapath.repair(), []);
  t.is(await call(), '10.1.0.');

  execFileSync('bpftool', ['link', 'detach', 'pinned', world.pins.link('weft_connect4')]);
  t.is(await call(), 'ENETUNR');
  t.deepEqual(world.datapath.repair(), [`weft_connect4 was detached from ${world.cgroup}`]);
  t.is(await call(), '10.1.0.');

  const other = native().openObject(compileBpf('test/kernel/older.bpf.c'), 'older');
  other.load();
  const program = other.program('other_connect4');
  const link = native().openLink(world.pins.link('weft_connect4'));
  link.update(program);
  link.close();
  t.is(await call(), 'ENETUNR');
  t.deepEqual(world.datapath.repair(), [`weft_connect4 was replaced by program ${program.info().id}`]);
  other.close();
  t.is(await call(), '10.1.0.');

  rmSync(world.pins.link('weft_sendmsg6'));
  rmSync(world.pins.map('frontends'));
  t.deepEqual([...world.datapath.repair()].sort(), [
    'the pin of table frontends was removed',
    'the pin of weft_sendmsg6 was removed',
  ]);
  t.true(existsSync(world.pins.link('weft_sendmsg6')) && existsSync(world.pins.map('frontends')));
  t.deepEqual(world.datapath.repair(), []);
});

kernelTest('a second agent refuses: on the same pins, and on a cgroup that is the same, above or below', (t) => {
  const world = World.open(t);
  t.throws(() => lockPins(world.pins.directory), {
    instanceOf: StartError,
    message: /another agent uses the pin directory/,
  });

  const { pins, release } = lockPins(pinDirectory());
  t.teardown(() => {
    removePins(pins, false);
    release();
  });
  const child = join(world.cgroup, 'child');
  mkdirSync(child);
  for (const cgroup of [world.cgroup, child, dirname(world.cgroup)]) {
    const error = t.throws(() => loadAt(pins, cgroup), {
      instanceOf: StartError,
      message: /overlaps with .* which another Weft captures/,
    });
    t.regex((error as StartError).fix, /weft cleanup/);
  }
  loadAt(pins, makeCgroup()).close();
});

kernelTest('other capacities: rows move into maps of the new size, and it works on', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.1.0.3'] });
  world.apply(plan);
  const override = { keys: new Uint8Array(16).fill(7), values: new Uint8Array(648).fill(65, 8, 20), count: 1 };
  world.datapath.store.update('overrides', override);
  await world.start(pod).run(`serve('10.1.0.2'); serve('10.1.0.3')`);
  const client = world.start(pod);
  t.is(await client.run(`held.append(dial('10.96.0.1')); greeting(held[0])`), '10.1.0.2');
  const before = { ids: world.programmed(plan).ids, slots: world.datapath.store.read('slots', 16).values };

  world.restart({ overrides: 128, backends: 8192, backend_states: 8192, slots: 1024, frontends: 2048 });
  world.apply(plan);
  t.deepEqual([...world.datapath.migrated].sort(), ['backend_states', 'backends', 'frontends', 'overrides', 'slots']);
  t.true(world.log.some((line) => /table slots was migrated: 16384 rows, expected 1024/.test(line)));
  t.deepEqual(world.datapath.store.read('overrides'), override);
  t.deepEqual({ ids: world.programmed(plan).ids, slots: world.datapath.store.read('slots', 16).values }, before);
  t.is(world.datapath.store.capacity('overrides'), 128);
  t.is(await client.run(`call('10.96.0.1')`), '10.1.0.3');
  t.is(world.inflight(plan).service, 1);
  await client.run(`reset(held.pop())`);
  t.deepEqual(world.inflight(plan), { backends: [0, 0], service: 0 });
  t.throws(() => world.restart({ slots: 1 }), { instanceOf: StartError, message: /slots: row 1 is in use/ });
  t.is(await client.run(`call('10.96.0.1')`), '10.1.0.2', 'a start that failed changed nothing');
  world.restart({ slots: 1024 });
});

kernelTest('tables of another layout: fields move by name, and what cannot move refuses with a sentence', (t) => {
  const cgroup = makeCgroup();
  const { pins, release } = lockPins(pinDirectory());
  t.teardown(() => {
    removePins(pins, false);
    release();
  });
  const older = native().openObject(compileBpf('test/kernel/older.bpf.c'), 'older');
  older.load();
  const pods = older.map('pods');
  pods.put(new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0]), new Uint8Array([4, 0, 0, 0, 5, 0, 0, 0]));
  pods.pin(pins.map('pods'));
  const names = older.map('socket_names');
  names.pin(pins.map('socket_names'));

  const error = t.throws(() => loadAt(pins, cgroup), {
    instanceOf: StartError,
    message: /socket_names is of another version and cannot be migrated/,
  });
  t.regex((error as StartError).fix, /drain this node, run `weft cleanup --pin /);
  rmSync(pins.map('socket_names'));
  const datapath = loadAt(pins, cgroup);
  t.deepEqual(datapath.migrated, ['pods']);
  const { values, count } = datapath.store.read('pods');
  t.is(count, 1);
  t.like(readPodRow(viewOf(values), 0), { id: 5, hash4: 4, hash6: 0 });
  datapath.close();
  for (const object of [pods, names, older]) object.close();
});
