/** A worker thread that writes the same rows to a map again and again until told to stop. */
import { workerData } from 'node:worker_threads';
import { native } from '../../agent/kernel/native.js';

interface Work {
  /** The map's id. */
  readonly map: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
  /** [0]: 1 to stop; [1]: rounds so far. */
  readonly stop: Int32Array;
}

const { map, keys, values, count, stop } = workerData as Work;
const target = native().openMapById(map);
while (Atomics.load(stop, 0) === 0) {
  target.putBatch(keys, values, count);
  Atomics.add(stop, 1, 1);
}
target.close();
