import type { Check } from './api/items.js';

/** Tasks that must be done before the node is ready. */
export type Task = 'sources' | 'tables' | 'gateway' | 'canary';

const tasks: readonly Task[] = ['sources', 'tables', 'gateway', 'canary'];

/**
 * Being ready is a set of named tasks. Once all are done the node stays ready: later trouble is told by checks that
 * are `degraded`, because the tables still work.
 */
export class Readiness {
  readonly #open = new Map<Task, string>([
    ['sources', 'they have not been read yet'],
    ['tables', 'tables have not been programmed yet'],
    ['gateway', 'nothing was compiled for it yet'],
    ['canary', 'no connection was redirected yet'],
  ]);
  readonly #trouble = new Map<string, string>();
  readonly done: Promise<void>;
  #resolve: () => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isReady(): boolean {
    return this.#open.size === 0;
  }

  finish(task: Task): void {
    this.#open.delete(task);
    if (this.isReady) this.#resolve();
  }

  /** Why a task is not done yet. Nothing when it is done. */
  wait(task: Task, why: string): void {
    if (this.#open.has(task)) this.#open.set(task, why);
  }

  /** Something is wrong while the tables work; the empty text: not any more. */
  degrade(name: string, why: string): void {
    if (why === '') this.#trouble.delete(name);
    else this.#trouble.set(name, why);
  }

  checks(): readonly Check[] {
    const required = tasks.map((name): Check => {
      const why = this.#open.get(name);
      return why === undefined ? { name, state: 'ok', why: '' } : { name, state: 'failed', why };
    });
    const troubles = [...this.#trouble].sort(([a], [b]) => (a < b ? -1 : 1));
    return [...required, ...troubles.map(([name, why]): Check => ({ name, state: 'degraded', why }))];
  }
}
