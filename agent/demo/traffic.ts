import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CastService, clientPod, outside } from './cast.js';
import { exited, launch, type Place } from './command.js';
import { makeContainer } from './containers.js';
import type { Lap } from './phases.js';
import { type Asker, targetsOf } from './questions.js';
import type { ClientMessage, ClientOrder, ClientPlan, Request } from './request.js';
import { netnsOf, type Run } from './run.js';

const program = join(dirname(fileURLToPath(import.meta.url)), 'client.js');

/** What the clients tell. */
export interface TrafficListener {
  onRequests(requests: readonly Request[]): void;
  /** A client ended by itself. */
  onEnd(error: Error): void;
}

/** The clients' processes: one in the client pod, one outside. */
export class Traffic {
  readonly #clients: readonly ClientProcess[];

  /** Starts the clients in their namespaces; they are silent until their first lap. */
  constructor(demo: Run, services: readonly CastService[], ipv6: boolean, listener: TrafficListener) {
    const start = (from: Asker, place: Place): ClientProcess => {
      const targets = targetsOf(from, services, ipv6);
      return new ClientProcess(place, { from, targets, limit: 256, timeout: 3000 }, listener);
    };
    this.#clients = [
      start('client', { cgroup: makeContainer(demo, clientPod.name, 'app'), netns: netnsOf(demo, clientPod.name) }),
      start('outside', { cgroup: demo.agentCgroup, netns: netnsOf(demo, outside.name) }),
    ];
  }

  /** Resolves when every request from now on belongs to `lap` and all earlier ones have been reported. */
  async enter(lap: Lap): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.enter(lap)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
  }
}

class ClientProcess {
  readonly #child: ChildProcess;
  #waiting: { readonly lap: Lap; readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;
  #end: Error | null = null;
  #words = '';

  constructor(place: Place, plan: ClientPlan, listener: TrafficListener) {
    this.#child = launch(place, [process.execPath, program, JSON.stringify(plan)], ['pipe', 'pipe', 'pipe']);
    this.#child.stdin!.on('error', () => {});
    this.#child.stderr!.on('data', (chunk) => {
      this.#words += chunk;
    });
    const end = (why: string): void => {
      if (this.#end !== null) return;
      this.#end = new Error(`the ${plan.from} ended: ${this.#words.trim() || why}`);
      this.#waiting?.reject(this.#end);
      listener.onEnd(this.#end);
    };
    this.#child.on('error', (error) => end(error.message));
    this.#child.on('close', (code, signal) => end(signal ?? `exit code ${code}`));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const message = JSON.parse(line) as ClientMessage;
      if ('requests' in message) listener.onRequests(message.requests);
      else if (this.#waiting?.lap === message.lap) this.#waiting.resolve();
    });
  }

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
