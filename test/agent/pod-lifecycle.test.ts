import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import test from 'ava';
import type { Client } from '../gateway/live/client.js';
import { Origin } from '../gateway/live/origin.js';
import { kernelTest } from '../kernel-test.js';
import { type PodState, podOf as podOfUid, serviceOf } from './api-objects.js';
import type { Caller } from './caller.js';
import { Cluster, type ClusterOptions, soon } from './cluster.js';
import { type Driver, type Hierarchy, namedHierarchy, Vigil } from './kubelet.js';
import type { Life } from './site.js';

/** Nobody else's: an agent looks at all of the machine's processes. */
const uids = [randomUUID(), randomUUID()] as const;
/** Where a connection to Service web arrives: captured, or not. */
const [redirected, plain] = ['10.1.0.1:8080', '10.96.0.1:80'];

const web = serviceOf('web', { address: '10.96.0.1', backends: ['10.1.0.1'] });
const shop = [
  ...serviceOf('shop', { address: '10.96.0.2', port: 'http', backends: ['10.1.0.2'] }),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'shop', namespace: 'default' },
    spec: { hosts: ['shop'], http: [{ route: [{ destination: { host: 'shop' } }] }] },
  },
];

function podOf({ uid = uids[0], ...state }: Partial<PodState>): ReturnType<typeof podOfUid> {
  return podOfUid({ uid, ...state });
}

async function openReady(life: Life, options: ClusterOptions): Promise<Cluster> {
  const cluster = await Cluster.open(life, options);
  await cluster.agent.start();
  return cluster;
}

const layouts: readonly (readonly [Driver, Hierarchy])[] = [
  ['systemd', 'v2'],
  ['cgroupfs', 'v2'],
  ['systemd', 'v1 beside v2'],
  ['cgroupfs', 'v1 beside v2'],
];

for (const [driver, hierarchy] of layouts) {
  const title = `a Pod's life with kubelet's ${driver} driver on cgroup ${hierarchy}`;
  if (hierarchy !== 'v2' && namedHierarchy === undefined) {
    test.serial.skip(`${title} [skipped: this machine has no hierarchy of version 1]`, (t) => t.fail());
    continue;
  }
  kernelTest(title, async (t) => {
    t.timeout(120_000);
    const cluster = await openReady(t, { driver, hierarchy, objects: web });
    const { api, kubelet, site } = cluster;

    // Scheduled: nothing of it is on the node yet.
    cluster.apply(podOf({ mesh: 'enabled' }));
    await soon(
      () => cluster.pod(),
      (pod) => pod?.why === 'none of its processes is there yet',
    );
    const sandbox = await kubelet.sandbox(uids[0]);
    t.log(`captured ${Math.round(await cluster.until(true))} ms after its sandbox had started`);
    let container: Caller = await kubelet.container(sandbox);
    t.is(await container.arrive('10.96.0.1'), redirected);
    cluster.apply(podOf({ mesh: 'enabled', address: '10.1.255.1', phase: 'Running' }));
    await soon(
      () => cluster.rows(),
      (rows) => [...rows.values()].some((row) => row.includes('10.1.255.1')),
    );
    const rows = await cluster.rows();
    t.is(rows.size, 1);

    // Withdrawn and enrolled by its label, while it runs.
    cluster.apply(podOf({ mesh: 'disabled', address: '10.1.255.1', phase: 'Running' }));
    await cluster.until(false);
    t.is(await container.arrive('10.96.0.1'), plain);
    t.is((await cluster.rows()).size, 0);
    cluster.apply(podOf({ mesh: 'enabled', address: '10.1.255.1', phase: 'Running' }));
    await cluster.until(true);
    t.is(await container.arrive('10.96.0.1'), redirected);
    const enrolled = await cluster.rows();

    // Containers restart; nobody notices, not even when only the sandbox's process goes.
    await container.kill();
    container = await kubelet.container(sandbox);
    t.is(await container.arrive('10.96.0.1'), redirected);
    sandbox.process.kill('SIGKILL');
    await soon(
      async () => (await cluster.pod())?.netns,
      (netns) => netns === `/proc/${container.pid}/ns/net`,
    );
    t.is(await container.arrive('10.96.0.1'), redirected);
    t.deepEqual(await cluster.rows(), enrolled);

    // All processes are gone, as in a crash loop where no process holds the sandbox: the namespace is the same when they come back.
    await container.kill();
    await soon(
      async () => (await cluster.pod())?.netns,
      (netns) => netns === '',
    );
    container = await kubelet.container(sandbox);
    t.is(await container.arrive('10.96.0.1'), redirected);
    t.deepEqual(await cluster.rows(), enrolled);
    await container.kill();
    await kubelet.stop(sandbox);

    // The sandbox is made anew: another namespace.
    const second = await kubelet.sandbox(uids[0]);
    await soon(
      () => cluster.rows(),
      (now) => now.size === 1 && !now.has([...enrolled.keys()][0]!),
    );
    container = await kubelet.container(second);
    t.is(await container.arrive('10.96.0.1'), redirected);
    const vigil = new Vigil(site.house().path, second.netns);

    // It is deleted, and soon another one has its name, as a StatefulSet's. The processes that are left are not the new one's.
    api.delete('pods', 'default', 'client-0');
    await soon(
      () => cluster.rows(),
      (now) => now.size === 0,
    );
    t.is(await container.arrive('10.96.0.1'), plain);
    cluster.apply(podOf({ uid: uids[1], mesh: 'enabled' }));
    await soon(
      () => cluster.pod(),
      (pod) => pod?.why === 'none of its processes is there yet',
    );
    t.true(vigil.isThere);
    await container.kill();
    await kubelet.stop(second);
    await soon(
      () => vigil.isThere,
      (isThere) => !isThere,
    );
    const third = await kubelet.sandbox(uids[1]);
    await cluster.until(true);
    container = await kubelet.container(third);
    t.is(await container.arrive('10.96.0.1'), redirected);

    // It has finished: it is nobody's any more.
    cluster.apply(podOf({ uid: uids[1], mesh: 'enabled', phase: 'Succeeded' }));
    await cluster.until(false);
    t.is((await cluster.rows()).size, 0);
  });
}

