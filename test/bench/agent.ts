import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Scope } from './scope.js';

/** Before a command: its processes run before all others of the machine. */
export const first: readonly string[] = ['chrt', '--rr', '1'];

const main = fileURLToPath(new URL('../../agent/main.js', import.meta.url));

export interface AgentOptions {
  /** Distinguishes the agents of one run. */
  readonly name: string;
  /** None: `options` name another source. */
  readonly manifests?: string;
  readonly cgroup: string;
  /** CPUs that the agent keeps away from, where there are others. */
  readonly avoid: number | readonly number[];
  /** Its threads run before all others of the machine (SCHED_RR), so that these do not count. */
  readonly isFirst?: boolean;
  /** Further options of `weft run`. */
  readonly options?: readonly string[];
}

/** The real agent, `weft run`, as a process of its own; it can be killed and started again on the same pins. */
export class Agent {
  readonly #scope: Scope;
  readonly #options: AgentOptions;
  readonly pin: string;
  readonly #log: string;
  readonly #metrics: string;
  #process: ChildProcess | undefined;

  private constructor(scope: Scope, options: AgentOptions, port: number) {
    this.#scope = scope;
    this.#options = options;
    this.pin = `/sys/fs/bpf/${scope.prefix}-${options.name}`;
    this.#log = join(scope.directory, `${options.name}.log`);
    this.#metrics = `127.0.0.1:${port}`;
  }

  /** An agent that is not started yet. Its pins go when the scope closes. */
  static async prepare(scope: Scope, options: AgentOptions): Promise<Agent> {
    const agent = new Agent(scope, options, await freePort());
    scope.defer(() => agent.#remove());
    return agent;
  }

  get #api(): string {
    return `unix:${join(this.#scope.directory, `${this.#options.name}.sock`)}`;
  }

  /** Starts the agent. Returns the ms from the start of the process until it said that it is ready. */
  async start(): Promise<number> {
    const began = performance.now();
    const avoid = [this.#options.avoid].flat();
    const others = cpus()
      .map((_, cpu) => cpu)
      .filter((cpu, _, all) => all.length <= avoid.length || !avoid.includes(cpu));
    const log = openSync(this.#log, 'a');
    const { manifests } = this.#options;
    const source = manifests === undefined ? [] : ['--manifests', manifests];
    const command = [process.execPath, main, 'run', ...source];
    const settings = [
      '--cgroup',
      this.#options.cgroup,
      '--pin',
      this.pin,
      '--api',
      this.#api,
      '--metrics',
      this.#metrics,
      ...(this.#options.options ?? []),
    ];
    this.#process = spawn(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        ...(this.#options.isFirst ? first : []),
        'taskset',
        '--cpu-list',
        others.join(','),
        ...command,
        ...settings,
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    while (!(await this.#isReady())) {
      if (this.#process.exitCode !== null)
        throw new Error(`the agent ended (${this.#process.exitCode}): ${this.#tail()}`);
      if (performance.now() - began > 120_000) throw new Error(`the agent is not ready after 120 s: ${this.#tail()}`);
      await pause(5);
    }
    return performance.now() - began;
  }

  async #isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`http://${this.#metrics}/readyz`, { signal: AbortSignal.timeout(2000) });
      await answer.arrayBuffer();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** The value of a series of its metrics, without labels; 0 when there is none. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://${this.#metrics}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  }

  /** Time on a CPU since its start, in ms. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#process!.pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (user! + system!) * 10;
  }

  /** How long its main thread could have run and did not, since its start, in ms. */
  waitedMs(): number {
    const pid = this.#process!.pid!;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  }

  #tail(): string {
    return readFileSync(this.#log, 'utf8').split('\n').slice(-12).join('\n');
  }

  /** The memory the agent's process has in RAM now and at its highest, in MiB. */
  memory(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.#process!.pid}/status`, 'utf8');
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
    return { now: field('VmRSS'), peak: field('VmHWM') };
  }

  /** pids of the gateway's workers. */
  workers(): readonly number[] {
    const pid = this.#process!.pid!;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('/gateway/worker.js'));
  }

  /** Lets the gateway's workers run on one CPU only. */
  pinWorkers(cpu: number): void {
    for (const pid of this.workers())
      execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(cpu), String(pid)]);
  }

  /** kill -9; resolves when the process is gone. The pins stay. */
  async kill(): Promise<void> {
    const process = this.#process!;
    if (process.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, 'exit');
    process.kill('SIGKILL');
    await gone;
  }

  #remove(): void {
    const pid = this.#process?.pid;
    this.#process?.kill('SIGKILL');
    const sleep = new Int32Array(new SharedArrayBuffer(4));
    for (let wait = 0; pid !== undefined && isRunning(pid) && wait < 200; wait++) Atomics.wait(sleep, 0, 0, 10);
    if (!existsSync(this.pin)) return;
    try {
      execFileSync(process.execPath, [main, 'cleanup', '--pin', this.pin], { stdio: 'pipe' });
    } finally {
      rmSync(this.pin, { recursive: true, force: true });
    }
  }
}

/** Whether `pid` still runs; a zombie, which only waits to be reaped, does not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
