import { findOrphans, markOf } from '../../agent/kernel/orphans.js';
import { Client } from '../gateway/live/client.js';
import { Origin } from '../gateway/live/origin.js';
import { clientPod } from '../gateway/live/stage.js';
import { kernelTest } from '../kernel-test.js';
import { backends, type Manifest, service } from './objects.js';
import { eventually, type Life, Site } from './site.js';

/** What ARCHITECTURE.md says that an agent with HTTP rules needs: the first two for L4, the others for its workers. */
const needed = ['sys_admin', 'net_admin', 'setuid', 'setgid', 'setpcap', 'kill'];

const mesh: readonly Manifest[] = [
  service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
  ...backends('shop', ['10.1.0.1']),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'shop', namespace: 'default' },
    spec: { hosts: ['shop'], http: [{ route: [{ destination: { host: 'shop' } }] }] },
  },
];

function open(life: Life, capabilities: readonly string[]): { site: Site; client: Client; origin: Origin } {
  const site = Site.make(life, { capabilities, options: ['--workers', '2'] });
  const house = site.house();
  const origin = new Origin({ netns: house.path });
  const client = new Client({ netns: house.path, cgroup: site.cgroup });
  life.teardown(async () => {
    await client.kill();
    await origin.kill();
  });
  site.write('pods', [clientPod(house)]);
  site.write('mesh', mesh);
  return { site, client, origin };
}

const workersOf = (site: Site): readonly number[] => findOrphans(markOf(site.pin), new Set());

kernelTest('the gateway works with six capabilities, starts workers again and ends them', async (t) => {
  const { site, client, origin } = open(t, needed);
  await origin.listen('10.1.0.1', 8080);
  await site.agent.start();
  const ask = { address: '10.96.0.1', port: 80 };
  t.is((await client.ask(ask)).headers['x-envoy-upstream-service-time'] === undefined, false);
  const before = workersOf(site);
  t.is(before.length, 2);
  process.kill(before[0]!, 'SIGKILL');
  await eventually(
    () => workersOf(site),
    (pids) => pids.length === 2 && !pids.includes(before[0]!),
  );
  t.is((await client.ask(ask)).status, 200);
  t.is(await site.agent.stop(), 0);
  t.deepEqual(workersOf(site), []);
});

for (const missing of ['setuid', 'setgid', 'setpcap']) {
  kernelTest(
    `without CAP_${missing.toUpperCase()} no worker takes a connection; L4 goes on and the agent says so`,
    async (t) => {
      t.timeout(60_000);
      const { site, client, origin } = open(
        t,
        needed.filter((name) => name !== missing),
      );
      await origin.listen('10.1.0.1', 8080);
      await site.agent.start();
      t.regex(await site.agent.readyz(), /gateway.*degraded.*0 of 2 workers/);
      const answer = await client.ask({ address: '10.96.0.1', port: 80 });
      t.is(answer.status, 200);
      t.is(answer.headers['x-envoy-upstream-service-time'], undefined, 'it did not come by the gateway');
    },
  );
}
