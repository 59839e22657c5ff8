/** ms. */
const first = 800;
const most = 30_000;
const healthy = 60_000;
/** Of what a server, or a proxy before it, asks for: it may be another one's mistake. */
const mostAsked = 120_000;

/** How long to wait after failures: 0.8 s, doubling up to 30 s, of each between half and all at random. */
export class Backoff {
  readonly #random: () => number;
  #next = first;
  /** Monotonic ms; undefined while failing. */
  #wellSince: number | undefined;

  /** `random`: from 0 to 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Something worked at `now`. A minute without a failure from then on makes the next wait short again. */
  worked(now: number): void {
    this.#wellSince ??= now;
  }

  /** What worked lasted: the next wait is short again. */
  begin(): void {
    this.#next = first;
  }

  /** Something failed at `now`: ms to wait, at least `retryAfter` if the server said so, up to two minutes. */
  failed(now: number, retryAfter = 0): number {
    if (this.#wellSince !== undefined && now - this.#wellSince >= healthy) this.#next = first;
    this.#wellSince = undefined;
    const wait = this.#next * (0.5 + 0.5 * this.#random());
    this.#next = Math.min(most, this.#next * 2);
    // Whoever was told the same time must not come back at the same moment.
    return Math.max(wait, Math.min(mostAsked, retryAfter) * (1 + 0.2 * this.#random()));
  }
}
