import type { Duplex } from 'node:stream';
import type { Deadlines } from './deadlines.js';

/** Notices a peer that has stopped reading: something is queued, and for a while none of it leaves. */
export class WriteStall {
  readonly #stream: Duplex;
  readonly #deadlines: Deadlines;
  readonly #allowedMs: number;
  #queued = 0;
  #deadline: number = Number.POSITIVE_INFINITY;

  constructor(stream: Duplex, deadlines: Deadlines, allowedMs: number) {
    this.#stream = stream;
    this.#deadlines = deadlines;
    this.#allowedMs = allowedMs;
  }

  /** Called at every tick. */
  isOver(now: number): boolean {
    const queued = this.#stream.writableLength;
    if (queued === 0) this.#deadline = Number.POSITIVE_INFINITY;
    else if (queued !== this.#queued) this.#deadline = this.#deadlines.in(this.#allowedMs);
    this.#queued = queued;
    return now >= this.#deadline;
  }
}
