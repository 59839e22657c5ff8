import type { Clock } from '../../clock.js';

/** Something that gives up by itself when its time has passed. */
export interface Timed {
  /** Called at every tick with the time of `Deadlines.now`. */
  tick(now: number): void;
}

const tickMs = 500;
/** So many connections are looked at in one turn of the event loop: thousands that give up at the same tick must not keep all others waiting. */
const perTurn = 256;

/**
 * One timer for all connections of a process: at each tick every connection compares its deadlines. A deadline is a plain number that costs nothing to
 * move; it is met up to two ticks late, never early.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #timed = new Set<Timed>();
  #stop: (() => void) | undefined;
  #isPassing = false;
  #now: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#now = clock.monotonic();
  }

  /** The moment, ms of the monotonic clock, that lies `ms` in the future. */
  in(ms: number): number {
    return this.#now + ms + tickMs;
  }

  add(timed: Timed): void {
    if (this.#timed.size === 0) this.#start();
    this.#timed.add(timed);
  }

  delete(timed: Timed): void {
    this.#timed.delete(timed);
    if (this.#timed.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #start(): void {
    this.#now = this.#clock.monotonic();
    this.#stop ??= this.#clock.every(tickMs, () => {
      this.#now = this.#clock.monotonic();
      if (!this.#isPassing) this.#pass(this.#timed.values());
    });
  }

  #pass(timed: Iterator<Timed>): void {
    for (let i = 0; i < perTurn; i++) {
      const next = timed.next();
      this.#isPassing = next.done !== true;
      if (next.done === true) return;
      next.value.tick(this.#now);
    }
    setImmediate(() => this.#pass(timed));
  }
}

const byClock = new WeakMap<Clock, Deadlines>();

/** The one `Deadlines` of a clock. */
export function deadlinesOf(clock: Clock): Deadlines {
  let deadlines = byClock.get(clock);
  if (deadlines === undefined) {
    deadlines = new Deadlines(clock);
    byClock.set(clock, deadlines);
  }
  return deadlines;
}
