import type { Member } from './member.js';

/** Draws from [0, 1). */
export type Random = () => number;

/** What a pick may depend on. */
export interface PickQuery {
  /** Of the request, for consistent hashing; undefined: any. */
  readonly hash: number | undefined;
  /** Addresses (`Member.address`) that are not to be picked. */
  readonly tried: readonly string[];
  /** Monotonic, ms. */
  readonly now: number;
}

/** Picks among members that were chosen for it: all can be used, and weigh more than 0. */
export interface Picker {
  /** Undefined when all were tried. */
  pick(query: PickQuery): Member | undefined;
  /** What share of the picks each member can expect now, in the members' order; sums to 1. */
  shares(now: number): readonly number[];
}

/** What a picker needs besides its members, and keeps while these change. */
export interface PickerState {
  readonly random: Random;
  /** What a response of this cluster takes, ms, and how many others its endpoint had in flight for its weight. */
  readonly typical: { readonly value: number; readonly load: number };
}

/** Policies that compare members look at all of up to so many … */
export const scanned = 64;
/** … and at this many drawn ones of more. As the kernel's LEAST_REQUEST (bpf/pick.h). */
export const drawn = 8;

export function isTried(member: Member, query: PickQuery): boolean {
  return query.tried.length > 0 && query.tried.includes(member.address);
}

/** By weight. */
export function weightShares(members: readonly Member[]): readonly number[] {
  const total = members.reduce((sum, member) => sum + member.weight, 0);
  return members.map((member) => member.weight / total);
}
