import { kernelTest } from '../kernel-test.js';
import { eventually, planOf, World } from './world.js';

const backends = ['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5'];

kernelTest('sessionAffinity: the client is the namespace, TCP and UDP alike', async (t) => {
  const world = World.open(t);
  const servers = world.pod({ wired: backends });
  const pods = [world.pod({ wired: ['10.1.1.1'] }), world.pod({ wired: ['10.1.1.2'] })];
  const plan = planOf({ address: '10.96.0.1', backends, affinitySeconds: 3600 });
  world.apply(plan);
  await world.start(servers).run(`[serve(a) for a in ${JSON.stringify(backends)}]; None`);
  const held: string[] = [];
  for (const pod of pods) {
    const tallies = await Promise.all(
      [world.start(pod), world.start(pod)].map((client) =>
        client.run<Record<string, number>>(`tally(20, '10.96.0.1')`),
      ),
    );
    const names = new Set(tallies.flatMap((tally) => Object.keys(tally)));
    t.is(names.size, 1);
    held.push(...names);
  }
  t.not(held[0], held[1], 'ROUND_ROBIN gave the second client the next backend');
  t.is(world.decisions('AFFINITY') + world.decisions('PICKED'), 80);
  t.true(world.decisions('PICKED') <= 4);
});

kernelTest('affinity ends with its time-out, and when the backend leaves the set', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: backends });
  const plan = (few: readonly string[], affinitySeconds: number) =>
    planOf({ address: '10.96.0.1', backends: few, affinitySeconds });
  world.apply(plan(backends, 3600));
  await world.start(pod).run(`[serve(a) for a in ${JSON.stringify(backends)}]; None`);
  const client = world.start(pod);
  const call = () => client.run<string>(`call('10.96.0.1')`);
  const first = await call();
  t.is(await call(), first);
  const rest = backends.filter((each) => each !== first);
  world.apply(plan(rest, 3600));
  const second = await call();
  t.true(rest.includes(second));
  t.is(await call(), second);
  // Draining: it lives, but is in the set no more.
  world.apply(
    planOf({
      address: '10.96.0.1',
      affinitySeconds: 3600,
      backends: Object.fromEntries(rest.map((each) => [each, each === second ? 0 : 1])),
    }),
  );
  const third = await call();
  t.not(third, second);
  // The time-out counts from the last pick.
  world.apply(plan(rest, 5));
  const picked = world.decisions('PICKED');
  const used = performance.now();
  t.is(await call(), third);
  t.is(world.decisions('PICKED'), picked);
  await eventually(
    () => performance.now() - used,
    (elapsed) => elapsed > 5200,
  );
  const fourth = await call();
  t.is(world.decisions('PICKED'), picked + 1);
  t.true(rest.includes(fourth));
});
