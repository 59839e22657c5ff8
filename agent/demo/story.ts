import { until } from './abortable.js';
import { Acts } from './acts.js';
import type { StoryFacts } from './facts.js';
import { deadlines, type Lap, phases } from './phases.js';
import type { Stage } from './stage.js';

/** For how long a phase's requests count at least when the way into it took long, in ms: enough to judge shares by. */
const leastHold = 600;

/** Plays the phases on a stage where the agent is ready. */
export class Story {
  readonly #stage: Stage;
  readonly #acts: Acts;
  #current: Lap | null = null;
  /** When the lap began. */
  #since = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#acts = new Acts(stage, (lap) => this.#lap(lap));
  }

  get facts(): StoryFacts {
    return this.#acts.facts;
  }

  /** A backend of catalog has its part of the requests again, so many ms after it was well. */
  back(pod: string, after: number): void {
    this.#acts.back(pod, after);
  }

  /** Resolves after the last phase, `seconds` after the first request unless changes take longer. Throws when `signal` is aborted. */
  async play(seconds: number): Promise<void> {
    const { clock, signal } = this.#stage;
    const ends = deadlines(seconds);
    const start = clock.monotonic();
    for (const [index, phase] of phases.entries()) {
      this.#stage.onPhase(phase, index, phases.length);
      await this.#acts.enter(phase.name);
      await this.#lap(phase.name);
      await until(Math.max(start + ends[index]!, this.#since + leastHold), clock, signal);
    }
    await this.#lap('open');
    this.facts.seconds = (clock.monotonic() - start) / 1000;
  }

  async #lap(lap: Lap): Promise<void> {
    this.#stage.signal.throwIfAborted();
    if (lap === this.#current) return;
    await this.#stage.traffic.enter(lap);
    this.#stage.onLap(lap);
    this.#current = lap;
    this.#since = this.#stage.clock.monotonic();
  }
}
