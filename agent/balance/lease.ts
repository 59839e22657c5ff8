import type { Member } from './member.js';
import type { Outcome } from './outcome.js';

/** Who learns from what became of a lease. */
export interface Ledger {
  settled(lease: Lease, outcome: Outcome, latency: number | undefined, now: number): void;
}

/** One picked endpoint, in flight until it is settled. */
export class Lease {
  readonly member: Member;
  /** Of the member, before this one. */
  readonly load: number;
  readonly #ledger: Ledger;
  #open = true;

  constructor(ledger: Ledger, member: Member) {
    this.#ledger = ledger;
    this.member = member;
    this.load = member.inFlight++;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Once; later calls change nothing. `latency`: ms to the head of the response; undefined: not known. */
  settle(outcome: Outcome, latency: number | undefined, now: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ledger.settled(this, outcome, latency, now);
  }
}
