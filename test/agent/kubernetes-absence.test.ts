import { parseExposition } from '../api/exposition.js';
import { kernelTest } from '../kernel-test.js';
import { application, meshedPod, serviceOf } from './api-objects.js';
import { Cluster, soon } from './cluster.js';
import { decidingRows } from './rows.js';

const client = meshedPod();
const objects = [1, 2].flatMap((each) => application(each, [`10.1.${each}.1`]));

kernelTest(
  'without the API server at its start an agent keeps the tables of before and says why it is not ready',
  async (t) => {
    const cluster = await Cluster.open(t, { objects: [client, ...objects] });
    const { agent, api } = cluster;
    await agent.start();
    const caller = await cluster.caller(client);
    const before = await decidingRows(agent);
    t.is(await caller.arrive('10.96.0.1'), '10.1.1.1:8080');
    await agent.kill();
    await api.close();

    agent.launch();
    await soon(
      () => cluster.checks(),
      (checks) => /sources failed: .*\bservices\b.*: the API server does not answer/.test(checks),
    );
    t.is(await agent.readyz(), '', 'it is not ready');
    t.is(await caller.arrive('10.96.0.1'), '10.1.1.1:8080');
    t.is(await caller.arrive('10.96.0.2'), '10.1.2.1:8080');

    await api.listen();
    await soon(
      () => agent.readyz(),
      (checks) => checks !== '',
    );
    t.deepEqual(await decidingRows(agent), before);
    t.is(await caller.arrive('10.96.0.1'), '10.1.1.1:8080');
  },
);

kernelTest('while a new agent waits for the API server, the workers of the one before serve their rules', async (t) => {
  const shop = serviceOf('shop', { address: '10.96.0.8', port: 'http', backends: ['10.1.0.8'] });
  const rules = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'shop', namespace: 'default' },
    spec: { hosts: ['shop'], http: [{ directResponse: { status: 403 } }] },
  };
  const cluster = await Cluster.open(t, { objects: [client, ...shop, rules] });
  const { agent, api, kubelet } = cluster;
  await agent.start();
  const inside = kubelet.client(await kubelet.sandbox(client.metadata.uid!));
  const answer = async (): Promise<number> => (await inside.ask({ address: '10.96.0.8', port: 80 })).status;
  await soon(answer, (status) => status === 403);
  await agent.kill();
  await api.close();

  agent.launch();
  await soon(
    () => cluster.checks(),
    (checks) => /sources failed/.test(checks),
  );
  // A machine that stops the agent for 3 s lets connections past the workers: that is no rule's end.
  await soon(answer, (status) => status === 403);
  const answers: number[] = [];
  for (const end = performance.now() + 5_000; performance.now() < end; ) answers.push(await answer());
  const ruled = answers.filter((status) => status === 403).length;
  t.true(ruled > 0.8 * answers.length, `${ruled} of ${answers.length} requests met the rule`);
  await soon(answer, (status) => status === 403);

  await api.listen();
  await soon(
    () => agent.readyz(),
    (checks) => checks !== '',
  );
  t.is(await answer(), 403);
});

kernelTest(
  'an API server that goes away makes no node unready, and what changed meanwhile is there afterwards',
  async (t) => {
    const cluster = await Cluster.open(t, { objects: [client, ...objects] });
    const { agent, api } = cluster;
    await agent.start();
    const caller = await cluster.caller(client);
    t.false((await agent.readyz()).includes('degraded'));

    await api.close();
    await soon(
      () => agent.readyz(),
      (checks) => /kubernetes degraded.*the API server does not answer/.test(checks),
    );
    t.true((await agent.readyz()).endsWith('ok\n'));
    t.is(await caller.arrive('10.96.0.1'), '10.1.1.1:8080');
    api.delete('services', 'default', 'app-1');
    api.delete('endpointslices.discovery.k8s.io', 'default', 'app-1-x');
    for (const object of application(2, ['10.1.2.7'])) api.apply(object);
    for (const object of application(3, ['10.1.3.1'])) api.apply(object);

    await api.listen();
    for (const [address, place] of [
      ['10.96.0.1', '10.96.0.1:80'],
      ['10.96.0.2', '10.1.2.7:8080'],
      ['10.96.0.3', '10.1.3.1:8080'],
    ] as const)
      await soon(
        () => caller.arrive(address),
        (found) => found === place,
      );
    await soon(
      () => agent.readyz(),
      (checks) => !checks.includes('degraded'),
    );
  },
);

kernelTest('a server that hangs is noticed within 30 s, and followed again when it goes on', async (t) => {
  t.timeout(300_000);
  const cluster = await Cluster.open(t, { objects: [client, ...objects] });
  const { agent, api } = cluster;
  await agent.start();
  const caller = await cluster.caller(client);
  const idle = async (): Promise<number> => {
    const { samples = [] } = parseExposition(await agent.scrape()).get('weft_watch_restarts_total') ?? {};
    const counted = samples.filter(
      ({ labels }) => labels.resource === 'endpointslices.discovery.k8s.io' && labels.reason === 'idle',
    );
    return counted.reduce((sum, { value }) => sum + value, 0);
  };
  t.is(await idle(), 0);
  api.pause();
  for (const object of application(1, ['10.1.1.9'])) api.apply(object);
  await soon(idle, (count) => count > 0);
  t.is(await caller.arrive('10.96.0.1'), '10.1.1.1:8080');
  t.true((await agent.readyz()).endsWith('ok\n'));
  api.resume();
  await soon(
    () => caller.arrive('10.96.0.1'),
    (place) => place === '10.1.1.9:8080',
  );
  await soon(
    () => agent.readyz(),
    (checks) => !checks.includes('degraded'),
  );
});
