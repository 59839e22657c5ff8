import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodItem, TableItem } from '../../agent/api/items.js';
import { ApiServer } from '../../agent/demo/kubernetes/api-server.js';
import { makeDirectory } from '../kernel/scratch.js';
import { type Driver, type Hierarchy, Kubelet } from './kubelet.js';
import type { Manifest } from './objects.js';
import { eventually, type Life, Site, type SiteOptions } from './site.js';

const node = 'here';

/** A Service with one endpoint, as the API server and its controllers have them. */
export function serviceOf(name: string, address: string, port: Manifest, backend: string): readonly Manifest[] {
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

/** {@link eventually}, on a machine that may be busy. */
export function soon<T>(read: () => T | Promise<T>, isThere: (value: T) => boolean): Promise<number> {
  return eventually(read, isThere, 20_000);
}

export interface PodState {
  readonly uid: string;
  readonly mesh?: 'enabled' | 'disabled';
  /** Default: none yet. */
  readonly address?: string;
  readonly phase?: string;
  readonly hostNetwork?: boolean;
}

/** Pod default/client-0, which is on the node. */
export function podOf({ uid, mesh, address, phase = 'Pending', hostNetwork = false }: PodState): Manifest {
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
export class Cluster {
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
