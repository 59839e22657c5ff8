import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from './clock.js';
import { native } from './kernel/native.js';

/**
 * Keeps V8's young generation at its first size of 1 MiB a half: it would grow to 16 MiB a half while the mesh is read and
 * never shrink. The price is more, smaller collections.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Collects all garbage, moves what lives together and gives free memory back to the system. Takes two milliseconds a MiB that lives. From then on
 * V8 collects when its heap has grown by half, instead of to a multiple: under steady changes an agent with 100 000 endpoints grew from
 * 180 to 320 MiB, and all of that was garbage. Not before, since a mesh that is read first is no garbage.
 */
export function settleMemory(): void {
  setFlagsFromString('--expose-gc');
  setFlagsFromString('--compact-on-every-full-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  setFlagsFromString('--no-compact-on-every-full-gc');
  setFlagsFromString('--heap-growing-percent=50');
  native().trimMemory();
}

export interface ThriftOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Bytes that the process has in RAM. */
  readonly resident: () => number;
  /** As {@link settleMemory}. */
  readonly settle: () => void;
}

/** How much more memory must be in use than when it was settled, as a factor, to be worth standing still for. */
const growth = 1.1;
/** Without a change for so long, in ms, nobody waits for the agent. */
const quietMs = 10_000;
/** Under steady changes memory is settled no more often than this, in ms. */
const leastMs = 600_000;

/** Gives memory back that changes have taken: when they have ended, or now and then when they do not. */
export class Thrift {
  readonly #options: ThriftOptions;
  /** The fewest bytes in RAM since memory was settled: it takes the system a moment to have them back. Undefined: it never was. */
  #least: number | undefined;
  #settledAt = 0;
  #changedAt = 0;

  constructor(options: ThriftOptions) {
    this.#options = options;
  }

  settle(): void {
    const { clock, resident, settle } = this.#options;
    settle();
    this.#least = resident();
    this.#settledAt = clock.monotonic();
  }

  /** The mesh has changed. */
  touch(): void {
    this.#changedAt = this.#options.clock.monotonic();
  }

  /** To be called every few seconds. Does nothing before the first `settle`. */
  tick(): void {
    const { resident } = this.#options;
    if (this.#least === undefined) return;
    const bytes = resident();
    this.#least = Math.min(this.#least, bytes);
    if (bytes >= this.#least * growth && this.#isTime()) this.settle();
  }

  #isTime(): boolean {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const isQuiet = now - this.#changedAt >= quietMs && this.#changedAt > this.#settledAt;
    return isQuiet || now - this.#settledAt >= leastMs;
  }
}
