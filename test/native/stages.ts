/** Run with a stage's number, two ELF objects' paths and a cgroup: takes the stages up to that one, then exits on the spot. */
import { readFileSync } from 'node:fs';
import { type NativeMap, type NativeObject, type NativeProgram, native } from '../../agent/kernel/native.js';

const [last, maps, ring, cgroup] = process.argv.slice(2);
let object: NativeObject;
let hash: NativeMap;
let program: NativeProgram;
const kept: unknown[] = [];

const stages: readonly (() => void)[] = [
  () => native(),
  () => {
    object = native().openObject(new Uint8Array(readFileSync(maps!)), 'stages');
  },
  () => object.setVariable('answer', new Uint8Array(4)),
  () => object.load(),
  () => {
    hash = object.map('hash');
  },
  () => hash.put(new Uint8Array(4), new Uint8Array(8)),
  () => {
    program = object.program('allow');
  },
  () => kept.push(program.attachCgroup(cgroup!)),
  () => object.close(),
  () => {
    const other = native().openObject(new Uint8Array(readFileSync(ring!)), 'ring');
    other.load();
    kept.push(native().openRing(other.map('ring')));
  },
  () => kept.push(native().enableStats(), native().lock(cgroup!)),
  () => kept.push(native().socketIn('/proc/self/ns/net', { family: 4, protocol: 'TCP' })),
  () => {
    try {
      hash.lookup(new Uint8Array(1));
    } catch (error) {
      kept.push(error);
    }
  },
  () => hash.close(),
  () => {
    const wires = native().openWires({
      input: new Uint8Array(512 * 1024),
      events: new Int32Array(64),
      output: new Uint8Array(1024),
      orders: new Int32Array(64),
      ready: () => undefined,
    });
    wires.add(native().socketPair()[0]);
    kept.push(wires);
  },
];

for (const stage of stages.slice(0, Number(last) + 1)) stage();
process.stdout.write(String(stages.length));
process.exit(0);
