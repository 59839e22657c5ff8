import type { RouteItem, TableItem } from '../../agent/api/items.js';
import type { Problem } from '../../agent/model/problem.js';
import { kernelTest } from '../kernel-test.js';
import type { AgentProcess } from './agent-process.js';
import { hugeEndpoints as endpoints, hugeService, hugeSlice } from './huge.js';
import { backends, type Manifest, pod, service } from './objects.js';
import { eventually, Site } from './site.js';

kernelTest('10 000 endpoints in one Service work, and a change of one is effective', async (t) => {
  const site = Site.make(t);
  const house = site.house();
  site.write('client', [pod('client', { addresses: ['10.1.255.1'], netns: house.name })]);
  for (const [name, objects] of Object.entries(hugeService())) site.write(name, objects);
  await site.agent.start();
  const caller = await site.caller(house);
  const places = Object.entries(await caller.count(2000, '10.96.0.1'));
  t.true(places.every(([place]) => /^10\.1\.\d+\.\d+:8080$/.test(place)));
  t.true(places.length > 1700, `${places.length} different backends in 2000 draws of 10 000`);

  const usable = async (): Promise<number> => (await site.agent.items<RouteItem>('routes'))[0]!.usable;
  t.is(await usable(), endpoints);
  for (const unready of [3, -1]) {
    site.write('slice-7', [hugeSlice(7, unready)]);
    await eventually(usable, (count) => count === (unready < 0 ? endpoints : endpoints - 1));
    const [row] = await site.agent.items<TableItem>('tables?table=frontends');
    t.true(row!.kernel.includes(`+${unready < 0 ? endpoints : endpoints - 1} `), row!.kernel);
  }
});

const small: readonly Manifest[] = [1, 2].flatMap((each) => [
  service(`small-${each}`, { addresses: [`10.96.0.${each}`] }),
  ...backends(`small-${each}`, [`10.1.${each}.1`, `10.1.${each}.2`]),
]);

function vast(size: number, ports: number): readonly Manifest[] {
  return [
    service('vast', {
      addresses: ['10.96.0.3'],
      ports: Array.from({ length: ports }, (_, each) => ({ name: `p${each}`, port: 80 + each, targetPort: 8080 })),
    }),
    ...backends(
      'vast',
      Array.from({ length: size }, (_, each) => `10.1.3.${each + 1}`),
    ),
  ];
}

const unfit = async (agent: AgentProcess): Promise<readonly Problem[]> =>
  (await agent.items<Problem>('problems')).filter(({ code }) => code === 'WEFT0601');

/** `before` does not fit, `after` does; it loses less than the mass-delete brake would hold. */
const shortages = [
  { table: 'slots', capacity: 32, before: vast(40, 1), after: vast(22, 1) },
  { table: 'backends', capacity: 32, before: vast(40, 1), after: vast(22, 1) },
  { table: 'frontends', capacity: 5, before: vast(2, 6), after: vast(2, 1) },
];

for (const { after, before, capacity, table } of shortages) {
  kernelTest(`a Service that does not fit into ${table} is reported and left alone until there is room`, async (t) => {
    const site = Site.make(t, { options: ['--capacity', `${table}=${capacity}`] });
    const house = site.house();
    site.write('small', [...small, pod('client', { addresses: ['10.1.255.1'], netns: house.name })]);
    site.write('vast', before);
    await site.agent.start();
    const caller = await site.caller(house);
    for (const each of [1, 2]) {
      const places = Object.keys(await caller.count(50, `10.96.0.${each}`)).sort();
      t.deepEqual(places, [`10.1.${each}.1:8080`, `10.1.${each}.2:8080`]);
    }
    const problems = await unfit(site.agent);
    t.true(problems.length > 0);
    for (const problem of problems) {
      t.is(problem.resource, 'Service default/vast');
      t.true(problem.message.includes(`table ${table} of ${capacity} rows`), problem.message);
      t.is(problem.line, 1);
    }
    const ports = problems.map(({ message }) => Number(/^port (\d+)/.exec(message)![1]));
    t.is(await caller.arrive('10.96.0.3', ports.at(-1)), `10.96.0.3:${ports.at(-1)}`);

    if (table === 'frontends') {
      await eventually(
        () => site.agent.items('tables?table=frontends'),
        (rows) => rows.length === capacity,
      );
      await site.agent.kill();
      await site.agent.start();
      t.regex(await site.agent.readyz(), /canary degraded: .*frontends/, 'an agent that finds full tables starts too');
      t.regex(await caller.arrive('10.96.0.1'), /^10\.1\.1\./);
    }
    site.write('vast', after);
    await eventually(
      () => caller.arrive('10.96.0.3'),
      (place) => place.startsWith('10.1.3.'),
      10_000,
    );
    await eventually(
      () => unfit(site.agent),
      (left) => left.length === 0,
    );
    t.is((await site.agent.status()).errors, 0);
  });
}
