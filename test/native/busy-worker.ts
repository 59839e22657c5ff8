/** A worker thread that uses every kind of native object, over and over, until it is told to end or ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { native } from '../../agent/kernel/native.js';

const { elf, ring, rounds } = workerData as { elf: Uint8Array; ring: Uint8Array; rounds: number };

for (let round = 0; round < rounds; round++) {
  const object = native().openObject(elf, 'worker');
  object.load();
  const hash = object.map('hash');
  for (let i = 0; i < 64; i++) hash.put(Uint8Array.of(i, 0, 0, 0), new Uint8Array(8).fill(i));
  if (hash.entries().count !== 64) throw new Error('entries are missing');
  if (object.program('settings').run({ data: new Uint8Array(64) }).returned !== 1)
    throw new Error('the program ran wrongly');
  native().netnsCookie('/proc/self/ns/net');
  const other = native().openObject(ring, 'ring');
  other.load();
  native().openRing(other.map('ring')).drain(1000);
  try {
    hash.lookup(new Uint8Array(3));
    throw new Error('a wrong length was taken');
  } catch (error) {
    if ((error as { code?: string }).code !== 'EINVAL') throw error;
  }
  if (round % 2 === 0) {
    object.close();
    hash.close();
  }
  if (round === 0) parentPort!.postMessage('busy');
}
