import { type NativeProgram, type NativeRing, native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { compile } from './clang.js';
import { failure, words } from './words.js';

function openRing(): { ring: NativeRing; emit: NativeProgram } {
  const object = native().openObject(compile('ring'), 'ring');
  object.load();
  return { ring: native().openRing(object.map('ring')), emit: object.program('emit') };
}

/** Lets the program write records; returns how many found room. */
function emit(program: NativeProgram, first: number, records: number, bytes: number, discards = 0): number {
  const { returned, context } = program.run({ context: words(first, records, bytes, discards, 0) });
  if (returned !== 0) throw new Error(`emit refused: ${returned}`);
  return new Uint32Array(context.buffer)[4]!;
}

/** The sequence numbers of a batch. */
function sequences({ data, lengths }: { data: Uint8Array; lengths: Uint32Array }): number[] {
  let offset = 0;
  return [...lengths].map((length) => {
    const sequence = new DataView(data.buffer).getUint32(offset, true);
    offset += length;
    return sequence;
  });
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

kernelTest('an empty ring gives an empty batch', (t) => {
  const { ring } = openRing();
  t.deepEqual(ring.drain(1000), { data: new Uint8Array(0), lengths: new Uint32Array(0) });
});

kernelTest('records come in order, in batches no larger than asked', (t) => {
  const { ring, emit: program } = openRing();
  t.is(emit(program, 0, 100, 20), 100);
  const first = ring.drain(210);
  t.deepEqual(sequences(first), range(0, 10));
  t.is(first.data.length, 200);
  t.deepEqual(sequences(ring.drain(200)), range(10, 10));
  t.deepEqual(sequences(ring.drain(20)), [20]);
  t.deepEqual(sequences(ring.drain(1 << 20)), range(21, 79));
  t.is(ring.drain(1 << 20).lengths.length, 0);
});

kernelTest('a record larger than the batch is an error, and stays', (t) => {
  const { ring, emit: program } = openRing();
  emit(program, 5, 1, 100);
  t.like(
    failure(() => ring.drain(99)),
    { operation: 'ring_drain', object: 'ring', code: 'EMSGSIZE' },
  );
  t.deepEqual(sequences(ring.drain(100)), [5]);
});

kernelTest('discarded records are passed over', (t) => {
  const { ring, emit: program } = openRing();
  emit(program, 0, 50, 12, 2);
  t.deepEqual(sequences(ring.drain(600)), range(0, 50));
  emit(program, 50, 1, 12, 2);
  t.deepEqual(sequences(ring.drain(600)), [50]);
});

kernelTest('draining makes room, through many turns of the ring', (t) => {
  const { ring, emit: program } = openRing();
  let next = 0;
  for (let turn = 0; turn < 200; turn++) {
    const written = emit(program, next, 300, 4 + (turn % 253));
    const seen: number[] = [];
    for (let batch = ring.drain(4096); batch.lengths.length > 0; batch = ring.drain(4096))
      seen.push(...sequences(batch));
    t.deepEqual(seen, range(next, written));
    next += written;
  }
  t.true(next > 40_000);
});

kernelTest('a full ring drops what is new and keeps what is old', (t) => {
  const { ring, emit: program } = openRing();
  const written = emit(program, 0, 320, 256);
  t.true(written < 320 && written > 200);
  t.is(emit(program, 5000, 1, 256), 0);
  t.deepEqual(sequences(ring.drain(1 << 20)), range(0, written));
  t.is(emit(program, 6000, 1, 256), 1);
});

kernelTest('a ring needs a ring buffer, and closes twice', (t) => {
  const object = native().openObject(compile('maps'), 'maps');
  object.load();
  t.like(
    failure(() => native().openRing(object.map('hash'))),
    { operation: 'ring_open', object: 'hash', code: 'EINVAL' },
  );
  const { ring } = openRing();
  ring.close();
  ring.close();
  t.is(failure(() => ring.drain(1)).code, 'EBADF');
  t.is(failure(() => openRing().ring.drain(-1)).code, 'EINVAL');
});
