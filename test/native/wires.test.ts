import { readdirSync } from 'node:fs';
import { createServer, connect as dialTcp, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { addon, type NativeWires } from '../../agent/addon.js';
import { kernelTest } from '../kernel-test.js';
import { failure } from './words.js';

interface Heard {
  readonly wire: number;
  /** What came in; otherwise 0 or -errno. */
  readonly what: string | number;
}

/** Wires with buffers of the least size, and what they tell. */
class Board {
  readonly input: Buffer = Buffer.alloc(512 * 1024);
  readonly events = new Int32Array(64);
  readonly output: Buffer = Buffer.alloc(1024 * 1024);
  readonly orders = new Int32Array(3 * 64);
  readonly heard: Heard[] = [];
  readonly batches: number[] = [];
  readonly native: NativeWires;
  onEvent: (heard: Heard) => void = () => undefined;
  #waiting: (() => void) | undefined;

  constructor() {
    const { input, events, output, orders } = this;
    this.native = addon().openWires({ input, events, output, orders, ready: (count) => this.#take(count) });
  }

  #take(count: number): void {
    this.batches.push(count);
    let at = 0;
    for (let event = 0; event < count; event++) {
      const [wire, length] = this.events.subarray(event * 2, event * 2 + 2) as unknown as [number, number];
      const what = length > 0 ? this.input.toString('latin1', at, at + length) : length;
      at += Math.max(length, 0);
      this.heard.push({ wire, what });
      this.onEvent({ wire, what });
    }
    this.#waiting?.();
  }

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /** Sends these texts in one call; what became of each. */
  send(...texts: readonly (readonly [wire: number, text: string])[]): readonly number[] {
    let at = 0;
    texts.forEach(([wire, text], index) => {
      this.orders.set([wire, at, text.length], index * 3);
      at += this.output.write(text, at, 'latin1');
    });
    this.native.send(texts.length);
    return texts.map((_, index) => this.orders[index * 3 + 2]!);
  }

  textOf(wire: number): string {
    return this.heard
      .map((heard) => (heard.wire === wire && typeof heard.what === 'string' ? heard.what : ''))
      .join('');
  }
}

interface Pair {
  /** Not read by Node. */
  readonly near: Socket;
  readonly fd: number;
  readonly far: Socket;
}

async function makePairs(t: ExecutionContext, count: number): Promise<readonly Pair[]> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const pairs: Pair[] = [];
  for (let pair = 0; pair < count; pair++) {
    const near = dialTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
    near.pause();
    near.on('error', () => undefined);
    await new Promise((resolve) => near.once('connect', resolve));
    while (accepted.length === pair) await new Promise((resolve) => setImmediate(resolve));
    const { _handle: handle } = near as unknown as { _handle: { fd: number; readStop(): void } };
    handle.readStop();
    pairs.push({ near, fd: handle.fd, far: accepted[pair]! });
  }
  t.teardown(() => {
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
    server.close();
  });
  return pairs;
}

kernelTest('what comes in on many sockets comes by one call, each told apart, and answers leave by one', async (t) => {
  const pairs = await makePairs(t, 20);
  const board = new Board();
  const wires = pairs.map(({ fd }) => board.native.add(fd));
  t.is(new Set(wires).size, 20);
  await Promise.all(
    pairs.map(({ far }, index) => new Promise<void>((sent) => void far.write(`from ${index}.`, () => sent()))),
  );
  await board.until(() => board.heard.length >= 20);
  t.true(board.batches.length < 20, `${board.batches.length} calls`);
  wires.forEach((wire, index) => void t.is(board.textOf(wire), `from ${index}.`));
  const answers = pairs.map(
    ({ far }) => new Promise<string>((resolve) => void far.once('data', (chunk) => resolve(String(chunk)))),
  );
  t.deepEqual(
    board.send(...wires.map((wire, index) => [wire, `to ${index}.`] as const)),
    wires.map((_, index) => `to ${index}.`.length),
  );
  t.deepEqual(
    await Promise.all(answers),
    wires.map((_, index) => `to ${index}.`),
  );
  board.native.close();
});

kernelTest('an end and a reset are told, and a wire that is not read is quiet', async (t) => {
  const [ending, broken, quiet] = (await makePairs(t, 3)) as [Pair, Pair, Pair];
  const board = new Board();
  const [ends, breaks, rests] = [ending, broken, quiet].map(({ fd }) => board.native.add(fd)) as [
    number,
    number,
    number,
  ];
  board.onEvent = ({ wire, what }) => {
    if (typeof what === 'number') board.native.remove(wire);
  };
  board.native.setReading(rests, false);
  quiet.far.write('later');
  ending.far.end('last');
  broken.far.resetAndDestroy();
  await board.until(() => board.heard.filter(({ what }) => typeof what === 'number').length === 2);
  t.is(board.textOf(ends), 'last');
  t.deepEqual(
    board.heard.filter(({ what }) => typeof what === 'number').sort((a, b) => a.wire - b.wire),
    [
      { wire: ends, what: 0 },
      { wire: breaks, what: -104 },
    ].sort((a, b) => a.wire - b.wire),
  );
  t.is(board.textOf(rests), '');
  board.native.setReading(rests, true);
  await board.until(() => board.textOf(rests) === 'later');
  t.pass();
  board.native.close();
});

kernelTest('a peer that does not read takes a part, and nothing overtakes the rest', async (t) => {
  const [slow, free] = (await makePairs(t, 2)) as [Pair, Pair];
  slow.far.pause();
  const board = new Board();
  const [full, other] = [slow, free].map(({ fd }) => board.native.add(fd)) as [number, number];
  const text = 'x'.repeat(500_000);
  let sent = 0;
  let last: readonly number[] = [];
  do {
    last = board.send([full, text], [full, 'behind'], [other, 'y']);
    sent += Math.max(last[0]!, 0);
  } while (last[0] === text.length);
  t.true(last[0]! < text.length);
  t.deepEqual(last.slice(1), [-11, 1]);
  let received = 0;
  slow.far.on('data', (chunk) => {
    received += chunk.length;
  });
  slow.far.resume();
  slow.near.end();
  board.native.remove(full);
  await new Promise((resolve) => slow.far.once('end', resolve));
  t.true(received >= sent, `${received} of ${sent}`);
  board.native.close();
});

kernelTest('a number that is gone means no other wire, and its descriptor is closed', async (t) => {
  const [first, second] = (await makePairs(t, 2)) as [Pair, Pair];
  const board = new Board();
  const before = readdirSync('/proc/self/fd').length;
  const old = board.native.add(first.fd);
  t.is(readdirSync('/proc/self/fd').length, before + 1);
  board.native.remove(old);
  board.native.remove(old);
  t.is(readdirSync('/proc/self/fd').length, before);
  const now = board.native.add(second.fd);
  t.not(now, old);
  t.deepEqual(board.send([old, 'lost'], [now, 'found']), [-9, 5]);
  board.native.setReading(old, false);
  second.far.write('heard');
  await board.until(() => board.textOf(now) === 'heard');
  board.native.close();
  board.native.close();
  t.is(readdirSync('/proc/self/fd').length, before - 1);
  t.is(failure(() => board.native.add(second.fd)).code, 'EBADF');
  t.is(failure(() => board.native.send(0)).code, 'EBADF');
});

kernelTest('wires may be removed and closed while their events are told', async (t) => {
  const pairs = await makePairs(t, 8);
  const board = new Board();
  const wires = pairs.map(({ fd }) => board.native.add(fd));
  board.onEvent = () => {
    board.onEvent = () => undefined;
    for (const wire of wires) board.native.remove(wire);
    board.native.close();
  };
  for (const { far } of pairs) far.write('now');
  await board.until(() => board.heard.length > 0);
  t.is(board.batches.length, 1);
});

kernelTest('what does not fit the buffers is refused before a byte is sent', async (t) => {
  const [pair] = (await makePairs(t, 1)) as [Pair];
  const board = new Board();
  const wire = board.native.add(pair.fd);
  for (const order of [
    [wire, board.output.length, 1],
    [wire, board.output.length + 1, 0],
    [wire, -1, 1],
    [wire, 0, -1],
    [wire, 0, board.output.length + 1],
    [wire, 0x7fffffff, 0x7fffffff],
  ]) {
    board.orders.set([wire, 0, 1, ...order]);
    t.is(failure(() => board.native.send(2)).code, 'EINVAL');
  }
  t.is(failure(() => board.native.send(65)).code, 'EINVAL');
  structuredClone(board.output.buffer, { transfer: [board.output.buffer as ArrayBuffer] });
  board.orders.set([wire, 0, 1]);
  t.is(failure(() => board.native.send(1)).code, 'EINVAL');
  const parts = { input: board.input, events: board.events, output: board.input, orders: board.orders };
  for (const wrong of [
    { input: Buffer.alloc(1000) },
    { events: new Int32Array(63) },
    { orders: new Uint8Array(3) },
    { ready: 5 },
  ]) {
    const all = { ...parts, ready: () => undefined, ...wrong } as unknown as Parameters<NativeOpen>[0];
    t.is(failure(() => addon().openWires(all)).code, 'EINVAL');
  }
  t.is(failure(() => board.native.add(1 << 20)).code, 'EBADF');
  board.native.close();
});

type NativeOpen = ReturnType<typeof addon>['openWires'];
