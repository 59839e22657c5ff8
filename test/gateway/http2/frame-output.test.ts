import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import test from 'ava';
import { frameFlag, frameType } from '../../../agent/gateway/http2/frame.js';
import { FrameOutput } from '../../../agent/gateway/http2/frame-output.js';
import { Peer, until } from './wire.js';

test('frames of any length, written in one turn, arrive whole and in their order, and each stream ends', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [other] = await accepted;
  t.teardown(() => {
    socket.destroy();
    server.close();
  });
  const peer = new Peer(other);
  const output = new FrameOutput(socket);
  const expected: string[] = [];
  for (let index = 0; index < 2_500; index++) {
    const stream = index * 2 + 1;
    const payload = Buffer.alloc((index * 37) % 2_300, 97 + (index % 26));
    output.data(stream, payload, false);
    if (index % 3 === 0) {
      output.word(frameType.windowUpdate, 0, index);
      expected.push(`${stream} ${payload} 0`, `0 ${index}`, `${stream}  ${frameFlag.endStream}`);
    } else if (payload.length < 2_048) expected.push(`${stream} ${payload} ${frameFlag.endStream}`);
    else expected.push(`${stream} ${payload} 0`, `${stream}  ${frameFlag.endStream}`);
    output.endData(stream);
  }
  const rows = (): string[] =>
    peer.frames.map(({ type, stream, payload, flags }) =>
      type === frameType.windowUpdate ? `0 ${payload.readUInt32BE(0)}` : `${stream} ${payload} ${flags}`,
    );
  await until(() => peer.frames.length >= expected.length);
  t.deepEqual(rows(), expected);
});
