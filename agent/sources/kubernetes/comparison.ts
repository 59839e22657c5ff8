import type { Clock } from '../../clock.js';
import { ApiError } from '../../kubernetes/api.js';
import type { Holdings } from './holdings.js';
import type { Page } from './pages.js';
import { type Identity, identify } from './reading.js';
import { isFromFuture } from './watching.js';

export interface ComparisonOptions {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly holdings: Holdings;
  /** ms between lists while all is calm, more or less a fifth. */
  readonly period: () => number;
  /** A list that is at least as new as what is kept. */
  readonly pages: (signal: AbortSignal) => AsyncIterable<Page>;
  /** Whether there is a watch that should bring everything. */
  readonly isCurrent: () => boolean;
  /** `isSetBack`: the server has no version as new as what is kept. */
  readonly onDrift: (isSetBack: boolean) => void;
}

/** ms that a watch may be behind a list. */
const patience = 10_000;
/** ms. When a list may have been wrong: soon enough that what is held by the mass-delete brake meanwhile is not let go. */
const urgent = { period: 5_000, patience: 3_000 };
/** ms. */
const urgency = 300_000;

/** An object that is in the list as `listed` and is kept as `kept`; undefined where it is not. */
interface Difference {
  readonly key: string;
  readonly listed: Identity | undefined;
  readonly kept: Identity | undefined;
}

/** Compares from time to time what is kept with a list, in case a watch has lost something without a sign of it. */
export class Comparison {
  readonly #options: ComparisonOptions;
  #round = new AbortController();
  #cancel: () => void = () => undefined;
  /** Monotonic ms. */
  #urgentUntil = 0;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, random } = this.#options;
    this.#cancel = clock.after(this.#pace().period * (0.8 + 0.4 * random()), () => void this.#compare());
  }

  /** What is kept comes from a list that may have been wrong: it is compared often for a while. */
  hurry(): void {
    this.#urgentUntil = this.#options.clock.monotonic() + urgency;
    this.stop();
    this.start();
  }

  #pace(): typeof urgent {
    if (this.#options.clock.monotonic() < this.#urgentUntil) return urgent;
    return { period: this.#options.period(), patience };
  }

  stop(): void {
    this.#cancel();
    this.#round.abort();
  }

  async #compare(): Promise<void> {
    const { clock, isCurrent, onDrift } = this.#options;
    this.#round = new AbortController();
    const { signal } = this.#round;
    let found: readonly Difference[] = [];
    try {
      if (isCurrent()) found = await this.#differences(signal);
    } catch (error) {
      if (!signal.aborted && error instanceof ApiError && isFromFuture(error)) onDrift(true);
    }
    if (signal.aborted) return;
    if (found.length === 0) {
      this.start();
      return;
    }
    this.#cancel = clock.after(this.#pace().patience, () => {
      if (isCurrent() && found.some((each) => this.#persists(each))) onDrift(false);
      this.start();
    });
  }

  async #differences(signal: AbortSignal): Promise<readonly Difference[]> {
    const { holdings, pages } = this.#options;
    const found: Difference[] = [];
    const listed = new Set<string>();
    for await (const { items } of pages(signal)) {
      for (const item of items) {
        const identity = identify(item);
        if (identity === undefined) continue;
        listed.add(identity.key);
        const kept = holdings.identity(identity.key);
        if (!isSame(kept, identity)) found.push({ key: identity.key, listed: identity, kept });
      }
    }
    for (const kept of holdings.identities()) {
      if (!listed.has(kept.key)) found.push({ key: kept.key, listed: undefined, kept });
    }
    return found;
  }

  /** Whether the watch has still brought nothing of it. */
  #persists({ key, kept, listed }: Difference): boolean {
    const now = this.#options.holdings.identity(key);
    return isSame(now, kept) && !isSame(now, listed);
  }
}

function isSame(a: Identity | undefined, b: Identity | undefined): boolean {
  return a?.uid === b?.uid && a?.version === b?.version;
}
