import test from 'ava';
import { errorCode } from '../../../agent/gateway/http2/error-code.js';
import { frameType } from '../../../agent/gateway/http2/frame.js';
import { dial, frame, serve, until } from './wire.js';

/** Sockets' buffers of both sides hold some MiB at most. */
const mostTaken = 24 * 2 ** 20;

test('a peer that floods on after GOAWAY is cut off', async (t) => {
  const server = await serve(() => {});
  t.teardown(() => server.close());
  const peer = await dial(server.port);
  peer.send(frame(frameType.settings, 0, 1));
  t.is(await peer.code(frameType.goAway), errorCode.protocolError);
  const flood = Buffer.alloc(64 * 1024, frame(frameType.ping, 0, 0, Buffer.alloc(8)));
  const more = (): void => {
    while (!peer.socket.destroyed && peer.socket.write(flood));
  };
  peer.socket.on('drain', more);
  more();
  await until(() => peer.isOver);
  t.true(peer.socket.bytesWritten < mostTaken, `${peer.socket.bytesWritten} bytes`);
});
