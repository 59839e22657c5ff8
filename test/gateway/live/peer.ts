import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Place, spawnIn } from '../../kernel/program.js';

/** A Node program of this directory in a namespace and a cgroup. It takes orders and gives answers as lines of JSON, with a number each. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #errors = '';
  #last = 0;

  constructor(place: Place, program: string) {
    const script = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
    this.#child = spawnIn(place, [process.execPath, script], 'pipe');
    this.#child.stderr!.on('data', (data: Buffer) => {
      this.#errors = `${this.#errors}${data}`.slice(-4000);
    });
    this.#child.stdin!.on('error', () => undefined);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const { id, value, error } = JSON.parse(line) as { id: number; value?: unknown; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${program} ended: ${this.#errors}`));
      this.#waiting.clear();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  order<Answer>(what: string, detail: object = {}): Promise<Answer> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.stdin!.write(`${JSON.stringify({ id, what, detail })}\n`);
    });
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
