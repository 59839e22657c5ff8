import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupRoot } from '../cgroup-root.js';

export { cgroupRoot };

const family = 'weftbench';

/**
 * What one run owns: a name for its kernel objects, a temporary directory, and how to undo everything.
 * Undoing is synchronous, so that it also works while the process exits.
 */
export class Scope {
  /** `weftbench-PID`: every namespace, cgroup and pin directory of the run starts with it. */
  readonly prefix: string = `${family}-${process.pid}`;
  readonly directory: string = mkdtempSync(join(tmpdir(), `${family}-${process.pid}-`));
  readonly #undo: (() => void)[] = [() => rmSync(this.directory, { recursive: true, force: true })];

  /** Runs `undo` when the scope closes, the last first. Returns a function that runs it now instead. */
  defer(undo: () => void): () => void {
    this.#undo.push(undo);
    return () => {
      const at = this.#undo.indexOf(undo);
      if (at >= 0) {
        this.#undo.splice(at, 1);
        undo();
      }
    };
  }

  /** Undoes everything. One that fails is reported on stderr and the others go on. */
  close(): void {
    for (let undo = this.#undo.pop(); undo; undo = this.#undo.pop()) {
      try {
        undo();
      } catch (error) {
        process.stderr.write(`clean-up: ${error instanceof Error ? error.message : error}\n`);
      }
    }
  }
}

/** Removes an empty cgroup that may still hold processes of which the kernel is not rid yet. */
export function removeCgroup(directory: string): void {
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; existsSync(directory); attempt++) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (attempt === 50) throw error;
      Atomics.wait(sleep, 0, 0, 20);
    }
  }
}

function names(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Removes what runs left behind that died without cleaning up. */
export function sweep(): void {
  const abandoned = (name: string): boolean => {
    const pid = new RegExp(`^${family}-(\\d+)`).exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  for (const name of names('/run/netns').filter(abandoned)) execFileSync('ip', ['netns', 'delete', name]);
  for (const parent of ['/sys/fs/bpf', tmpdir()]) {
    for (const name of names(parent).filter(abandoned)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  for (const name of names(cgroupRoot()).filter(abandoned)) removeCgroup(join(cgroupRoot(), name));
}
