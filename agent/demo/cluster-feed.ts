import { ApiProcess } from './api-process.js';
import type { CastPod } from './cast.js';
import { Cluster } from './cluster.js';
import type { Feed } from './feed.js';
import type { Run } from './run.js';
import { startSandboxes } from './sandboxes.js';

/** A Kubernetes API server with the objects of a {@link Cluster}. */
export class ClusterFeed implements Feed {
  readonly name = 'kubernetes';
  readonly server: ApiProcess;
  readonly options: readonly string[];
  readonly #run: Run;
  readonly #cluster: Cluster;

  /** `onEnd` is told when the API server's process ends. */
  constructor(run: Run, ipv6: boolean, onEnd: (error: Error) => void) {
    this.#run = run;
    this.#cluster = new Cluster(run, ipv6);
    this.server = new ApiProcess(run, onEnd);
    this.options = ['--kubernetes', '--kubeconfig', this.server.kubeconfig];
  }

  async open(): Promise<void> {
    startSandboxes(this.#run);
    this.server.start();
    await this.server.write(this.#cluster.objects().map((object) => ({ apply: object })));
    await this.server.comeBack();
  }

  async mark(pod: CastPod, ready: boolean): Promise<void> {
    await this.server.write(this.#cluster.mark(pod, ready));
  }
}
