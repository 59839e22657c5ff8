import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { backendPort } from './mesh.js';
import type { Scope } from './scope.js';
import type { Pair } from './topology.js';

/** What `measure` answers: ns a connect(2), over one burst. */
export interface Burst {
  readonly median: number;
  readonly mean: number;
  readonly min: number;
  readonly p99: number;
  /** Mean ns from socket(2) to close(2), both ends. */
  readonly cycle: number;
  readonly failed: number;
  readonly errno: number;
}

/** What `pace` answers. */
export interface Paced {
  readonly attempted: number;
  readonly failed: number;
  /** Of the last failure, else 0. */
  readonly errno: number;
  /** The slowest connect(2) in ns. */
  readonly slowest: number;
}

const source = fileURLToPath(new URL('../../../test/bench/connect.c', import.meta.url));

/** Compiles connect.c into the run's directory, once, and returns the program's path. */
export function compileClient(scope: Scope): string {
  const program = join(scope.directory, 'connect');
  if (!existsSync(program)) execFileSync('cc', ['-O2', '-Wall', '-o', program, source], { stdio: 'inherit' });
  return program;
}

/** A process that makes connections in a pair of namespaces, from one CPU. */
export class Client {
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #lists = 0;

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts one; with `cgroup`, its client sockets belong to that cgroup. */
  static start(scope: Scope, pair: Pair, options: { cpu: number; cgroup?: string }): Client {
    const words = [options.cpu, pair.server, pair.client, options.cgroup ?? '-', backendPort].map(String);
    const child = spawn(compileClient(scope), words, { stdio: ['pipe', 'pipe', 'inherit'] });
    scope.defer(() => child.kill('SIGKILL'));
    return new Client(child);
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the connecting process ended');
    return JSON.parse(value);
  }

  async #ask(command: string): Promise<unknown> {
    this.#process.stdin!.write(`${command}\n`);
    return this.#answer();
  }

  /** Gives this client one more list of addresses to connect to, in turn; at most four. Returns its number. */
  async aim(port: number, addresses: readonly string[]): Promise<number> {
    await this.#ask(`targets ${this.#lists} ${port} ${addresses.join(' ')}`);
    return this.#lists++;
  }

  /** Makes `count` connections to the addresses of a list, from where its last ones ended. */
  async measure(list: number, count: number): Promise<Burst> {
    return (await this.#ask(`measure ${list} ${count}`)) as Burst;
  }

  /** Makes `rate` connections/s to those of a list until the returned function is called. */
  pace(list: number, rate: number): () => Promise<Paced> {
    this.#process.stdin!.write(`pace ${list} ${rate}\n`);
    return async () => (await this.#ask('stop')) as Paced;
  }

  /** Ends the process. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) return resolve();
      this.#process.once('exit', () => resolve());
      this.#process.stdin!.end();
    });
  }
}
