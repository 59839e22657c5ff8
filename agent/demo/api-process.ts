import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ApiAnswer, ApiOrder } from './api-orders.js';
import { node } from './cast.js';
import { gatewayClass, type Write } from './cluster.js';
import { launch } from './command.js';
import type { FeedServer } from './feed.js';
import { netnsOf, type Run } from './run.js';

const program = join(dirname(fileURLToPath(import.meta.url)), 'api-server.js');

/** meta/v1 Condition. */
interface Condition {
  readonly type: string;
  readonly status: string;
}

/** A Kubernetes API server as a child process, on the node's loopback. */
export class ApiProcess implements FeedServer {
  /** Written each time when it begins to listen. */
  readonly kubeconfig: string;
  address = '';
  readonly #run: Run;
  readonly #onEnd: (error: Error) => void;
  #child: ChildProcess | null = null;
  #isServing = false;
  /** Who waits for the answers to come, in order. */
  readonly #waiting: { readonly resolve: (answer: ApiAnswer) => void; readonly reject: (error: Error) => void }[] = [];

  /** `onEnd` is told when the process ends. */
  constructor(run: Run, onEnd: (error: Error) => void) {
    this.#run = run;
    this.#onEnd = onEnd;
    this.kubeconfig = join(run.folder, 'kubeconfig');
  }

  get pid(): number | null {
    return this.#isServing ? (this.#child?.pid ?? null) : null;
  }

  /** It obeys from now on, and does not listen yet. */
  start(): void {
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

  /** Resolves when all of it is done. */
  async write(writes: readonly Write[]): Promise<void> {
    await this.#order({ write: writes });
  }

  async isClassAccepted(): Promise<boolean> {
    const { object } = await this.#order({ get: gatewayClass });
    const { conditions = [] } = (object?.status ?? {}) as { readonly conditions?: readonly Condition[] };
    return conditions.some(({ type, status }) => type === 'Accepted' && status === 'True');
  }

  async leave(): Promise<void> {
    await this.#order({ close: true });
    this.#isServing = false;
  }

  async comeBack(): Promise<void> {
    this.address = (await this.#order({ listen: { kubeconfig: this.kubeconfig } })).address;
    this.#isServing = true;
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
