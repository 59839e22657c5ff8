import type { Run } from '../tables/mirror.js';

/** What a change writes into runs that no row names yet, and what it gives back once rows have switched to them. */
export class Step {
  /** To be written. */
  readonly slots: Run[] = [];
  readonly rings: Run[] = [];
  /** To be given back. */
  readonly freedSlots: Run[] = [];
  readonly freedRings: Run[] = [];
  readonly freedServices: number[] = [];
  /** Ids of backends that plans had, one for each reference. */
  readonly released: (readonly number[])[] = [];
}
