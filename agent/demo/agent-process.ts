import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackendItem, ServiceItem, Status } from '../api/items.js';
import { type Clock, pause } from '../clock.js';
import { findOrphans, markOf } from '../kernel/orphans.js';
import { node, nodeName } from './cast.js';
import { exited, launch, run } from './command.js';
import { netnsOf, parentOf, type Run } from './run.js';

const main = join(dirname(fileURLToPath(import.meta.url)), '../main.js');
/** Until an agent that is not ready counts as failed, in ms. */
const patience = 20_000;
const pollPace = 10;
/** Of the gateway: one may be killed while another serves. */
export const workers = 2;

/** Runs `weft` with arguments and returns what it printed. Throws with what it said when it fails. */
export function weft(args: readonly string[]): Promise<string> {
  return run([process.execPath, main, ...args]);
}

export type AgentState = 'dead' | 'starting' | 'ready';

/** The agent as a child process in the node's namespace, and its API. */
export class AgentProcess {
  readonly #demo: Run;
  readonly #source: readonly string[];
  readonly #clock: Clock;
  readonly #onEnd: (error: Error) => void;
  #child: ChildProcess | null = null;
  #expected = false;
  #started = 0;
  state: AgentState = 'dead';

  /** `source`: options that name what feeds it. `onEnd` is told when the agent ends without being asked to. */
  constructor(demo: Run, source: readonly string[], clock: Clock, onEnd: (error: Error) => void) {
    this.#demo = demo;
    this.#source = source;
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  get pid(): number | null {
    return this.state === 'dead' ? null : (this.#child?.pid ?? null);
  }

  start(): void {
    const { agentCgroup, api, folder, pin, podCgroup } = this.#demo;
    const log = openSync(join(folder, 'agent.log'), 'a');
    const places = [...this.#source, '--cgroup', podCgroup, '--pin', pin];
    const listeners = ['--api', api, '--metrics', '127.0.0.1:0'];
    const options = ['--node', nodeName, '--workers', String(workers)];
    const argv = [process.execPath, main, 'run', ...places, ...listeners, ...options];
    const place = { cgroup: agentCgroup, netns: netnsOf(this.#demo, node.name) };
    const child = launch(place, argv, ['ignore', log, log]);
    closeSync(log);
    this.#child = child;
    this.#expected = false;
    this.#started = this.#clock.monotonic();
    this.state = 'starting';
    const end = (why: string): void => {
      if (this.#child === child) this.state = 'dead';
      if (!this.#expected) this.#onEnd(new Error(`the agent ended with ${why}\n${this.#lastWords()}`));
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  }

  /** Resolves with the ms since it was started. Throws when it takes too long or `signal` is aborted. */
  async untilReady(signal: AbortSignal): Promise<number> {
    while (!(await this.isReady())) {
      signal.throwIfAborted();
      if (this.state === 'dead') throw new Error(`the agent did not start\n${this.#lastWords()}`);
      if (this.#clock.monotonic() - this.#started > patience) throw new Error(await this.#whyNotReady());
      await pause(this.#clock, pollPace);
    }
    this.state = 'ready';
    return this.#clock.monotonic() - this.#started;
  }

  /** Kills it with SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it in order, by force when that takes longer than 5 s. */
  async stop(): Promise<void> {
    const cancel = this.#clock.after(5000, () => this.#child?.kill('SIGKILL'));
    await this.#end('SIGTERM');
    cancel();
  }

  /** Backends as GET /v1/backends lists them; null while the agent does not answer. */
  async backends(): Promise<readonly BackendItem[] | null> {
    const answer = await this.#get('/v1/backends').catch(() => null);
    return answer?.status === 200 ? (JSON.parse(answer.body) as { items: BackendItem[] }).items : null;
  }

  /** Whether /readyz says so. */
  async isReady(): Promise<boolean> {
    return (await this.#get('/readyz').catch(() => null))?.status === 200;
  }

  /** What is wrong with each of its sources that has trouble, as GET /v1/status tells; null while the agent does not answer. */
  async troubles(): Promise<readonly string[] | null> {
    const answer = await this.#get('/v1/status').catch(() => null);
    if (answer?.status !== 200) return null;
    const { sources } = JSON.parse(answer.body) as Status;
    return sources.map(({ trouble }) => trouble).filter((trouble) => trouble !== '');
  }

  /** pids of its gateway workers, sorted; of those that an earlier agent left none. */
  workers(): readonly number[] {
    return this.allWorkers().filter((pid) => parentOf(pid) === this.pid);
  }

  /** pids of all gateway workers of the run, also of those that an earlier agent left; sorted. */
  allWorkers(): readonly number[] {
    return [...findOrphans(markOf(this.#demo.pin), new Set())].sort((a, b) => a - b);
  }

  /** Manual weights of a Service (NS/NAME), by backend. */
  async weights(service: string): Promise<ServiceItem['weights']> {
    const answer = await this.#get(`/v1/services/${service}`);
    return (JSON.parse(answer.body) as ServiceItem).weights;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === null) return;
    this.#expected = true;
    this.#child.kill(signal);
    await exited(this.#child);
    this.state = 'dead';
  }

  async #whyNotReady(): Promise<string> {
    const answer = await this.#get('/readyz?verbose').catch(() => null);
    return `the agent is not ready after ${patience / 1000} s\n${answer?.body ?? ''}${this.#lastWords()}`;
  }

  #lastWords(): string {
    const log = readFileSync(join(this.#demo.folder, 'agent.log'), 'utf8');
    return log.trimEnd().split('\n').slice(-12).join('\n');
  }

  #get(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.#demo.socket, path, agent: false, timeout: 2000 }, (answer) => {
        let body = '';
        answer.on('data', (chunk) => {
          body += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
        answer.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error(`${path}: no answer`)));
      asked.on('error', reject);
      asked.end();
    });
  }
}
