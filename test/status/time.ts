import type { Clock } from '../../agent/clock.js';

interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** Time that passes only when told to, for several machines whose clocks may run at rates of their own. */
export class Time {
  /** Since the beginning, in ms. */
  elapsed = 0;
  readonly #tasks = new Set<Task>();

  /** Of one machine: `rate` times as fast as time, and `ahead` ms ahead on the wall. */
  clock(rate = 1, ahead = 0): Clock {
    const monotonic = () => this.elapsed * rate;
    return {
      now: () => Date.UTC(2026, 0, 2, 3, 4, 5) + ahead + monotonic(),
      monotonic,
      after: (ms, run) => this.#at(this.elapsed + Math.max(0, ms) / rate, run),
      every: () => {
        throw new Error('nobody asks for it');
      },
    };
  }

  #at(at: number, run: () => void): () => void {
    const task = { at, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  /** Runs what is due within `ms`, in order, each until nothing more follows from it; `look` is called after each step. */
  async pass(ms: number, look: () => void = () => {}): Promise<void> {
    const end = this.elapsed + ms;
    await quiet();
    for (;;) {
      const [next] = [...this.#tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#tasks.delete(next);
      this.elapsed = Math.max(this.elapsed, next.at);
      next.run();
      await quiet();
      look();
    }
    this.elapsed = end;
    look();
  }
}

/** Until every promise that can be resolved now has been. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
