import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Listing } from '../../agent/api/items.js';
import { AgentClient } from '../../agent/cli/agent-client.js';

const main = fileURLToPath(new URL('../../agent/main.js', import.meta.url));

export interface AgentSettings {
  readonly manifests: string;
  readonly cgroup: string;
  readonly pin: string;
  /** For its socket. */
  readonly directory: string;
}

/** `weft run` as a process of its own. */
export class AgentProcess {
  readonly api: string;
  readonly #settings: AgentSettings;
  readonly #client: AgentClient;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(settings: AgentSettings) {
    this.#settings = settings;
    this.api = `unix:${join(settings.directory, 'api.sock')}`;
    this.#client = new AgentClient(this.api, '');
  }

  /** What it said since its last start, one JSON record a line. */
  get log(): string {
    return this.#log;
  }

  /** Starts it. Resolves once it says that its canary was redirected, with how many ms that took; throws when it ends or says that it was not. */
  async start(): Promise<number> {
    const began = performance.now();
    const { cgroup, manifests, pin } = this.#settings;
    const places = ['--cgroup', cgroup, '--pin', pin, '--manifests', manifests, '--api', this.api];
    const child = spawn(process.execPath, [main, 'run', ...places, '--metrics', '127.0.0.1:0', '--node', 'guest'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    this.#log = '';
    await new Promise<void>((resolve, reject) => {
      const lines = createInterface({ input: child.stderr });
      lines.on('line', (line) => {
        this.#log += `${line}\n`;
        if (/"msg":"ready"/.test(line)) resolve();
        if (/"msg":"not ready/.test(line)) reject(new Error(`the agent is not ready: ${this.#log}`));
      });
      lines.on('close', () => reject(new Error(`the agent ended: ${this.#log}`)));
    });
    return performance.now() - began;
  }

  call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.#client.call(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
  }

  async items<Item>(path: string): Promise<readonly Item[]> {
    return [...(await this.call<Listing<Item>>('GET', `/v1/${path}`)).items];
  }

  /** The records of a path that answers one JSON object a line. */
  async records<Item>(path: string): Promise<readonly Item[]> {
    let text = '';
    for await (const chunk of await this.#client.open('GET', path)) text += chunk;
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Item);
  }

  /** Ends it with `signal`. Resolves with its exit code, or the signal's name. */
  async end(signal: NodeJS.Signals): Promise<number | string | null> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    return child.exitCode ?? child.signalCode;
  }
}
