import { kernelTest } from '../kernel-test.js';
import { application, meshedPod } from './api-objects.js';
import { Cluster, soon } from './cluster.js';
import { decidingRows } from './rows.js';

const client = meshedPod();
const objects = [1, 2, 3, 4].flatMap((each) => application(each, [`10.1.${each}.1`, `10.1.${each}.2`]));

kernelTest(
  'lists after 410 under traffic: no connection goes elsewhere, nothing is lost, nothing invented',
  async (t) => {
    const cluster = await Cluster.open(t, { objects: [client, ...objects] });
    const { agent, api } = cluster;
    await agent.start();
    const caller = await cluster.caller(client);
    const listsOf = (resource: string): number =>
      api.requests.filter(({ path, query }) => path.endsWith(`/${resource}`) && !query.get('resourceVersion')).length;
    const places = new Set<string>();
    for (let round = 1; round <= 3; round++) {
      const lists = listsOf('endpointslices');
      const traffic = caller.count(300, '10.96.0.1');
      cluster.makeRelist();
      // What happens while nobody watches is in no watch that comes.
      for (const object of application(2, [`10.1.2.${10 + round}`])) api.apply(object);
      if (round === 2) {
        api.delete('services', 'default', 'app-4');
        api.delete('endpointslices.discovery.k8s.io', 'default', 'app-4-x');
      }
      for (const place of Object.keys(await traffic)) places.add(place);
      await soon(
        () => caller.arrive('10.96.0.2'),
        (place) => place === `10.1.2.${10 + round}:8080`,
      );
      t.true(listsOf('endpointslices') > lists, 'it listed again');
    }
    t.deepEqual([...places].sort(), ['10.1.1.1:8080', '10.1.1.2:8080']);
    await soon(
      () => caller.arrive('10.96.0.4'),
      (place) => place === '10.96.0.4:80',
    );
    const { drift, services } = await agent.status();
    t.deepEqual([drift, services], [0, 3]);

    const rows = await decidingRows(agent);
    await agent.kill();
    await agent.start();
    t.deepEqual(await decidingRows(agent), rows, 'a list from nothing gives the same');
  },
);

const rule = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'app-1', namespace: 'default' },
  spec: { host: 'app-1', trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } } },
};
const rules = 'destinationrules.networking.istio.io';

kernelTest('CustomResourceDefinitions may come later', async (t) => {
  const cluster = await Cluster.open(t, {
    objects: [client, ...objects],
    without: [rules, 'virtualservices.networking.istio.io'],
  });
  const { agent, api } = cluster;
  await agent.start();
  const policy = async (): Promise<string> =>
    (await decidingRows(agent)).find((row) => row.startsWith('frontends 10.96.0.1:80')) ?? '';
  const plain = await policy();
  t.false((await agent.readyz()).includes('degraded'), 'what is not installed is no trouble');

  api.installCrd(rules);
  api.apply(rule);
  await soon(policy, (row) => /ROUND_ROBIN/.test(row));
  t.notRegex(plain, /ROUND_ROBIN/);

  api.delete(rules, 'default', 'app-1');
  await soon(policy, (row) => !/ROUND_ROBIN/.test(row));
});
