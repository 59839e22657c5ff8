import type { Member } from './member.js';

/**
 * Turns that a member may be behind by, which it gets back when it is as good as others again. With 4 of them chance (bursts of responses from one endpoint) left
 * shares of equals up to 20 % apart, with 64 they are equal.
 */
const credit = 64;

/**
 * Who of several equally good members comes next: start-time fair queueing (P. Goyal et al., Start-Time Fair Queueing, SIGCOMM 1996), each pick costing
 * 1/weight. Where all members are equally good all the time, it is an exact weighted interleave; a member that was passed over catches up, within bounds.
 */
export class Turns {
  #virtual = 0;

  /** Lower comes first. */
  start(member: Member): number {
    const turn = 1 / member.weight;
    const earliest = this.#virtual - credit * turn;
    const latest = this.#virtual + turn;
    return member.tag < earliest ? earliest : member.tag > latest ? latest : member.tag;
  }

  take(member: Member): void {
    const start = this.start(member);
    if (start > this.#virtual) this.#virtual = start;
    member.tag = start + 1 / member.weight;
  }

  /** What it was behind by is forgotten: it failed. */
  static forfeit(member: Member): void {
    member.tag = Number.POSITIVE_INFINITY;
  }

  /** A new member begins within its first turn, in an order that differs between processes. `random`: in [0, 1). */
  enter(member: Member, random: number): void {
    member.tag = this.#virtual + random / Math.max(member.weight, 1);
  }
}
