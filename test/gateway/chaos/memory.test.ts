import { setTimeout as pause } from 'node:timers/promises';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { Client } from '../live/client.js';
import { openStage } from '../live/stage.js';
import { Attacker } from './attacker.js';
import { either, patienceMs } from './form.js';
import { memoryOf, workersOf } from './gateway-processes.js';
import { serve } from './server.js';

const waves = either(10, 4);
const waveMs = either(28_000, 5_000);
const quietMs = 2_000;
/** What the last wave may leave more than the second did, in MiB: V8 gives back what it has collected when it likes. */
const slackMb = 24;

/** Resident, in MiB, of the agent and of the largest worker. */
interface Memory {
  readonly agent: number;
  readonly worker: number;
}

kernelTest('memory of agent and workers returns after each wave of requests and of connections', async (t) => {
  t.timeout(patienceMs);
  const { client, house, site } = await openStage(
    t,
    [
      service('shop', {
        addresses: ['10.96.0.1'],
        ports: [{ name: 'http', port: 80, targetPort: 8080 }],
        annotations: { 'weft.dev/l7': 'enabled' },
      }),
      ...backends('shop', ['10.1.0.1', '10.1.0.2']),
    ],
    { options: ['--workers', '2'] },
  );
  const place = { netns: house.path, cgroup: site.cgroup };
  await serve(t, { netns: house.path }, ['10.1.0.1', '10.1.0.2']);
  const fresh = new Client(place);
  const idlers = new Attacker(place);
  t.teardown(() => Promise.all([fresh.kill(), idlers.kill()]));
  const to = { address: '10.96.0.1', port: 80 } as const;
  const memory = (): Memory => ({
    agent: memoryOf(site.agent.pid).now,
    worker: Math.max(...workersOf(site.pin).map((pid) => memoryOf(pid).now)),
  });
  const history: Memory[] = [];
  let requests = 0;
  for (let wave = 0; wave < waves; wave++) {
    // Other paths, and more connections than there are requests: both are kept somewhere.
    await client.load({ ...to, connections: 32, path: `/wave-${wave}` });
    await fresh.load({ ...to, connections: 8, fresh: true });
    await idlers.start({ ...to, kind: 'slowloris', connections: 1_000, path: '/', size: 0, rate: 0 });
    await pause(waveMs);
    await idlers.stop();
    for (const result of [await client.stop(), await fresh.stop()]) {
      t.is(result.failed, 0, JSON.stringify(result.failures));
      requests += result.requests;
    }
    await pause(quietMs);
    history.push(memory());
  }
  const [, second] = history;
  const isBack = ({ agent, worker }: Memory): boolean =>
    agent <= second!.agent + slackMb && worker <= second!.worker + slackMb;
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(' ');
  const agent = history.map((each) => each.agent);
  const largest = history.map(({ worker }) => worker);
  t.log(`${requests} requests; MiB after each wave: agent ${list(agent)}, largest worker ${list(largest)}`);
  for (const values of [agent, largest]) t.true(Math.max(...values) < 256, list(values));
  await eventually(memory, isBack);
});
