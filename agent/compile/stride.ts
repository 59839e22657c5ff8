export { strideOf } from '../balance/stride.js';

/** The point of pick `cursor`, as the kernel computes it in 64 bits: `(cursor mod total) · stride mod total`. */
export function pointOf(cursor: bigint, stride: number, total: number): number {
  return Number(((cursor % BigInt(total)) * BigInt(stride)) % BigInt(total));
}
