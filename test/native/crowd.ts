/**
 * Run with two ELF objects' paths and how to end: starts four busy workers, none of them after the main thread loaded the addon,
 * and ends while they work ("exit": the process exits; "terminate": the workers are terminated, then started anew, twice).
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const [maps, ring, end] = process.argv.slice(2);
const workerData = {
  elf: new Uint8Array(readFileSync(maps!)),
  ring: new Uint8Array(readFileSync(ring!)),
  rounds: 1_000_000,
};

async function start(): Promise<Worker[]> {
  const workers = Array.from(
    { length: 4 },
    () => new Worker(new URL('./busy-worker.js', import.meta.url), { workerData }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return workers;
}

for (let turn = 0; turn < 3; turn++) {
  const workers = await start();
  if (end === 'exit') {
    process.stdout.write('exit');
    process.exit(0);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
}
process.stdout.write('terminate');
