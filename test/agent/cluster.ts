import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodItem, TableItem } from '../../agent/api/items.js';
import { ApiServer, type ApiServerOptions } from '../../agent/demo/kubernetes/api-server.js';
import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';
import { makeDirectory } from '../kernel/scratch.js';
import type { AgentProcess } from './agent-process.js';
import { node } from './api-objects.js';
import type { Caller } from './caller.js';
import { type Driver, type Hierarchy, Kubelet } from './kubelet.js';
import { eventually, type Life, Site, type SiteOptions } from './site.js';

export interface ClusterOptions extends Partial<ApiServerOptions>, Pick<SiteOptions, 'capabilities'> {
  /** Beside Namespace default. */
  readonly objects: readonly KubernetesObject[];
  /** Of the kubelet. Default: systemd. */
  readonly driver?: Driver;
  /** Default: v2. */
  readonly hierarchy?: Hierarchy;
}

/** {@link eventually}, with the patience that a client's back-off and a busy machine need. */
export function soon<T>(read: () => T | Promise<T>, isThere: (value: T) => boolean): Promise<number> {
  return eventually(read, isThere, 45_000);
}

/** An API server, an agent that it feeds, and a node for Pods. Nothing of it outlives the test. */
export class Cluster {
  readonly api: ApiServer;
  readonly site: Site;
  readonly kubelet: Kubelet;
  /** In the agent's kubeconfig. */
  readonly #tokenFile: string;

  private constructor(api: ApiServer, site: Site, kubelet: Kubelet, tokenFile: string) {
    this.api = api;
    this.site = site;
    this.kubelet = kubelet;
    this.#tokenFile = tokenFile;
  }

  /** The API server listens; the agent is not started yet. */
  static async open(
    life: Life,
    { objects, driver = 'systemd', hierarchy = 'v2', capabilities, ...options }: ClusterOptions,
  ): Promise<Cluster> {
    const folder = makeDirectory();
    life.teardown(async () => rmSync(folder, { recursive: true }));
    const kubeconfig = join(folder, 'kubeconfig');
    const feed = ['--kubernetes', '--kubeconfig', kubeconfig, '--node', node, '--workers', '1'];
    const site = Site.make(life, { options: feed, ...(capabilities && { capabilities }) });
    const api = new ApiServer({ folder, ...options });
    life.teardown(() => api.close());
    const kubelet = new Kubelet(life, { driver, hierarchy, cgroup: site.cgroup });
    const cluster = new Cluster(api, site, kubelet, join(folder, 'token'));
    cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }, ...objects);
    await api.listen();
    cluster.writeToken();
    writeFileSync(kubeconfig, api.kubeconfig(cluster.#tokenFile));
    return cluster;
  }

  get agent(): AgentProcess {
    return this.site.agent;
  }

  apply(...objects: readonly KubernetesObject[]): void {
    for (const object of objects) this.api.apply(object);
  }

  /** The server's newest token is the agent's. */
  writeToken(): void {
    writeFileSync(this.#tokenFile, this.api.token);
  }

  /** The server forgets its past and cuts all watches: what is known must be listed again. */
  makeRelist(): void {
    this.api.expire();
    this.api.cut();
  }

  /** A process of the Pod, which the API server has, once it is captured. The agent runs. */
  async caller({ metadata }: KubernetesObject): Promise<Caller> {
    const sandbox = await this.kubelet.sandbox(metadata.uid!);
    const caller = await this.kubelet.container(sandbox);
    await soon(
      async () => (await this.agent.status()).captured,
      (captured) => captured === 1,
    );
    return caller;
  }

  /** The checks of /readyz, also while it is not ready. */
  async checks(): Promise<string> {
    try {
      return await this.agent.scrape('/readyz?verbose');
    } catch {
      return '';
    }
  }

  /** Pod default/client-0. */
  async pod(): Promise<PodItem | undefined> {
    return (await this.agent.items<PodItem>('pods')).find(({ pod }) => pod === 'default/client-0');
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
    const rows = await this.agent.items<TableItem>('tables?table=pods');
    return new Map(rows.filter(({ kernel }) => kernel !== '').map(({ key, kernel }) => [key, kernel]));
  }
}
