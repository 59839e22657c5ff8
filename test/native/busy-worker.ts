/** A worker thread that uses every kind of native object, over and over, until it is told to end or ended. */
import { parentPort, workerData } from 'node:worker_threads';
import type { NativeWires } from '../../agent/addon.js';
import { native } from '../../agent/kernel/native.js';

const { elf, ring, rounds } = workerData as { elf: Uint8Array; ring: Uint8Array; rounds: number };

function openWires(): NativeWires {
  const [input, output] = [new Uint8Array(512 * 1024), new Uint8Array(1024)];
  const [events, orders] = [new Int32Array(64), new Int32Array(64)];
  return native().openWires({ input, events, output, orders, ready: () => undefined });
}

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
  const wires = openWires();
  const ends = native().socketPair();
  wires.add(ends[0]);
  for (const end of ends) native().closeFd(end);
  if (round % 2 === 0) wires.close();
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
// Wires that are open keep the event loop alive.
process.exit(0);
