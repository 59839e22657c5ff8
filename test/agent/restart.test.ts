import type { PodItem, ServiceItem } from '../../agent/api/items.js';
import { kernelTest } from '../kernel-test.js';
import { backends, destinationRule, type Manifest, pod, service } from './objects.js';
import { Pace, pacedPort } from './pace.js';
import { decidingRows } from './rows.js';
import { type House, Site } from './site.js';

const services = 20;
const restarts = 20;
const rate = 2000;
const balancers = ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM'];

function mesh(house: House): readonly Manifest[] {
  return [
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
    ...Array.from({ length: services }, (_, index) => [
      service(`app-${index}`, {
        addresses: [`10.96.0.${index + 1}`],
        ports: [
          { name: 'paced', port: 80, targetPort: pacedPort },
          { name: 'talk', port: 81, targetPort: 8080 },
        ],
      }),
      ...backends(
        `app-${index}`,
        Array.from({ length: 1 + (index % 8) }, (_, each) => `10.1.${index}.${each + 1}`),
      ),
      index % 4 === 3
        ? destinationRule(`app-${index}`, { loadBalancer: { consistentHash: { useSourceIp: true } } })
        : destinationRule(`app-${index}`, { loadBalancer: { simple: balancers[index % 4] } }),
    ]).flat(),
  ];
}

kernelTest(`${restarts} times kill -9 under ${rate} connections/s: nothing fails and nothing moves`, async (t) => {
  t.timeout(150_000);
  const site = Site.make(t);
  const house = site.house();
  site.write('mesh', mesh(house));
  await site.agent.start();
  const weights = { 'default/app-4-1': 5, 'default/app-4-2': 3, 'default/app-4-3': 0 };
  await site.agent.call('PUT', '/v1/services/default/app-4/weights', { weights });
  await site.agent.call('PUT', '/v1/backends/default/app-5-2/drain');
  const caller = await site.caller(house);
  await caller.keep(1, '10.96.0.8', 81);

  const before = await decidingRows(site.agent);
  t.true(before.length > 400, `${before.length} rows`);
  const addresses = Array.from({ length: services }, (_, index) => `10.96.0.${index + 1}`);
  const pace = await Pace.start(site, house, addresses, rate);
  const took: number[] = [];
  for (let restart = 0; restart < restarts; restart++) {
    await site.agent.kill();
    t.is(await caller.exchange(0), 'ping!');
    took.push(await site.agent.start());
    t.is(await caller.exchange(0), 'ping!');
    t.deepEqual(await decidingRows(site.agent), before);
  }
  const { attempted, errno, failed } = await pace.stop();
  took.sort((a, b) => a - b);
  t.log(
    `${attempted} connections; ready after ${took.map(Math.round).at(restarts / 2)} ms, at most ${Math.round(took.at(-1)!)} ms`,
  );
  t.is(failed, 0, `errno ${errno}`);
  t.true(attempted > took.reduce((sum, each) => sum + each, 0) * 1e-3 * rate * 0.5, `${attempted} connections`);

  const kept = await site.agent.call<ServiceItem>('GET', '/v1/services/default/app-4');
  t.deepEqual(kept.weights, weights);
  const pods = await site.agent.items<PodItem>('pods');
  t.deepEqual(
    pods.filter(({ drained }) => drained).map((each) => each.pod),
    ['default/app-5-2'],
  );
  t.is((await site.agent.status()).drift, 0);
  const picked = await caller.count(80, '10.96.0.5', 81);
  const shares = { '10.1.4.1:8080': 40, '10.1.4.2:8080': 24, '10.1.4.4:8080': 8, '10.1.4.5:8080': 8 };
  t.deepEqual(picked, shares, 'ROUND_ROBIN by the weights that were set, 1 where none was');
});
