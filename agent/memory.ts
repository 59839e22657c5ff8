import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { native } from './kernel/native.js';

/**
 * Keeps V8's young generation at its first size of 1 MiB a half: it would grow to 16 MiB a half while the mesh is read and
 * never shrink. The price is more, smaller collections.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Collects all garbage and gives free memory back to the system. Takes about a millisecond a MiB that lives: for after a mesh was read, not for every change. */
export function settleMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  native().trimMemory();
}
