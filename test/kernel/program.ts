import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const podScript = fileURLToPath(new URL('../../../test/kernel/pod.py', import.meta.url));

/** Where a program runs. */
export interface Place {
  /** Path of a network namespace; the test's own when absent. */
  readonly netns?: string;
  /** Path of the cgroup it is put into, or paths of several hierarchies; the test's own when absent. */
  readonly cgroup?: string | readonly string[];
}

/** Starts a command in a namespace and a cgroup. It is the direct child: its pid is the command's. */
export function spawnIn(place: Place, command: readonly string[], stdin: 'pipe' | 'ignore' = 'ignore'): ChildProcess {
  const enter = place.netns ? ['nsenter', `--net=${place.netns}`] : [];
  const join = [place.cgroup ?? []].flat().map((cgroup) => `echo $$ > ${cgroup}/cgroup.procs && `);
  return spawn('bash', ['-c', `${join.join('')}exec "$@"`, 'bash', ...enter, ...command], {
    stdio: [stdin, 'pipe', 'pipe'],
  });
}

/** Runs a command to its end. Returns what it printed; throws when it fails. */
export async function runIn(place: Place, command: readonly string[]): Promise<string> {
  const child = spawnIn(place, command);
  let output = '';
  let errors = '';
  child.stdout!.on('data', (data: Buffer) => (output += data));
  child.stderr!.on('data', (data: Buffer) => (errors += data));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${errors}${output}`);
  return output;
}

/** A Python process in a pod, told line by line what to do; what it defines stays. See pod.py for what it knows. */
export class Program {
  readonly #child: ChildProcess;
  readonly #replies: AsyncIterator<string>;
  #errors = '';
  #turn: Promise<unknown> = Promise.resolve();

  constructor(place: Place) {
    this.#child = spawnIn(place, ['/usr/bin/python3', podScript], 'pipe');
    this.#replies = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    this.#child.stderr!.on('data', (data: Buffer) => (this.#errors += data));
    this.#child.stdin!.on('error', () => undefined);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Runs Python and returns the value of its last expression. Throws with the traceback when it raises. Calls take turns. */
  run<T = unknown>(code: string): Promise<T> {
    const reply = this.#turn.then(() => this.#exchange<T>(code));
    this.#turn = reply.catch(() => undefined);
    return reply;
  }

  /** SIGKILL; resolves when the process is gone and its descriptors with it. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #exchange<T>(code: string): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(dedent(code))}\n`);
    const line = await this.#replies.next();
    if (line.done) throw new Error(`the program ended: ${this.#errors}`);
    const reply = JSON.parse(line.value) as { value: T } | { error: string };
    if ('error' in reply) throw new Error(reply.error);
    return reply.value;
  }
}

/** Takes away the indentation that all lines share. */
function dedent(code: string): string {
  const lines = code.split('\n');
  const depths = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const depth = Math.min(...depths);
  return lines.map((line) => line.slice(depth)).join('\n');
}
