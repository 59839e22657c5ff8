import type { Clock } from '../../clock.js';

/** Deadlines of one span share one timer of the system. */
const spanMs = 10;

interface Span {
  readonly entries: Set<Deadline>;
  readonly cancel: () => void;
}

/** Something that is to happen unless it is cancelled first. */
export class Deadline {
  readonly #expire: () => void;
  readonly #cancelled: (deadline: Deadline) => void;
  readonly span: number;

  constructor(span: number, expire: () => void, cancelled: (deadline: Deadline) => void) {
    this.span = span;
    this.#expire = expire;
    this.#cancelled = cancelled;
  }

  cancel(): void {
    this.#cancelled(this);
  }

  expire(): void {
    this.#expire();
  }
}

/**
 * Many deadlines, most of which are cancelled: a request costs no timer of its own. They come up to 10 ms late, never early.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #spans = new Map<number, Span>();
  readonly #cancelled = (deadline: Deadline) => this.#remove(deadline);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `expire` once after `ms`. */
  after(ms: number, expire: () => void): Deadline {
    const now = this.#clock.monotonic();
    const number = Math.ceil((now + ms) / spanMs);
    let span = this.#spans.get(number);
    if (span === undefined) {
      const cancel = this.#clock.after(Math.max(0, number * spanMs - now), () => this.#expire(number));
      span = { entries: new Set(), cancel };
      this.#spans.set(number, span);
    }
    const deadline = new Deadline(number, expire, this.#cancelled);
    span.entries.add(deadline);
    return deadline;
  }

  #expire(number: number): void {
    const span = this.#spans.get(number);
    this.#spans.delete(number);
    for (const deadline of span?.entries ?? []) deadline.expire();
  }

  #remove(deadline: Deadline): void {
    const span = this.#spans.get(deadline.span);
    if (span === undefined || !span.entries.delete(deadline)) return;
    if (span.entries.size > 0) return;
    this.#spans.delete(deadline.span);
    span.cancel();
  }
}
