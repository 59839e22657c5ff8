import { Batch } from '../tables/batch.js';
import { sameBytes } from '../tables/bytes.js';
import { SlotRowSize } from '../tables/layout.gen.js';
import type { Regions } from '../tables/regions.js';

/** What a change writes into regions that no row names yet, and what it gives back once rows have switched to them. */
export class Step {
  readonly slots: Batch = new Batch(4, SlotRowSize);
  readonly rings: Batch = new Batch(4, 4);
  readonly freed: (() => void)[] = [];
  /** Ids of backends, one for each reference. */
  readonly released: number[] = [];
}

/** A place for contents. */
export interface Run {
  readonly base: number;
  /** The contents are not there yet. */
  readonly isNew: boolean;
  /** Gives back the run that these contents had before; nothing when it is the same. */
  readonly freeBefore: () => void;
  /** Gives back the run itself; nothing when it is the one from before. */
  readonly cancel: () => void;
}

const nothing = (): void => undefined;

/** The run from before when it holds these bytes already, else a fresh one; undefined when there is no room. */
export function runFor(
  regions: Regions,
  rowSize: number,
  bytes: Uint8Array,
  baseBefore: number | undefined,
  bytesBefore: Uint8Array | undefined,
): Run | undefined {
  const before =
    baseBefore === undefined || !bytesBefore ? undefined : { base: baseBefore, size: bytesBefore.length / rowSize };
  if (before && sameBytes(bytesBefore!, bytes)) {
    return { base: before.base, isNew: false, freeBefore: nothing, cancel: nothing };
  }
  const size = bytes.length / rowSize;
  const base = regions.take(size);
  if (base === undefined) return undefined;
  return {
    base,
    isNew: true,
    freeBefore: before ? () => regions.release(before.base, before.size) : nothing,
    cancel: () => regions.cancel(base, size),
  };
}
