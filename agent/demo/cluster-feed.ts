import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ApiAnswer, ApiOrder } from './api-orders.js';
import { type CastPod, node } from './cast.js';
import { Cluster } from './cluster.js';
import { launch } from './command.js';
import type { Feed, FeedServer } from './feed.js';
import { netnsOf, type Run } from './run.js';
import { startSandboxes } from './sandboxes.js';

const program = join(dirname(fileURLToPath(import.meta.url)), 'api-process.js');

/** A Kubernetes API server on the node's loopback, with the objects of a {@link Cluster}. */
export class ClusterFeed implements Feed, FeedServer {
  readonly name = 'kubernetes';
  readonly server: FeedServer = this;
  readonly options: readonly string[];
  address = '';
  readonly #run: Run;
  readonly #cluster: Cluster;
  readonly #kubeconfig: string;
  readonly #onEnd: (error: Error) => void;
  #child: ChildProcess | null = null;
  #isServing = false;
  /** Who waits for the answers to come, in order. */
  readonly #waiting: { readonly resolve: (answer: ApiAnswer) => void; readonly reject: (error: Error) => void }[] = [];

  /** `onEnd` is told when the API server's process ends. */
  constructor(run: Run, ipv6: boolean, onEnd: (error: Error) => void) {
    this.#run = run;
    this.#cluster = new Cluster(run, ipv6);
    this.#kubeconfig = join(run.folder, 'kubeconfig');
    this.#onEnd = onEnd;
    this.options = ['--kubernetes', '--kubeconfig', this.#kubeconfig];
  }

  get pid(): number | null {
    return this.#isServing ? (this.#child?.pid ?? null) : null;
  }

  async open(): Promise<void> {
    startSandboxes(this.#run);
    this.#start();
    await this.#order({ write: this.#cluster.objects().map((object) => ({ apply: object })) });
    await this.comeBack();
  }

  async mark(pod: CastPod, ready: boolean): Promise<void> {
    await this.#order({ write: this.#cluster.mark(pod, ready) });
  }

  async leave(): Promise<void> {
    await this.#order({ close: true });
    this.#isServing = false;
  }

  async comeBack(): Promise<void> {
    this.address = (await this.#order({ listen: { kubeconfig: this.#kubeconfig } })).address;
    this.#isServing = true;
  }

  #start(): void {
    const place = { cgroup: this.#run.agentCgroup, netns: netnsOf(this.#run, node.name) };
    const argv = [process.execPath, program, join(this.#run.folder, 'certificates')];
    const child = launch(place, argv, ['pipe', 'pipe', 'pipe']);
    let words = '';
    child.stderr!.on('data', (chunk) => {
      words = `${words}${chunk}`.slice(-2000);
    });
    child.stdin!.on('error', () => {});
    const end = (why: string): void => {
      const error = new Error(`the API server ended: ${words.trim() || why}`);
      this.#isServing = false;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      this.#onEnd(error);
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(signal ?? `exit code ${code}`));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line) as ApiAnswer);
    });
    this.#child = child;
  }

  async #order(order: ApiOrder): Promise<ApiAnswer> {
    const answer = await new Promise<ApiAnswer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child!.stdin!.write(`${JSON.stringify(order)}\n`);
    });
    if (answer.failure !== '') throw new Error(`the API server did not obey: ${answer.failure}`);
    return answer;
  }
}
