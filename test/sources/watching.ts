import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { systemClock } from '../../agent/clock.js';
import { keyOf, type MeshObject } from '../../agent/model/mesh.js';
import type { Problem } from '../../agent/model/problem.js';
import { type Files, watchFiles } from '../../agent/sources/files.js';

/** A directory of its own for one test, removed afterwards. */
export function scratch(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weft-files-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function service(name: string, address = '10.96.0.1'): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {clusterIP: ${address}, ports: [{port: 80}]}\n`;
}

/** What a watcher has told so far, and a way to wait for it to tell something. */
export class Watching {
  readonly files: Files;
  readonly objects: Map<string, MeshObject> = new Map();
  problems: readonly Problem[] = [];
  /** How many changes came in all. */
  changes = 0;
  #waiting: { readonly met: () => boolean; readonly resolve: () => void }[] = [];

  constructor(t: ExecutionContext, ...roots: string[]) {
    this.files = watchFiles(roots, {
      clock: systemClock,
      onChanges: (changes) => {
        this.changes += changes.length;
        for (const change of changes) {
          if (change.type === 'put') this.objects.set(`${change.object.kind} ${keyOf(change.object)}`, change.object);
          else this.objects.delete(`${change.kind} ${change.key}`);
        }
        this.#check();
      },
      onProblems: (problems) => {
        this.problems = problems;
        this.#check();
      },
    });
    t.teardown(() => this.files.stop());
  }

  /** Names of the Services there are now. */
  get names(): string[] {
    return [...this.objects.values()].map(({ meta }) => meta.name).sort();
  }

  /** `CODE line:column` of the problems there are now. */
  get codes(): string[] {
    return this.problems.map(({ code, line, column }) => `${code} ${line}:${column}`);
  }

  /** Resolves when the condition holds. */
  until(met: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ met, resolve });
      this.#check();
    });
  }

  untilNames(...names: string[]): Promise<void> {
    return this.until(() => this.names.join() === names.join());
  }

  untilCodes(...codes: string[]): Promise<void> {
    return this.until(() => this.codes.join() === codes.join());
  }

  #check(): void {
    const ready = this.#waiting.filter(({ met }) => met());
    this.#waiting = this.#waiting.filter((each) => !ready.includes(each));
    for (const { resolve } of ready) resolve();
  }
}
