import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import test from 'ava';
import { MessageStream } from '../../agent/gateway/message-stream.js';

/** A socket whose incoming bytes the test pushes; what is written is in `written`. */
function line(mostBytes?: number) {
  const written: string[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  const messages: unknown[] = [];
  const faults: string[] = [];
  const stream = new MessageStream(socket as unknown as Socket, {
    ...(mostBytes === undefined ? {} : { mostBytes }),
    onMessage: (message) => messages.push(message),
    onFault: (why) => faults.push(why),
  });
  return { socket, written, messages, faults, stream };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('messages come whole however their bytes are cut', async (t) => {
  const text = Buffer.from(`${JSON.stringify({ a: 'ä€😀' })}\n${JSON.stringify([1, null])}\n"x"\n`);
  for (let size = 1; size <= text.length; size++) {
    const { socket, messages } = line();
    for (let at = 0; at < text.length; at += size) socket.push(text.subarray(at, at + size));
    await settled();
    t.deepEqual(messages, [{ a: 'ä€😀' }, [1, null], 'x']);
  }
});

test('what is no JSON ends it, and nothing after it is read', async (t) => {
  const { socket, messages, faults } = line();
  socket.push('1\n{\n2\n');
  await settled();
  t.deepEqual(messages, [1]);
  t.deepEqual(faults, ['a message is no JSON']);
  t.true(socket.destroyed);
});

test('a message that is too long ends it before it has ended', async (t) => {
  const { socket, messages, faults } = line(10);
  socket.push('12345678\n');
  socket.push('12345');
  await settled();
  t.deepEqual([messages, faults], [[12_345_678], []]);
  socket.push('678901');
  await settled();
  t.deepEqual([messages, faults], [[12_345_678], ['a message is too long']]);
});

test('what is sent is a line, and lost when the other side has gone', async (t) => {
  const { socket, stream, written } = line();
  let sent = 0;
  stream.send({ a: 'b\nc' }, () => sent++);
  await settled();
  t.deepEqual([written, sent], [['{"a":"b\\nc"}\n'], 1]);
  socket.destroy();
  stream.send(1, () => sent++);
  await settled();
  t.is(sent, 1);
});
