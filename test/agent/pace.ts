import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { House, Site } from './site.js';

const source = fileURLToPath(new URL('../../../test/bench/connect.c', import.meta.url));

/** The port that backends must have: the client's own listener. */
export const pacedPort = 9000;

/** What came of the connections. */
export interface Paced {
  readonly attempted: number;
  readonly failed: number;
  /** Of the last failure, else 0. */
  readonly errno: number;
  /** The slowest connect(2), in ns. */
  readonly slowest: number;
}

/** A process that makes connections at a steady rate and counts exactly those that fail: the benchmarks' client. */
export class Pace {
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#answers = createInterface({ input: process.stdout! })[Symbol.asyncIterator]();
  }

  /** Connections from the house to port 80 of these addresses in turn, `rate` a second, until `stop`. */
  static async start(site: Site, house: House, addresses: readonly string[], rate: number): Promise<Pace> {
    const program = join(site.directory, 'connect');
    execFileSync('cc', ['-O2', '-o', program, source]);
    const words = ['0', house.path, house.path, site.cgroup, String(pacedPort)];
    const pace = new Pace(spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] }));
    pace.#process.stdin!.write(`targets 0 80 ${addresses.join(' ')}\n`);
    await pace.#answers.next();
    pace.#process.stdin!.write(`pace 0 ${rate}\n`);
    return pace;
  }

  /** Ends the process. */
  async stop(): Promise<Paced> {
    this.#process.stdin!.write('stop\n');
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the connecting process ended');
    this.#process.stdin!.end();
    await once(this.#process, 'exit');
    return JSON.parse(value) as Paced;
  }
}
