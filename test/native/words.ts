import type { NativeError } from '../../agent/kernel/native.js';

/** Integers as the machine's 4-byte words (little-endian on every platform that BPF objects are built for here). */
export function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** Runs what must fail and returns its error. */
export function failure(run: () => unknown): NativeError & { readonly done?: number } {
  try {
    run();
  } catch (error) {
    return error as NativeError & { readonly done?: number };
  }
  throw new Error('it did not fail');
}
