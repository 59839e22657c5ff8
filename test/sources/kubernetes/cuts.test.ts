import test from 'ava';
import { ApiError } from '../../../agent/kubernetes/api.js';
import { Cluster, installAll, paths, service } from './cluster.js';

async function following(): Promise<Cluster> {
  const cluster = new Cluster();
  installAll(cluster.api);
  cluster.api.put(paths.services, service('s1'));
  await cluster.start();
  return cluster;
}

/** ms until Services are watched, in steps of 100. */
async function watched(cluster: Cluster): Promise<number> {
  let waited = 0;
  for (; cluster.api.watches(paths.services) === 0 && waited < 60_000; waited += 100) await cluster.pass(100, 100);
  return waited;
}

/** Cuts the watch of Services so many times, each after what `live` does. Returns ms until each next watch. */
async function cut(
  cluster: Cluster,
  times: number,
  live: (round: number) => Promise<void>,
): Promise<readonly number[]> {
  const waits: number[] = [];
  for (let round = 0; round < times; round++) {
    await live(round);
    cluster.api.cut(paths.services);
    await cluster.settle();
    waits.push(await watched(cluster));
  }
  return waits;
}

/** Of the first failure: 0.8 s, three quarters of it. */
const short = 600;

test('watches that are cut again and again after they brought something are resumed as soon as after the first cut', async (t) => {
  const cluster = await following();
  const waits = await cut(cluster, 8, async (round) => {
    cluster.api.put(paths.services, service('s1', 1_000 + round));
    await cluster.pass(12_000, 1_000);
  });
  t.deepEqual(new Set(waits), new Set([short]));
  t.is(cluster.state('services').restarts.cut, 8);
  cluster.stop();
});

test('so are those that were open for a second, or moved on by an event or a bookmark', async (t) => {
  const cluster = await following();
  t.deepEqual(new Set(await cut(cluster, 6, () => cluster.pass(1_000, 500))), new Set([short]));
  const events = await cut(cluster, 6, async (round) => cluster.api.put(paths.services, service('s1', 1_000 + round)));
  t.deepEqual(new Set(events), new Set([short]));
  const bookmarks = await cut(cluster, 6, async () => {
    cluster.api.put(paths.nodes, { metadata: { name: 'n' } });
    cluster.api.bookmark();
    await cluster.settle();
  });
  t.deepEqual(new Set(bookmarks), new Set([short]));
  cluster.stop();
});

test('watches that are cut at once, or after they only repeated something, are waited for longer and longer', async (t) => {
  const growing = [600, 1_200, 2_400, 4_800, 9_600, 19_200, 22_500, 22_500];
  const cutting = await following();
  t.deepEqual(await cut(cutting, 8, () => cutting.settle()), growing);
  cutting.stop();
  const repeating = await following();
  const object = repeating.api.object(paths.services, 'shop/s1');
  const waits = await cut(repeating, 8, async () => {
    repeating.api.say(paths.services, JSON.stringify({ type: 'MODIFIED', object }));
    await repeating.settle();
  });
  t.deepEqual(waits, growing);
  repeating.stop();
});

test('a watch that worked makes the waits of the outage after it short, not those within the outage', async (t) => {
  const cluster = await following();
  let refusals = 0;
  cluster.api.intercept = ({ path }) =>
    path === paths.services && refusals-- > 0 ? new ApiError('connect ECONNREFUSED', 0, 'ECONNREFUSED') : undefined;
  const waits = await cut(cluster, 5, async () => {
    await cluster.pass(12_000, 1_000);
    refusals = 3;
  });
  t.deepEqual(new Set(waits), new Set([600 + 1_200 + 2_400 + 4_800]));
  cluster.stop();
});

test('a list that breaks off after a while is not asked for sooner for having lasted', async (t) => {
  const cluster = new Cluster();
  installAll(cluster.api);
  cluster.api.holdLists = true;
  await cluster.start();
  t.deepEqual(await cut(cluster, 5, () => cluster.pass(2_000, 1_000)), [600, 1_200, 2_400, 4_800, 9_600]);
  cluster.stop();
});

test('whenever a server cuts its watches, each is asked for less than once in 0.4 s', async (t) => {
  for (const lived of [0, 100, 900, 1_000, 1_100, 5_000]) {
    const cluster = await following();
    cluster.random = () => 0;
    const before = cluster.asked(paths.services, 'watch').length;
    const since = cluster.clock.monotonic();
    await cut(cluster, 40, async (round) => {
      if (round % 2 === 0) cluster.api.put(paths.services, service('s1', 1_000 + round));
      await cluster.pass(lived, 100);
    });
    const asked = cluster.asked(paths.services, 'watch').length - before;
    t.true(asked <= (cluster.clock.monotonic() - since) / (400 + lived) + 1, `${asked} when cut after ${lived} ms`);
    cluster.stop();
  }
});

test('a server that is away when a watch falls silent is not asked again and again for the version', async (t) => {
  const cluster = await following();
  await cut(cluster, 1, async () => cluster.api.put(paths.services, service('s1', 81)));
  // Nothing is told of the connection's end; whoever asks anew is refused.
  let refusals = 0;
  cluster.api.intercept = ({ path }) =>
    path === paths.services && ++refusals < 50 ? new ApiError('connect ECONNREFUSED', 0, 'ECONNREFUSED') : undefined;
  await cluster.pass(28_000, 1_000);
  t.is(cluster.state('services').restarts.idle, 1);
  t.is(refusals, 1);
  t.is(cluster.state('services').restarts.unreachable, 1);
  t.regex(cluster.state('services').trouble, /the API server does not answer: connect ECONNREFUSED/);
  cluster.stop();
});
