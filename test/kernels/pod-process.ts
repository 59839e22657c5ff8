import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order, Result, Verbs } from './pod.js';

const program = fileURLToPath(new URL('./pod.js', import.meta.url));

/** A program in a Pod, as its parent sees it. See pod.ts. */
export class PodProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it in a cgroup and a network namespace. Resolves once it answers at the addresses of `backends`. */
  static async start(cgroup: string, netns: string, backends: readonly string[]): Promise<PodProcess> {
    const pod = new PodProcess(fork(program, [cgroup, netns, ...backends]));
    await pod.#result();
    return pod;
  }

  /** What `verb` gives there. One at a time. */
  async run<Verb extends keyof Verbs>(
    verb: Verb,
    ...words: Parameters<Verbs[Verb]>
  ): Promise<Awaited<ReturnType<Verbs[Verb]>>> {
    const order: Order = { verb, words };
    this.#child.send(order);
    return (await this.#result()) as Awaited<ReturnType<Verbs[Verb]>>;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  async #result(): Promise<unknown> {
    const ended = new AbortController();
    try {
      const [first] = await Promise.race([
        once(this.#child, 'message', ended) as Promise<[Result]>,
        once(this.#child, 'exit', ended).then(
          ([code]) => [{ error: `the pod's program ended with ${code}` }] as [Result],
        ),
      ]);
      if (first.error !== undefined) throw new Error(first.error);
      return first.value;
    } finally {
      ended.abort();
    }
  }
}
