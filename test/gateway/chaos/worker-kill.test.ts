import { setTimeout as pause } from 'node:timers/promises';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { Client } from '../live/client.js';
import { openStage } from '../live/stage.js';
import { acceptedAt, socketsOf, workersOf } from './gateway-processes.js';
import { arrived, serve } from './server.js';

/** From here on ports are the gateway's own (`firstPort` of agent/kernel/gateway-ports.ts). */
const isGateways = (port: number): boolean => port >= 61_000;

const addresses = ['10.1.0.1', '10.1.0.2'];

const shop = [
  service('shop', {
    addresses: ['10.96.0.1'],
    ports: [{ name: 'http', port: 80, targetPort: 8080 }],
    annotations: { 'weft.dev/l7': 'enabled' },
  }),
  ...backends('shop', addresses),
];

const to = { address: '10.96.0.1', port: 80 } as const;

kernelTest('kill -9 of a worker loses the requests in flight on it, and no other', async (t) => {
  const { client, house, site } = await openStage(t, shop, { options: ['--workers', '2'] });
  const servers = await serve(t, { netns: house.path }, addresses);
  await eventually(
    () => workersOf(site.pin).length,
    (count) => count === 2,
  );
  const held = 60;
  // Longer than all of them need to arrive on a busy machine.
  const path = '/?delay=15000';
  const answers = Promise.all(Array.from({ length: held }, () => client.ask({ ...to, path })));
  await arrived(servers, held);
  const victim = workersOf(site.pin)[0]!;
  const sockets = socketsOf(victim);
  const onVictim = acceptedAt(client.pid, isGateways).filter((inode) => sockets.has(inode)).length;
  t.true(onVictim > 0 && onVictim < held, `${onVictim} of ${held}`);
  process.kill(victim, 'SIGKILL');
  const results = await answers;
  const lost = results.filter(({ status }) => status !== 200);
  t.is(lost.length, onVictim);
  for (const { status, error } of lost) t.true(status === 0 && ['ECONNRESET', 'socket hang up'].includes(error), error);
  t.log(`${onVictim} of ${held} requests were on the worker that was killed, ${lost.length} were lost`);
  await eventually(
    () => workersOf(site.pin).length,
    (count) => count === 2,
  );
});

kernelTest('while the only worker is killed again and again, no connection attempt is refused', async (t) => {
  const { client, house, site } = await openStage(t, shop, { options: ['--workers', '1'] });
  await serve(t, { netns: house.path }, addresses);
  const fresh = new Client({ netns: house.path, cgroup: site.cgroup });
  t.teardown(() => fresh.kill());
  const connections = 8;
  await client.load({ ...to, connections, rate: 200 });
  await fresh.load({ ...to, connections, rate: 200, fresh: true });
  const kills = 3;
  for (let i = 0; i < kills; i++) {
    await pause(1_000);
    const [victim] = workersOf(site.pin);
    process.kill(victim!, 'SIGKILL');
    await eventually(
      () => workersOf(site.pin),
      ([next]) => next !== undefined && next !== victim,
    );
    await pause(1_000);
  }
  for (const result of [await client.stop(), await fresh.stop()]) {
    t.log(result);
    // At most what was under way: one request a connection.
    t.true(result.failed <= kills * connections, JSON.stringify(result.failures));
    const { ECONNRESET: reset = 0, closed = 0 } = result.failures;
    t.is(result.failed, reset + closed, 'connections were cut off, none refused and none unanswered');
    t.true(result.requests > 500);
  }
});
