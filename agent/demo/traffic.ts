import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CastService, clientPod } from './cast.js';
import { exited, launch } from './command.js';
import type { Lap } from './phases.js';
import type { ClientMessage, ClientOrder, ClientPlan, Request, Target } from './request.js';
import { netnsOf, type Run } from './run.js';

const program = join(dirname(fileURLToPath(import.meta.url)), 'client.js');

/** Requests/s over both Services. */
export const rate = 800;

/** Every address that the client's family allows, so that requests take Services and families in turn. */
export function targetsOf(services: readonly CastService[], ipv6: boolean): Target[] {
  const families = ipv6 ? [0, 1] : [0];
  return families.flatMap((family) =>
    services.flatMap(({ name, addresses, port, path }) => {
      const address = addresses[family];
      return address === undefined ? [] : [{ service: name, address, port, path }];
    }),
  );
}

/** The client's process, seen from the demo. */
export class Traffic {
  readonly #child: ChildProcess;
  #waiting: { readonly lap: Lap; readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;
  #end: Error | null = null;
  #words = '';

  /** Starts the client in its namespace and cgroup; it is silent until its first lap. */
  constructor(
    demo: Run,
    targets: readonly Target[],
    onRequests: (requests: readonly Request[]) => void,
    onEnd: (error: Error) => void,
  ) {
    const plan: ClientPlan = { targets, rate, limit: 256, timeout: 3000 };
    const place = { cgroup: demo.podCgroup, netns: netnsOf(demo, clientPod.name) };
    const argv = [process.execPath, program, JSON.stringify(plan)];
    this.#child = launch(place, argv, ['pipe', 'pipe', 'pipe']);
    this.#child.stdin!.on('error', () => {});
    this.#child.stderr!.on('data', (chunk) => {
      this.#words += chunk;
    });
    const end = (why: string): void => {
      if (this.#end !== null) return;
      this.#end = new Error(`the client ended: ${this.#words.trim() || why}`);
      this.#waiting?.reject(this.#end);
      onEnd(this.#end);
    };
    this.#child.on('error', (error) => end(error.message));
    this.#child.on('close', (code, signal) => end(signal ?? `exit code ${code}`));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const message = JSON.parse(line) as ClientMessage;
      if ('requests' in message) onRequests(message.requests);
      else if (this.#waiting?.lap === message.lap) this.#waiting.resolve();
    });
  }

  /** Resolves when every request from now on belongs to `lap` and all earlier ones have been reported. */
  enter(lap: Lap): Promise<void> {
    if (this.#end !== null) return Promise.reject(this.#end);
    const order: ClientOrder = { lap };
    return new Promise((resolve, reject) => {
      this.#waiting = { lap, resolve, reject };
      this.#child.stdin!.write(`${JSON.stringify(order)}\n`);
    });
  }

  async stop(): Promise<void> {
    this.#end ??= new Error('the client was stopped');
    this.#child.kill('SIGKILL');
    await exited(this.#child);
  }
}
