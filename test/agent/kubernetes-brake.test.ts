import type { Problem } from '../../agent/model/problem.js';
import { kernelTest } from '../kernel-test.js';
import { application, meshedPod } from './api-objects.js';
import type { Caller } from './caller.js';
import { Cluster, soon } from './cluster.js';
import { decidingRows } from './rows.js';

/** Four Services that will vanish and one that stays. */
const vanishing = [1, 2, 3, 4];
const client = meshedPod();
const applications = [...vanishing, 9].flatMap((each) => application(each, [`10.1.${each}.1`, `10.1.${each}.2`]));

const emptied = ['services', 'endpointslices.discovery.k8s.io'];

/** Where a connection to each of the Services arrives: the number of the Service for a backend of it. */
async function reached(caller: Caller): Promise<readonly number[]> {
  const places: number[] = [];
  for (const each of vanishing)
    places.push(Number(/^10\.1\.(\d)\.[12]:8080$/.exec(await caller.arrive(`10.96.0.${each}`))?.[1]));
  return places;
}

kernelTest('an empty list of a confused server changes nothing; a real removal is held, then believed', async (t) => {
  const cluster = await Cluster.open(t, { objects: [client, ...applications] });
  const { agent, api } = cluster;
  await agent.start();
  const caller = await cluster.caller(client);
  const before = await decidingRows(agent);
  const held = async (): Promise<number> => (await agent.status()).held;
  t.deepEqual(await reached(caller), vanishing);

  for (const resource of emptied) api.serveEmpty(resource);
  cluster.makeRelist();
  await soon(held, (count) => count === applications.length);
  const checks = await agent.readyz();
  t.true(checks.includes('mass-delete-brake degraded'), checks);
  t.true(checks.endsWith('ok\n'), checks);
  t.true((await agent.items<Problem>('problems')).some(({ code }) => code === 'WEFT0602'));
  t.deepEqual(await reached(caller), vanishing);
  t.deepEqual(await decidingRows(agent), before);

  for (const resource of emptied) api.serveEmpty(resource, false);
  cluster.makeRelist();
  await soon(held, (count) => count === 0);
  t.deepEqual(await decidingRows(agent), before);
  t.false((await agent.readyz()).includes('mass-delete-brake'));

  const since = performance.now();
  for (const each of vanishing) {
    api.delete('services', 'default', `app-${each}`);
    api.delete('endpointslices.discovery.k8s.io', 'default', `app-${each}-x`);
  }
  await soon(held, (count) => count === 2 * vanishing.length);
  for (;;) {
    const places = await reached(caller);
    // What was reached while they were let go, one watch's before the other's, is neither here nor there.
    if ((await held()) < 2 * vanishing.length) break;
    t.deepEqual(places, vanishing);
  }
  const took = performance.now() - since;
  t.true(took > 29_000, `believed after ${took} ms`);
  for (const each of vanishing)
    await soon(
      () => caller.arrive(`10.96.0.${each}`),
      (place) => place === `10.96.0.${each}:80`,
    );
  t.regex(await caller.arrive('10.96.0.9'), /^10\.1\.9\.[12]:8080$/);
});

kernelTest('an agent that starts beside a confused server keeps the tables of before', async (t) => {
  const cluster = await Cluster.open(t, { objects: [client, ...applications] });
  const { agent, api } = cluster;
  await agent.start();
  const caller = await cluster.caller(client);
  await agent.kill();
  for (const resource of emptied) api.serveEmpty(resource);
  await agent.start();
  t.is((await agent.status()).held, 5);
  await soon(
    () => agent.readyz(),
    (checks) => /leftovers degraded/.test(checks) && checks.endsWith('ok\n'),
  );
  t.deepEqual(await reached(caller), vanishing);

  for (const resource of emptied) api.serveEmpty(resource, false);
  cluster.makeRelist();
  await soon(
    async () => (await agent.status()).held,
    (count) => count === 0,
  );
  t.deepEqual(await reached(caller), vanishing);
  t.is((await agent.status()).services, applications.length / 2);
});
