import type { Clock } from '../../../agent/clock.js';

/** Time that passes when a test says so. Wall time begins at 2026-01-01T00:00:00Z. */
export class TestClock implements Clock {
  #nowMs = 0;
  #tasks: { readonly atMs: number; readonly task: () => void }[] = [];

  now(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(ms: number, task: () => void): () => void {
    const entry = { atMs: this.#nowMs + ms, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((each) => each !== entry);
    };
  }

  every(ms: number, task: () => void): () => void {
    let cancel = this.after(ms, function again() {
      task();
      cancel = clock.after(ms, again);
    });
    const clock = this;
    return () => cancel();
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#tasks.length;
  }

  /** Lets `ms` pass and runs what is due, in its order. */
  pass(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const due = this.#tasks.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#tasks = this.#tasks.filter((each) => each !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.task();
    }
    this.#nowMs = end;
  }
}
