import { execFileSync } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { ip } from '../../kernel/scratch.js';
import { kernelTest } from '../../kernel-test.js';
import { Client } from '../live/client.js';
import { openStage } from '../live/stage.js';
import { brokersOf, isAlive, workersOf } from './gateway-processes.js';
import { arrived, serve } from './server.js';

const http = [{ name: 'http', port: 80, targetPort: 8080 }];
const l7 = { 'weft.dev/l7': 'enabled' };

kernelTest(
  'SIGTERM of the agent: what is in flight ends, new connections go past the gateway or are refused',
  async (t) => {
    const { client, house, site } = await openStage(t, [
      service('shop', { addresses: ['10.96.0.1'], ports: http, annotations: l7 }),
      service('safe', {
        addresses: ['10.96.0.2'],
        ports: http,
        annotations: { ...l7, 'weft.dev/when-agent-down': 'closed' },
      }),
      ...backends('shop', ['10.1.0.1']),
      ...backends('safe', ['10.1.0.2']),
    ]);
    const servers = await serve(t, { netns: house.path }, ['10.1.0.1', '10.1.0.2']);
    const shop = { address: '10.96.0.1', port: 80 } as const;
    const safe = { address: '10.96.0.2', port: 80 } as const;
    const workers = workersOf(site.pin);
    const brokers = brokersOf(site.agent.pid);
    t.true(workers.length > 0);
    t.is(brokers.length, 1);
    const held = Promise.all(
      Array.from({ length: 40 }, (_, i) => client.ask({ ...(i % 2 === 0 ? shop : safe), path: '/?delay=2000' })),
    );
    await arrived(servers, 40);
    const fresh = new Client({ netns: house.path, cgroup: site.cgroup });
    t.teardown(() => fresh.kill());
    await fresh.load({ ...shop, connections: 4, rate: 200, fresh: true });
    const began = performance.now();
    const code = await site.agent.stop();
    const tookMs = performance.now() - began;
    t.is(code, 0);
    t.deepEqual(
      (await held).filter(({ status }) => status !== 200),
      [],
    );
    const bypassed = await client.ask(shop);
    t.is(bypassed.status, 200);
    t.false(
      (JSON.parse(bypassed.body) as { headers: string[] }).headers.includes('x-request-id'),
      'nobody was between',
    );
    t.like(await client.ask(safe), { status: 0, error: 'ECONNREFUSED' });
    t.deepEqual(workers.filter(isAlive), []);
    // A broker ends by itself when the agent is gone.
    await eventually(
      () => brokers.filter(isAlive),
      ({ length }) => length === 0,
    );
    const { failed, failures, requests } = await fresh.stop();
    t.is(failed, 0, JSON.stringify(failures));
    t.log(`${Math.round(tookMs)} ms, ${requests} new connections meanwhile`);
  },
);

for (const [what, isPodRemoved] of [
  ['and so is its Pod', true],
  ['while its Pod stays in the manifests', false],
] as const) {
  kernelTest(`a Pod's namespace that is deleted, ${what}, really goes although it had connections`, async (t) => {
    const { client, origin, site, house } = await openStage(t, [
      service('shop', { addresses: ['10.96.0.1'], ports: http, annotations: l7 }),
      ...backends('shop', ['10.1.0.1']),
    ]);
    // The other end of this pair is gone as soon as the kernel has destroyed the namespace, and not before.
    const outside = site.house();
    const name = `w${process.pid}`;
    ip(outside.path, [`link add ${name} type veth peer name inside netns ${house.name}`]);
    const isThere = (): boolean => {
      try {
        execFileSync('nsenter', [`--net=${outside.path}`, 'ip', 'link', 'show', name], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    };
    const servers = await serve(t, { netns: house.path }, ['10.1.0.1']);
    await client.load({ address: '10.96.0.1', port: 80, connections: 16, rate: 200 });
    await arrived(servers, 50);
    const inode = readlinkSync(`/proc/${client.pid}/ns/net`);
    t.true(isThere());
    if (isPodRemoved) site.remove('pods');
    await client.kill();
    await origin.kill();
    await servers[0]!.kill();
    site.demolish(house);
    t.false(existsSync(house.path));
    const tookMs = await eventually(isThere, (there) => !there, 15_000);
    t.log(`${inode} was gone after ${Math.round(tookMs)} ms`);
    t.true(workersOf(site.pin).length > 0);
  });
}
