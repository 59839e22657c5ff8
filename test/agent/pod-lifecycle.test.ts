import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { PodItem, TableItem } from '../../agent/api/items.js';
import { ApiServer } from '../../agent/demo/kubernetes/api-server.js';
import type { Client } from '../gateway/live/client.js';
import { Origin } from '../gateway/live/origin.js';
import { makeDirectory } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import type { Caller } from './caller.js';
import { type Driver, type Hierarchy, Kubelet, namedHierarchy, Vigil } from './kubelet.js';
import type { Manifest } from './objects.js';
import { eventually, type Life, Site, type SiteOptions } from './site.js';

const node = 'here';
/** Nobody else's: an agent looks at all of the machine's processes. */
const uids = [randomUUID(), randomUUID()] as const;
/** Where a connection to Service web arrives: captured, or not. */
const [redirected, plain] = ['10.1.0.1:8080', '10.96.0.1:80'];

function serviceOf(name: string, address: string, port: Manifest, backend: string): readonly Manifest[] {
  const ports = [{ name: port.name, port: 8080, protocol: 'TCP' }];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { type: 'ClusterIP', clusterIP: address, clusterIPs: [address], ipFamilies: ['IPv4'], ports: [port] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-x`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [backend], conditions: { ready: true, serving: true, terminating: false } }],
      ports,
    },
  ];
}

const web = serviceOf('web', '10.96.0.1', { name: 'main', port: 80, targetPort: 8080, protocol: 'TCP' }, '10.1.0.1');
const shop = [
  ...serviceOf('shop', '10.96.0.2', { name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }, '10.1.0.2'),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'shop', namespace: 'default' },
    spec: { hosts: ['shop'], http: [{ route: [{ destination: { host: 'shop' } }] }] },
  },
];

/** {@link eventually}, on a machine that may be busy. */
function soon<T>(read: () => T | Promise<T>, isThere: (value: T) => boolean): Promise<number> {
  return eventually(read, isThere, 20_000);
}

interface PodState {
  readonly uid?: string;
  readonly mesh?: 'enabled' | 'disabled';
  /** Default: none yet. */
  readonly address?: string;
  readonly phase?: string;
  readonly hostNetwork?: boolean;
}

function podOf({ uid = uids[0], mesh, address, phase = 'Pending', hostNetwork = false }: PodState): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'client-0',
      namespace: 'default',
      uid,
      labels: { app: 'client', ...(mesh && { 'weft.dev/mesh': mesh }) },
      // Anybody may write one: it must not lead anywhere.
      annotations: { 'weft.dev/netns': 'no-such-namespace' },
    },
    spec: { nodeName: node, hostNetwork, containers: [{ name: 'main' }] },
    status: { phase, ...(address !== undefined && { podIP: address, podIPs: [{ ip: address }] }) },
  };
}

/** An agent that an API server feeds, and a node for Pods. */
class Cluster {
  readonly site: Site;
  readonly api: ApiServer;
  readonly kubelet: Kubelet;

  private constructor(site: Site, api: ApiServer, kubelet: Kubelet) {
    this.site = site;
    this.api = api;
    this.kubelet = kubelet;
  }

  static async open(
    life: Life,
    driver: Driver,
    hierarchy: Hierarchy,
    objects: readonly Manifest[],
    options: Pick<SiteOptions, 'capabilities'> = {},
  ): Promise<Cluster> {
    const folder = makeDirectory();
    life.teardown(async () => rmSync(folder, { recursive: true }));
    const kubeconfig = join(folder, 'kubeconfig');
    const feed = ['--kubernetes', '--kubeconfig', kubeconfig, '--node', node];
    const site = Site.make(life, { ...options, options: [...feed, '--workers', '1'] });
    const api = new ApiServer({ folder });
    life.teardown(() => api.close());
    const kubelet = new Kubelet(life, { driver, hierarchy, cgroup: site.cgroup });
    await api.listen();
    writeFileSync(kubeconfig, api.kubeconfig());
    const cluster = new Cluster(site, api, kubelet);
    cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }, ...objects);
    await site.agent.start();
    return cluster;
  }

  apply(...objects: readonly Manifest[]): void {
    for (const object of objects) this.api.apply(object as unknown as Parameters<ApiServer['apply']>[0]);
  }

  async pod(): Promise<PodItem | undefined> {
    return (await this.site.agent.items<PodItem>('pods')).find(({ pod }) => pod === 'default/client-0');
  }

  /** Resolves when the Pod is captured, or is not. Returns how many ms that took. */
  until(captured: boolean): Promise<number> {
    return soon(
      () => this.pod(),
      (pod) => (pod?.captured ?? false) === captured,
    );
  }

  /** Rows of captured Pods as the kernel has them, by the cookies of their namespaces. */
  async rows(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.site.agent.items<TableItem>('tables?table=pods');
    return new Map(rows.filter(({ kernel }) => kernel !== '').map(({ key, kernel }) => [key, kernel]));
  }
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
    const cluster = await Cluster.open(t, driver, hierarchy, web);
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
    const cluster = await Cluster.open(t, 'systemd', 'v2', shop);
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
  const cluster = await Cluster.open(t, 'cgroupfs', 'v2', web);
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
    const cluster = await Cluster.open(t, 'systemd', 'v2', web, { capabilities: [...capabilities, ...more] });
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
