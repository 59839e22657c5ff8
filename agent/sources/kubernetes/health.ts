import type { Clock } from '../../clock.js';
import type { ApiError } from '../../kubernetes/api.js';
import { Backoff } from './backoff.js';
import type { Resource } from './resource.js';
import type { Stream } from './stream.js';
import { type Trouble, troubleOf } from './trouble.js';

export interface HealthOptions {
  readonly resource: Resource;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Told when `trouble` may be another. */
  readonly onTrouble: () => void;
  /** Told when the server answers again that could not be reached. */
  readonly onReached: () => void;
}

/** So many watches in a row that brought nothing are told of: one alone is nothing, for the next goes on where it was. */
const mostBroken = 3;
/** ms. A version that is too old so soon after the last one that was leads to a wait. */
const recently = 30_000;

/** How the lists and watches of one resource fare: what is wrong, and how long to wait before the next. */
export class Health {
  readonly #options: HealthOptions;
  readonly #backoff: Backoff;
  #trouble: Trouble | undefined;
  #revision = 0;
  #failures = 0;
  #isCutOff = false;
  /** Watches in a row that broke, or were ended at once, before anything came. */
  #broken = 0;
  #expiredAt = Number.NEGATIVE_INFINITY;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Grows whenever `trouble` may be another. */
  get revision(): number {
    return this.#revision;
  }

  /** In a row, without cuts. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether the server could not be reached when it was last asked. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** The server answered as it should. */
  works(): void {
    this.#backoff.worked(this.#options.clock.monotonic());
    this.#failures = 0;
    if (this.#isCutOff) {
      this.#isCutOff = false;
      this.#options.onReached();
    }
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#tell();
  }

  /** A list is complete, or a watch brought something. */
  brings(): void {
    this.#broken = 0;
    this.works();
  }

  /** A watch was accepted. After some that brought nothing that alone is no success. */
  accepts(): void {
    if (this.#broken < mostBroken) this.works();
  }

  /** A watch brought something. */
  hears(): void {
    if (this.#broken > 0) this.brings();
  }

  /** The server ended a watch after it had worked. */
  lasts(): void {
    this.brings();
    this.#backoff.begin();
  }

  /** The server ended a watch at once. Returns ms to wait. */
  endsAtOnce(stream: Stream): number {
    if (++this.#broken >= mostBroken) this.worries('the API server ends every watch at once');
    return this.#resumes(stream);
  }

  /** A stream broke, not for its silence. Returns ms to wait. */
  breaks(stream: Stream, failure: ApiError, verb: 'list' | 'watch'): number {
    this.#broken = stream.hasBrought ? 0 : this.#broken + 1;
    if (stream.isList || this.#broken >= mostBroken) this.#worries(troubleOf(failure, this.#options.resource, verb));
    return this.#resumes(stream);
  }

  /** After a watch that worked as short as after a first failure: a proxy that cuts them every so often makes nothing stale. */
  #resumes(stream: Stream): number {
    if (stream.hasLasted) this.#backoff.begin();
    return this.waits();
  }

  /** The version to go on from is of no use any more. Returns ms to wait: none, unless that was so a moment ago. */
  expires(): number {
    const now = this.#options.clock.monotonic();
    const isFirst = now - this.#expiredAt > recently;
    this.#expiredAt = now;
    return isFirst ? 0 : this.waits();
  }

  /** A list or watch was refused, failed, or cannot be understood. */
  fails(failure: ApiError, verb: 'list' | 'watch'): void {
    this.#failures++;
    this.#isCutOff = failure.status === 0;
    this.#worries(troubleOf(failure, this.#options.resource, verb));
  }

  /** ms to wait after a failure, at least what the server asked for. */
  waits(retryAfterMs?: number): number {
    return this.#backoff.failed(this.#options.clock.monotonic(), retryAfterMs);
  }

  /** The server answers, but not as it should. */
  worries(text: string): void {
    this.#worries({ code: 'WEFT0606', isGeneral: false, text });
  }

  #worries(trouble: Trouble): void {
    this.#trouble = trouble;
    this.#tell();
  }

  #tell(): void {
    this.#revision++;
    this.#options.onTrouble();
  }
}
