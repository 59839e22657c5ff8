import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import type { Life } from '../agent/site.js';

/** One series of an answer: labels and its values. */
export interface Answer {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

export interface Span {
  /** Unix time, s. */
  readonly from: number;
  readonly to: number;
}

const interval = '500ms';

/** A real Prometheus with a store of its own, which scrapes one target and evaluates the alert rules. It ends with the test. */
export class Prometheus {
  readonly #directory = mkdtempSync(join(tmpdir(), 'weft-prometheus-'));
  readonly #process: ChildProcess;
  #address = '';

  private constructor(target: string, rules: string) {
    const config = {
      global: { scrape_interval: interval, evaluation_interval: interval },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'weft', static_configs: [{ targets: [target], labels: { instance: 'demo' } }] }],
    };
    const file = join(this.#directory, 'prometheus.yaml');
    writeFileSync(file, stringify(config));
    const places = [`--config.file=${file}`, `--storage.tsdb.path=${join(this.#directory, 'data')}`];
    const words = ['--pdeathsig', 'KILL', 'prometheus', ...places, '--web.listen-address=127.0.0.1:0'];
    this.#process = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Resolves when it listens. `target`: HOST:PORT that has /metrics. */
  static async start(life: Life, target: string, rules: string): Promise<Prometheus> {
    const prometheus = new Prometheus(target, rules);
    life.teardown(() => prometheus.#end());
    await prometheus.#listens();
    return prometheus;
  }

  /** Reads what it says until that has its address, and on, so that it can say more. */
  async #listens(): Promise<void> {
    const said: string[] = [];
    const lines = createInterface({ input: this.#process.stderr! });
    for await (const line of lines) {
      said.push(line);
      const address = /Listening on" address=(\S+)/.exec(line)?.[1];
      if (address === undefined) continue;
      this.#address = address;
      this.#process.stderr!.resume();
      return;
    }
    throw new Error(`Prometheus ended: ${said.join('\n')}`);
  }

  async #end(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    rmSync(this.#directory, { recursive: true });
  }

  async #ask<Data>(path: string, parameters: Readonly<Record<string, string>>): Promise<Data> {
    const answer = await fetch(`http://${this.#address}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const body = (await answer.json()) as { status: string; error?: string; data: Data };
    if (body.status !== 'success') throw new Error(`${body.error} in ${JSON.stringify(parameters)}`);
    return body.data;
  }

  /** Values twice a second of a span. Throws when the query is none. */
  async range(query: string, { from, to }: Span): Promise<readonly Answer[]> {
    const parameters = { query, start: String(from), end: String(to), step: '0.5' };
    const { result } = await this.#ask<{ result: readonly Result[] }>('query_range', parameters);
    return result.map(({ metric, values = [] }) => ({ metric, values: values.map(([, value]) => Number(value)) }));
  }

  /** Values at one time. */
  async at(query: string, time: number): Promise<readonly Answer[]> {
    const { result } = await this.#ask<{ result: readonly Result[] }>('query', { query, time: String(time) });
    return result.map(({ metric, value }) => ({ metric, values: value === undefined ? [] : [Number(value[1])] }));
  }

  /** What a label's values were. */
  labelValues(label: string, selector: string, { from, to }: Span): Promise<readonly string[]> {
    return this.#ask(`label/${label}/values`, { 'match[]': selector, start: String(from), end: String(to) });
  }

  /** Labels of every series of a metric. */
  series(metric: string, { from, to }: Span): Promise<readonly Readonly<Record<string, string>>[]> {
    return this.#ask('series', { 'match[]': metric, start: String(from), end: String(to) });
  }

  /** Of all rules: their health, and the error when that is not `ok`. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]> {
    const { groups } = await this.#ask<{
      groups: readonly { rules: readonly { name: string; health: string; lastError?: string }[] }[];
    }>('rules', {});
    return groups.flatMap((group) => group.rules);
  }
}