/** The process that makes sockets for gateway workers; undefined while there is none. */
function brokerOf(agent: number): number | undefined {
  const pids = readFileSync(`/proc/${agent}/task/${agent}/children`, 'utf8').trim().split(' ').map(Number);
  return pids.find((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/exe`).endsWith('weft-sockets');
    } catch {
      return false; // it is just ending
    }
  });
}

kernelTest(
  "the gateway serves a Pod while its containers restart, and does not keep a deleted one's namespace",
  async (t) => {
    t.timeout(120_000);
    const cluster = await openReady(t, { objects: shop });
    const { api, kubelet, site } = cluster;
    cluster.apply(podOf({ mesh: 'enabled', address: '10.1.255.1', phase: 'Running' }));
    const sandbox = await kubelet.sandbox(uids[0]);
    await cluster.until(true);
    const origin = new Origin({ netns: sandbox.netns });
    t.teardown(() => origin.kill());
    await origin.listen('10.1.0.2', 8080);
    const isServed = async (client: Client): Promise<boolean> => {
      const { status, headers } = await client.ask({ address: '10.96.0.2', port: 80 });
      return status === 200 && headers['x-envoy-upstream-service-time'] !== undefined;
    };
    let client = kubelet.client(sandbox);
    await soon(() => isServed(client), Boolean);
    const rows = await cluster.rows();

    sandbox.process.kill('SIGKILL');
    await client.kill();
    client = kubelet.client(sandbox);
    t.true(await isServed(client));
    t.deepEqual(await cluster.rows(), rows);

    const broker = brokerOf(site.agent.pid)!;
    process.kill(broker, 'SIGKILL');
    await soon(
      () => brokerOf(site.agent.pid),
      (pid) => pid !== undefined && pid !== broker,
    );
    await soon(() => isServed(client), Boolean);

    const vigil = new Vigil(site.house().path, sandbox.netns);
    api.delete('pods', 'default', 'client-0');
    await client.kill();
    await origin.kill();
    await kubelet.stop(sandbox);
    await soon(
      () => vigil.isThere,
      (isThere) => !isThere,
    );
    t.is((await cluster.rows()).size, 0);
  },
);

kernelTest('processes of Pods in the network namespace of the node are never captured', async (t) => {
  t.timeout(60_000);
  const cluster = await openReady(t, { driver: 'cgroupfs', objects: web });
  cluster.apply(podOf({ mesh: 'enabled', hostNetwork: true }));
  await cluster.kubelet.pause(uids[0], '/proc/self/ns/net');
  await soon(
    () => cluster.pod(),
    (pod) => pod !== undefined,
  );
  t.false((await cluster.pod())!.captured);
  // Whatever the API says of it.
  cluster.apply(podOf({ mesh: 'enabled' }));
  await soon(
    () => cluster.pod(),
    (pod) => pod?.why === 'its processes are in the network namespace of the node or of the agent',
  );
  t.is((await cluster.rows()).size, 0);
});

kernelTest('without CAP_SYS_PTRACE Pods of an API server are not captured, and it says why', async (t) => {
  t.timeout(60_000);
  const capabilities = ['sys_admin', 'net_admin'];
  for (const [more, isCaptured] of [
    [[], false],
    [['sys_ptrace'], true],
  ] as const) {
    const cluster = await openReady(t, { objects: web, capabilities: [...capabilities, ...more] });
    cluster.apply(podOf({ mesh: 'enabled' }));
    const sandbox = await cluster.kubelet.sandbox(uids[0]);
    const why = `the network namespace of its process ${sandbox.process.pid} cannot be read: EACCES`;
    await soon(
      () => cluster.pod(),
      (pod) => (isCaptured ? pod?.captured === true : pod?.why === why),
    );
    t.is((await cluster.rows()).size, isCaptured ? 1 : 0);
  }
});
