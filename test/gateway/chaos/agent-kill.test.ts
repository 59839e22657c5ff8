import { setTimeout as pause } from 'node:timers/promises';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { Client } from '../live/client.js';
import { Origin } from '../live/origin.js';
import { openStage } from '../live/stage.js';
import { either, patienceMs } from './form.js';
import { workersOf } from './gateway-processes.js';
import { ingressOf } from './ingress.js';

const workers = 2;

kernelTest('kill -9 of the agent, again and again under load, fails no request', async (t) => {
  t.timeout(patienceMs);
  const { client, house, origin, site } = await openStage(
    t,
    [
      service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
      ...backends('shop', ['10.1.0.1', '10.1.0.2']),
      ...ingressOf('shop', 8000),
    ],
    { isolated: true, options: ['--workers', String(workers)] },
  );
  const outside = { netns: site.node!.path };
  const nodeOrigin = new Origin(outside);
  const fresh = new Client({ netns: house.path, cgroup: site.cgroup });
  const [kept, once] = [new Client(outside), new Client(outside)];
  t.teardown(() => Promise.all([nodeOrigin, fresh, kept, once].map((each) => each.kill())));
  for (const address of ['10.1.0.1', '10.1.0.2']) {
    await origin.listen(address, 8080);
    await nodeOrigin.listen(address, 8080);
    await origin.behave(address, 8080, { delayMs: 3 });
    await nodeOrigin.behave(address, 8080, { delayMs: 3 });
  }
  await eventually(
    () => kept.ask({ address: '127.0.0.1', port: 8000 }),
    ({ status }) => status === 200,
  );
  const mesh = { address: '10.96.0.1', port: 80, connections: 8, rate: 400 } as const;
  const ingress = { ...mesh, address: '127.0.0.1', port: 8000 } as const;
  await client.load(mesh);
  await fresh.load({ ...mesh, fresh: true });
  await kept.load(ingress);
  await once.load({ ...ingress, fresh: true });

  const times = either(20, 4);
  for (let i = 0; i < times; i++) {
    // At another moment of the take-over each time; every fifth time an agent ends before it is ready.
    await pause((i * 391) % 2_000);
    await site.agent.kill();
    if (i % 5 === 3) {
      site.agent.launch();
      await pause(400);
      await site.agent.kill();
    }
    await site.agent.start();
  }
  await eventually(
    () => workersOf(site.pin).length,
    (count) => count === workers,
    40_000,
  );
  const results = await Promise.all([client, fresh, kept, once].map((each) => each.stop()));
  t.log(`${times} kills`, ...results);
  for (const { failed, failures, reopened } of results) {
    t.is(failed, 0, JSON.stringify(failures));
    t.is(reopened, 0);
  }
});
