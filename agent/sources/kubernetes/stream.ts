import type { Clock } from '../../clock.js';
import { idle } from './collection.js';

/** ms. A watch that ends sooner with nothing to tell is no success; client-go's reflector takes it for a failure, too. */
const short = 1_000;

/** What became of one watch since it was accepted, or since the list that it began with was complete. */
export class Stream {
  readonly #clock: Clock;
  readonly #opened: number;
  readonly #from: string | undefined;
  #reached: string | undefined;
  #heard: number;
  #lines = 0;
  #events = 0;

  /** `version`: that it goes on from; undefined while it is a list. */
  constructor(clock: Clock, version: string | undefined) {
    this.#clock = clock;
    this.#opened = clock.monotonic();
    this.#heard = this.#opened;
    this.#from = version;
    this.#reached = version;
  }

  /** A line came, whatever it says. */
  hear(): void {
    this.#heard = this.#clock.monotonic();
    this.#lines++;
  }

  /** It was an event, no bookmark. */
  tell(): void {
    this.#events++;
  }

  /** The next watch may go on from `version`. */
  reach(version: string | undefined): void {
    this.#reached = version;
  }

  get isList(): boolean {
    return this.#from === undefined;
  }

  get hasBrought(): boolean {
    return this.#lines > 0;
  }

  /** Whether it told nothing but bookmarks. */
  get isQuiet(): boolean {
    return this.#events === 0;
  }

  /** Whether it told news. Events that lead nowhere are none: somebody repeats an answer. */
  get isBusy(): boolean {
    return this.#events > 0 && this.#hasMoved;
  }

  /** Whether nothing comes any more. */
  get isSilent(): boolean {
    return this.#clock.monotonic() - this.#heard >= idle - 100;
  }

  /** ms since it was opened. */
  get lived(): number {
    return this.#clock.monotonic() - this.#opened;
  }

  get isShort(): boolean {
    return this.lived < short;
  }

  /** Whether the server has shown that it serves watches: this one was open for a second, or moved on. Lists never have. */
  get hasLasted(): boolean {
    return !this.isList && (this.#hasMoved || !this.isShort);
  }

  get #hasMoved(): boolean {
    return this.#reached !== this.#from;
  }
}
