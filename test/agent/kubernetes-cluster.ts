import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiServer, type ApiServerOptions } from '../../agent/demo/kubernetes/api-server.js';
import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';
import { makeDirectory } from '../kernel/scratch.js';
import type { AgentProcess } from './agent-process.js';
import type { Caller } from './caller.js';
import { Kubelet } from './kubelet.js';
import { eventually, type Life, Site } from './site.js';

const node = 'here';

/** A Service `app-N` at 10.96.0.N, port 80, and its slice with these backends, port 8080. */
export function application(
  number: number,
  backends: readonly string[],
): readonly [KubernetesObject, KubernetesObject] {
  const name = `app-${number}`;
  const address = `10.96.0.${number}`;
  const port = { name: 'main', protocol: 'TCP' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: {
        type: 'ClusterIP',
        clusterIP: address,
        clusterIPs: [address],
        ipFamilies: ['IPv4'],
        ports: [{ ...port, port: 80, targetPort: 8080 }],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-x`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: backends.map((backend) => ({
        addresses: [backend],
        conditions: { ready: true, serving: true, terminating: false },
      })),
      ports: [{ ...port, port: 8080 }],
    },
  ];
}

export interface ClusterOptions extends Partial<ApiServerOptions> {
  readonly objects: readonly KubernetesObject[];
}

/** An API server, an agent that it feeds, and a Pod of the node with a process in it. Nothing of it outlives the test. */
export class Cluster {
  readonly api: ApiServer;
  readonly agent: AgentProcess;
  /** In the agent's kubeconfig. */
  readonly tokenFile: string;
  readonly #kubelet: Kubelet;
  readonly #uid: string = randomUUID();

  private constructor(life: Life, folder: string, { objects, ...options }: ClusterOptions) {
    this.api = new ApiServer({ folder, ...options });
    this.tokenFile = join(folder, 'token');
    const kubeconfig = ['--kubeconfig', join(folder, 'kubeconfig')];
    const site = Site.make(life, { options: ['--kubernetes', ...kubeconfig, '--node', node, '--workers', '1'] });
    this.agent = site.agent;
    this.#kubelet = new Kubelet(life, { driver: 'systemd', hierarchy: 'v2', cgroup: site.cgroup });
    for (const object of objects) this.api.apply(object);
    this.api.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'client', namespace: 'default', uid: this.#uid, labels: { 'weft.dev/mesh': 'enabled' } },
      spec: { nodeName: node, containers: [{ name: 'main' }] },
      status: { phase: 'Running', podIP: '10.1.255.1', podIPs: [{ ip: '10.1.255.1' }] },
    });
  }

  /** The API server listens; the agent is not started yet. */
  static async open(life: Life, options: ClusterOptions): Promise<Cluster> {
    const folder = makeDirectory();
    life.teardown(async () => rmSync(folder, { recursive: true }));
    const cluster = new Cluster(life, folder, options);
    life.teardown(() => cluster.api.close());
    await cluster.api.listen();
    cluster.writeToken();
    writeFileSync(join(folder, 'kubeconfig'), cluster.api.kubeconfig(cluster.tokenFile));
    return cluster;
  }

  /** The server's newest token is the agent's. */
  writeToken(): void {
    writeFileSync(this.tokenFile, this.api.token);
  }

  /** The process of the Pod, once it is captured. The agent runs. */
  async caller(): Promise<Caller> {
    const sandbox = await this.#kubelet.sandbox(this.#uid);
    const caller = await this.#kubelet.container(sandbox);
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

  /** The server forgets its past and cuts all watches: what is known must be listed again. */
  makeRelist(): void {
    this.api.expire();
    this.api.cut();
  }
}

/** {@link eventually}, with the patience that a client's back-off and a busy machine need. */
export function soon<T>(read: () => T | Promise<T>, isThere: (value: T) => boolean): Promise<number> {
  return eventually(read, isThere, 45_000);
}
