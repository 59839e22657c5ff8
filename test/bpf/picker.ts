/** A worker thread that picks again and again until told to stop. */
import { workerData } from 'node:worker_threads';
import { native } from '../../agent/kernel/native.js';

interface Work {
  /** The program's id. */
  readonly program: number;
  readonly context: Uint8Array;
  /** [0]: 1 to stop. */
  readonly flag: Int32Array;
}

const { program, context, flag } = workerData as Work;
const picks = native().openProgramById(program);
while (Atomics.load(flag, 0) === 0) picks.run({ context });
picks.close();
