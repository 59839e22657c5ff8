import type { Clock } from '../clock.js';
import type { RequestRecord } from './record.js';

/** Records kept a second, for the last flows; and while somebody follows them. */
const idleRate = 100;
const followedRate = 2_000;
/** Records that wait for the agent at most. */
const waiting = 2_000;
/** Characters of what a client says at length; more is cut, so that what waits is bounded in bytes too. */
const longestText = 2_048;
const longestName = 512;

/** Single requests for the agent, at a bounded rate, with an exact count of those left out. */
export class RecordSample {
  readonly #clock: Clock;
  #records: RequestRecord[] = [];
  #lost = 0;
  #rate = idleRate;
  #second = 0;
  #taken = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  follow(on: boolean): void {
    this.#rate = on ? followedRate : idleRate;
  }

  get isFollowed(): boolean {
    return this.#rate === followedRate;
  }

  add(record: RequestRecord): void {
    const second = Math.floor(this.#clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    if (this.#taken >= this.#rate || this.#records.length >= waiting) {
      this.#lost++;
      return;
    }
    this.#taken++;
    this.#records.push(shortened(record));
  }

  /** What came since the last call. */
  drain(): { readonly records: readonly RequestRecord[]; readonly lost: number } {
    const drained = { records: this.#records, lost: this.#lost };
    this.#records = [];
    this.#lost = 0;
    return drained;
  }
}

function shortened(record: RequestRecord): RequestRecord {
  const { path, userAgent, requestId, method } = record;
  const isShort = path.length + userAgent.length <= longestText && requestId.length + method.length <= longestName;
  if (isShort) return record;
  return {
    ...record,
    path: path.slice(0, longestText),
    userAgent: userAgent.slice(0, longestText),
    requestId: requestId.slice(0, longestName),
    method: method.slice(0, longestName),
  };
}
