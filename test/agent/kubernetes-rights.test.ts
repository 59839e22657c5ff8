import type { Problem } from '../../agent/model/problem.js';
import { kernelTest } from '../kernel-test.js';
import { application, meshedPod } from './api-objects.js';
import { Cluster, soon } from './cluster.js';

const client = meshedPod();
const objects = [1, 2].flatMap((each) => application(each, [`10.1.${each}.1`]));

kernelTest('what the agent may not read is said of that resource alone', async (t) => {
  const cluster = await Cluster.open(t, { objects: [client, ...objects] });
  const { agent, api } = cluster;
  const rules = 'virtualservices.networking.istio.io';
  api.setForbidden(rules);
  await agent.start();
  const caller = await cluster.caller(client);
  t.is(await caller.arrive('10.96.0.1'), '10.1.1.1:8080');
  await soon(
    () => agent.readyz(),
    (checks) => /kubernetes degraded.*virtualservices.networking.istio.io: may not \w+ virtualservices/.test(checks),
  );
  const [refused, ...others] = (await agent.items<Problem>('problems')).filter(({ code }) => code === 'WEFT0609');
  t.deepEqual(others, []);
  t.true(refused?.file.endsWith('/apis/networking.istio.io/v1/virtualservices'), refused?.file);

  api.setForbidden(rules, []);
  await soon(
    () => agent.readyz(),
    (checks) => !checks.includes('degraded'),
  );
});

kernelTest('without the right to read Services a node is not ready, and says which right it lacks', async (t) => {
  const cluster = await Cluster.open(t, { objects: [client, ...objects] });
  const { agent, api } = cluster;
  api.setForbidden('services');
  agent.launch();
  await soon(
    () => cluster.checks(),
    (checks) => /sources failed.*services: may not \w+ services: add to the agent.s ClusterRole/.test(checks),
  );
  api.setForbidden('services', []);
  await soon(
    () => agent.readyz(),
    (checks) => checks !== '',
  );
  t.is((await agent.status()).services, 2);
});

kernelTest('a token that is renewed in its file is used from then on', async (t) => {
  const cluster = await Cluster.open(t, { objects: [client, ...objects] });
  const { agent, api } = cluster;
  await agent.start();
  const caller = await cluster.caller(client);
  const old = api.token;
  api.newToken();
  cluster.writeToken();
  api.revoke(old);
  api.cut();
  for (const object of application(1, ['10.1.1.9'])) api.apply(object);
  await soon(
    () => caller.arrive('10.96.0.1'),
    (place) => place === '10.1.1.9:8080',
  );
  t.is(api.requests.findLast(({ query }) => query.has('watch'))?.headers.authorization, `Bearer ${api.token}`);

  api.revoke(api.newToken());
  api.revoke(api.requests.at(-1)!.headers.authorization!.slice('Bearer '.length));
  api.cut();
  await soon(
    () => agent.readyz(),
    (checks) => /kubernetes degraded.*does not accept the agent.s credentials/.test(checks),
  );
  api.newToken();
  cluster.writeToken();
  await soon(
    () => agent.readyz(),
    (checks) => checks !== '' && !checks.includes('degraded'),
  );
});
