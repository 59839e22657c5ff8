import type { Clock } from '../../clock.js';

/** Deadlines of one span expire together. */
const spanMs = 10;

/** Something that is to happen unless it is cancelled first; a link of its span's ring. */
export class Deadline {
  /** Undefined once it has expired or was cancelled, and in the head of a ring. */
  expire: (() => void) | undefined;
  previous: Deadline = this;
  next: Deadline = this;

  constructor(expire: (() => void) | undefined) {
    this.expire = expire;
  }

  cancel(): void {
    if (this.expire === undefined) return;
    this.expire = undefined;
    this.previous.next = this.next;
    this.next.previous = this.previous;
  }
}

/**
 * Many deadlines, nearly all of which are cancelled: they share one timer of the system, which is set anew only when it has gone off or an
 * earlier deadline comes. They come up to 10 ms late, never early.
 */
export class Deadlines {
  readonly #clock: Clock;
  /** Heads of rings by the number of the span at whose end they expire. */
  readonly #spans = new Map<number, Deadline>();
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `expire` once after `ms`. */
  after(ms: number, expire: () => void): Deadline {
    const now = this.#clock.monotonic();
    const number = Math.ceil((now + ms) / spanMs);
    let head = this.#spans.get(number);
    if (head === undefined) {
      head = new Deadline(undefined);
      this.#spans.set(number, head);
      if (number < this.#wakeAt) this.#wake(number, now);
    }
    const deadline = new Deadline(expire);
    deadline.next = head;
    deadline.previous = head.previous;
    head.previous.next = deadline;
    head.previous = deadline;
    return deadline;
  }

  #wake(number: number, now: number): void {
    this.#cancelTimer?.();
    this.#wakeAt = number;
    this.#cancelTimer = this.#clock.after(Math.max(0, number * spanMs - now), () => this.#expireDue());
  }

  #expireDue(): void {
    const now = this.#clock.monotonic();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer = undefined;
    const due: number[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [number, head] of this.#spans) {
      if (number * spanMs <= now || head.next === head) due.push(number);
      else if (number < next) next = number;
    }
    if (next !== Number.POSITIVE_INFINITY) this.#wake(next, now);
    for (const number of due.sort((a, b) => a - b)) this.#expireSpan(number);
  }

  #expireSpan(number: number): void {
    const head = this.#spans.get(number)!;
    this.#spans.delete(number);
    while (head.next !== head) {
      const deadline = head.next;
      const { expire } = deadline;
      deadline.cancel();
      expire?.();
    }
  }
}
