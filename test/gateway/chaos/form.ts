/** Whether the long forms of these tests run: `WEFT_CHAOS=full npm test -- 'dist/test/gateway/chaos/*.test.js'`. */
export const isFull: boolean = process.env.WEFT_CHAOS === 'full';

/** Its own test's time, in ms, in either form. */
export const patienceMs = 900_000;

/** The one for the form that runs. */
export function either<Value>(full: Value, short: Value): Value {
  return isFull ? full : short;
}

/** Of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
