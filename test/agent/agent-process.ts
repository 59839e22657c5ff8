import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Listing, Status } from '../../agent/api/items.js';
import { AgentClient } from '../../agent/cli/agent-client.js';

const main = fileURLToPath(new URL('../../agent/main.js', import.meta.url));

/** How a command ended, and all it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `weft` to its end. `through`: words before it, such as those of setpriv(1). */
export function weft(
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  through: readonly string[] = [],
): Promise<Ended> {
  const [program, ...rest] = [...through, process.execPath, main, ...words];
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 28, timeout: 60_000 };
  return new Promise((resolve) => {
    const child = execFile(program!, rest, options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

export interface AgentSettings {
  readonly cgroup: string;
  readonly pin: string;
  /** A directory for its socket and its log. */
  readonly directory: string;
  /** Further options of `weft run`. */
  readonly options: readonly string[];
  /** The only capabilities it has, as setpriv(1) names them (`net_admin`); all of the test's when absent. */
  readonly capabilities?: readonly string[];
  /** Path of the network namespace it is in; the test's own when absent. Its metrics are then out of the test's reach. */
  readonly netns?: string;
}

/** Options of setpriv(1) that leave root with these capabilities alone: what it executes has its bounding set. */
export function withCapabilities(names: readonly string[]): readonly string[] {
  const kept = names.map((name) => `,+${name}`).join('');
  return ['--inh-caps', '-all', '--bounding-set', `-all${kept}`];
}

/** `weft run` as a process of its own. It dies with the test. */
export class AgentProcess {
  readonly api: string;
  readonly #settings: AgentSettings;
  readonly #log: string;
  readonly #client: AgentClient;
  #process: ChildProcess | undefined;
  /** Where the log of the last start begins. */
  #logStart = 0;

  constructor(settings: AgentSettings) {
    this.#settings = settings;
    this.#log = join(settings.directory, 'agent.log');
    this.api = `unix:${join(settings.directory, 'api.sock')}`;
    this.#client = new AgentClient(this.api, '');
  }

  get pid(): number {
    return this.#process!.pid!;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** What it said since its last start, one JSON record a line. */
  get log(): string {
    return readFileSync(this.#log, 'utf8').slice(this.#logStart);
  }

  /** Starts it without waiting for more than the process. */
  launch(): void {
    const log = openSync(this.#log, 'a');
    this.#logStart = readFileSync(this.#log, 'utf8').length;
    const { capabilities, cgroup, netns, pin, options } = this.#settings;
    const places = ['--cgroup', cgroup, '--pin', pin, '--api', this.api, '--metrics', '127.0.0.1:0'];
    const privilege = capabilities === undefined ? [] : withCapabilities(capabilities);
    const enter = netns === undefined ? [] : ['nsenter', `--net=${netns}`];
    const program = [...enter, process.execPath, main, 'run', ...places, ...options];
    const words = ['--pdeathsig', 'KILL', ...privilege, ...program];
    this.#process = spawn('setpriv', words, { stdio: ['ignore', log, log] });
    closeSync(log);
  }

  /** Starts it and waits until it says that it is ready. Returns how many ms that took. */
  async start(): Promise<number> {
    const began = performance.now();
    this.launch();
    for (;;) {
      if (!this.isRunning) throw new Error(`the agent ended: ${this.log}`);
      if ((await this.readyz()) !== '') return performance.now() - began;
      if (performance.now() - began > 60_000) throw new Error(`the agent is not ready after 60 s: ${this.log}`);
      await pause(10);
    }
  }

  /** Waits for its end. Returns the exit code, or the signal that ended it. */
  async ended(): Promise<number | string | null> {
    const process = this.#process!;
    if (this.isRunning) await once(process, 'exit');
    return process.exitCode ?? process.signalCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process!.kill(signal);
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.signal('SIGKILL');
    await this.ended();
  }

  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | string | null> {
    this.signal('SIGTERM');
    return this.ended();
  }

  /** The checks of /readyz, one a line; empty when it is not ready or nobody answers. */
  async readyz(): Promise<string> {
    try {
      return await this.text('/readyz?verbose');
    } catch {
      return '';
    }
  }

  async text(path: string): Promise<string> {
    let text = '';
    for await (const chunk of await this.#client.open('GET', path)) text += chunk;
    return text;
  }

  call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.#client.call(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
  }

  async items<Item>(path: string): Promise<readonly Item[]> {
    return [...(await this.call<Listing<Item>>('GET', `/v1/${path}`)).items];
  }

  status(): Promise<Status> {
    return this.call('GET', '/v1/status');
  }

  /** Runs a command of `weft` that talks to this agent. */
  weft(...words: string[]): Promise<Ended> {
    return weft(words, { WEFT_API: this.api });
  }

  /** What GET of `path` on the metrics listener answers. Throws while nobody does. */
  async scrape(path = '/metrics'): Promise<string> {
    const address = /"metrics":"([^"]+)"/.exec(this.log)?.[1];
    if (address === undefined) throw new Error('the agent has not said where its metrics are');
    return (await fetch(`http://${address}${path}`)).text();
  }
}
