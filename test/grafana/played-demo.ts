import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, runFolder } from '../../agent/demo/run.js';
import { eventually, type Life } from '../agent/site.js';

const seconds = 24;
/** Between two readings of its agent's metrics, in ms. */
const pace = 250;

/** The demo, and a way to its agent's metrics: the demo's node is a network namespace that nothing leads to. */
export class PlayedDemo {
  readonly #process: ChildProcess;
  /** How it ended: its exit code, or the signal. */
  readonly ended: Promise<number | string>;
  words = '';
  /** The agent's metrics as they last were, and since when; Unix time, s. */
  text = '';
  scraped = 0;
  /** The same, empty while no agent answers. */
  #now = '';

  private constructor() {
    const argv = ['dist/agent/main.js', 'demo', '-o', 'json', '--seconds', String(seconds), '--kubernetes'];
    this.#process = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process.stderr!.on('data', (chunk) => {
      this.words += chunk;
    });
    this.ended = once(this.#process, 'close').then(([code, signal]) => code ?? signal);
  }

  static async start(life: Life): Promise<PlayedDemo> {
    const demo = new PlayedDemo();
    life.teardown(async () => {
      demo.#process.kill('SIGTERM');
      await demo.ended;
    });
    void demo.#follow();
    await eventually(
      () => demo.text,
      (text) => text !== '',
      30_000,
    );
    return demo;
  }

  /** HOST:PORT of this process that has the metrics of whichever agent of the demo runs, at once. */
  async relay(life: Life): Promise<string> {
    const server = createServer((_request, response) => {
      response.writeHead(this.#now === '' ? 502 : 200, { 'content-type': 'text/plain; version=0.0.4' }).end(this.#now);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    life.teardown(async () => {
      server.closeAllConnections();
      server.close();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Reads the agent's metrics again and again while the demo runs. */
  async #follow(): Promise<void> {
    while (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#now = await this.#scrape();
      if (this.#now !== '') {
        this.text = this.#now;
        this.scraped = Date.now() / 1000;
      }
      await pause(pace);
    }
    this.#now = '';
  }

  /** The agent's metrics; empty while none answers. */
  async #scrape(): Promise<string> {
    const name = readdirSync(runFolder).find((entry) => entry.startsWith(`weft-demo-${this.#process.pid}-`));
    const address = name === undefined ? undefined : metricsAddress(name);
    if (address === undefined) return '';
    const words = [`--net=/run/netns/${name}-node`, 'curl', '-sf', '--max-time', '2', `http://${address}/metrics`];
    return new Promise((resolve) => {
      execFile('nsenter', words, { maxBuffer: 1 << 26 }, (error, stdout) => resolve(error === null ? stdout : ''));
    });
  }
}

/** Where the agent that was started last says that its metrics are. */
function metricsAddress(name: string): string | undefined {
  try {
    const log = readFileSync(join(runFolder, name, 'agent.log'), 'utf8');
    return isAlive(name) ? [...log.matchAll(/"metrics":"([^"]+)"/g)].at(-1)?.[1] : undefined;
  } catch {
    return undefined;
  }
}
