/**
 * Run with --expose-gc and an ELF object's path: makes and drops thousands of native objects, none of them closed, and prints
 * how many descriptors the process had before and after the collector took them.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { native } from '../../agent/kernel/native.js';

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');
const [maps, ring, cgroup] = process.argv.slice(2);
const elf = new Uint8Array(readFileSync(maps!));
const ringElf = new Uint8Array(readFileSync(ring!));

/** Open descriptors but for the pipes and event queues that Node opens and closes as it likes. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return !/^(pipe:|anon_inode:\[event)/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false; // the one that listed the directory
    }
  }).length;
}

function drop(): void {
  const object = native().openObject(elf, 'churn');
  object.load();
  const hash = object.map('hash');
  const id = hash.info().id;
  for (let i = 0; i < 20; i++) native().openMapById(id).entries();
  const program = object.program('allow');
  native().openProgramById(program.info().id).info();
  program.attachCgroup(cgroup!).info();
  native().openObject(elf, 'never loaded');
  const other = native().openObject(ringElf, 'ring');
  other.load();
  native().openRing(other.map('ring')).drain(1);
  try {
    hash.put(new Uint8Array(1), new Uint8Array(1));
  } catch {
    native().sockets('/proc/self/ns/net', { protocol: 'UDP', family: 4, storage: object.map('storage') });
  }
}

/** Collects until nothing more goes: finalizers run in turns of the event loop. */
async function settle(goal: number): Promise<number> {
  for (let i = 0; i < 50 && descriptors() > goal; i++) {
    collect!();
    await turn();
  }
  return descriptors();
}

drop();
await settle(0);
const before = descriptors();
let peak = 0;
for (let round = 0; round < 10; round++) {
  for (let i = 0; i < 10; i++) drop();
  peak = Math.max(peak, descriptors());
  await settle(before);
}
const after = await settle(before);
process.stdout.write(JSON.stringify({ before, peak, after })); // only now: the stream opens a descriptor of its own
