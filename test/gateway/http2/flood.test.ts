import test, { type ExecutionContext } from 'ava';
import type { ServerExchange } from '../../../agent/gateway/exchange.js';
import { errorCode } from '../../../agent/gateway/http2/error-code.js';
import { frameFlag, frameType, settingId } from '../../../agent/gateway/http2/frame.js';
import { block, dial, frame, headers, type Peer, plainRequest, serve, until, word } from './wire.js';

/** A server that answers nothing, and a client that does as it likes. */
async function open(
  t: ExecutionContext,
  onRequest: (exchange: ServerExchange) => void = () => {},
): Promise<{ readonly peer: Peer; readonly server: Awaited<ReturnType<typeof serve>> }> {
  const server = await serve(onRequest);
  t.teardown(() => server.close());
  return { server, peer: await dial(server.port) };
}

const cancel = word(errorCode.cancel);

const floods: readonly (readonly [name: string, most: number, bytes: (index: number) => Buffer])[] = [
  [
    'streams that are reset at once (CVE-2023-44487)',
    2_000,
    (index) =>
      Buffer.concat([headers(index * 2 + 1, plainRequest, true), frame(frameType.rstStream, 0, index * 2 + 1, cancel)]),
  ],
  [
    'streams that we are made to reset (CVE-2025-8671)',
    2_000,
    (index) =>
      Buffer.concat([
        headers(index * 2 + 1, plainRequest, true),
        frame(frameType.windowUpdate, 0, index * 2 + 1, word(0)),
      ]),
  ],
  ['malformed requests', 2_000, (index) => headers(index * 2 + 1, [':method', 'GET'], true)],
  ['SETTINGS', 200, () => frame(frameType.settings, 0, 0)],
  ['PING', 40_000, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))],
  ['PRIORITY', 40_000, () => frame(frameType.priority, 0, 1, Buffer.alloc(5))],
  ['frames of unknown types', 40_000, () => frame(0x42, 0, 0)],
  [
    'DATA without bytes (CVE-2019-9518)',
    200,
    (index) => (index === 0 ? headers(1, plainRequest, false) : frame(frameType.data, 0, 1)),
  ],
  [
    'CONTINUATION without end (CVE-2024-27316)',
    100,
    (index) =>
      index === 0 ? frame(frameType.headers, 0, 1, block(plainRequest)) : frame(frameType.continuation, 0, 1),
  ],
  [
    'a section without end',
    10,
    (index) =>
      frame(index === 0 ? frameType.headers : frameType.continuation, 0, 1, Buffer.alloc(16_000, block(['a', 'b']))),
  ],
];

for (const [name, most, bytes] of floods) {
  test(`calmed: ${name}`, async (t) => {
    const { peer, server } = await open(t);
    const all: Buffer[] = [];
    for (let index = 0; index < most; index++) all.push(bytes(index));
    for (let at = 0; at < all.length; at += 500) peer.send(...all.slice(at, at + 500));
    t.is(await peer.code(frameType.goAway), errorCode.enhanceYourCalm);
    await until(() => server.closed === 1);
    t.is(server.connections[0]!.inFlight, 0);
  });
}

const errors: readonly (readonly [name: string, code: number, bytes: readonly Buffer[]])[] = [
  ['DATA on stream 0', errorCode.protocolError, [frame(frameType.data, 0, 0, 'a')]],
  ['DATA on an idle stream', errorCode.protocolError, [frame(frameType.data, 0, 5, 'a')]],
  ['an even stream', errorCode.protocolError, [headers(2, plainRequest, true)]],
  ['padding longer than the frame', errorCode.protocolError, [frame(frameType.headers, frameFlag.padded, 1, '\x09a')]],
  ['PUSH_PROMISE', errorCode.protocolError, [frame(frameType.pushPromise, 4, 1, word(2))]],
  ['CONTINUATION alone', errorCode.protocolError, [frame(frameType.continuation, 4, 1)]],
  [
    'another frame inside a section',
    errorCode.protocolError,
    [frame(1, 0, 1), frame(frameType.ping, 0, 0, 'a'.repeat(8))],
  ],
  ['a broken section', errorCode.compressionError, [frame(frameType.headers, 4, 1, '\xff\xff\xff\xff\xff\xff')]],
  ['SETTINGS of a stream', errorCode.protocolError, [frame(frameType.settings, 0, 1)]],
  ['SETTINGS of odd length', errorCode.frameSizeError, [frame(frameType.settings, 0, 0, 'abc')]],
  ['PING of odd length', errorCode.frameSizeError, [frame(frameType.ping, 0, 0, 'abc')]],
  ['WINDOW_UPDATE of 0', errorCode.protocolError, [frame(frameType.windowUpdate, 0, 0, word(0))]],
  ['a window beyond 2^31', errorCode.flowControlError, [frame(frameType.windowUpdate, 0, 0, word(0x7fff_ffff))]],
  ['RST_STREAM of an idle stream', errorCode.protocolError, [frame(frameType.rstStream, 0, 1, cancel)]],
  ['a frame that is too long', errorCode.frameSizeError, [frame(frameType.data, 0, 1, Buffer.alloc(16_385))]],
  ['GOAWAY that is cut off', errorCode.frameSizeError, [frame(frameType.goAway, 0, 0, 'abc')]],
];

for (const [name, code, bytes] of errors) {
  test(`a connection error: ${name}`, async (t) => {
    const { peer, server } = await open(t);
    peer.send(...bytes);
    t.is(await peer.code(frameType.goAway), code);
    await until(() => server.closed === 1 && peer.isOver);
    t.is(server.exchanges.length, 0);
  });
}

test('an unknown preface ends the connection', async (t) => {
  const { server } = await open(t);
  const peer = await dial(server.port, Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'));
  t.is(await peer.code(frameType.goAway), errorCode.protocolError);
});

test('every byte by itself is read as well', async (t) => {
  const { server, peer } = await open(t, (exchange) =>
    exchange.respond({ status: 204, fields: [], length: undefined }, true),
  );
  const all = Buffer.concat([headers(1, plainRequest, false), frame(frameType.data, 1, 1, 'abc')]);
  peer.socket.setNoDelay(true);
  for (const byte of all) {
    peer.send(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.is((await peer.fields(1))[1], '204');
  t.is(server.exchanges.length, 1);
});

test('who opens streams and reads no answer costs a bounded amount', async (t) => {
  const body = Buffer.alloc(65_536);
  const { peer, server } = await open(t, (exchange) => {
    exchange.receive({ data: () => {}, end: () => {}, fail: () => {}, drained: () => {} });
    exchange.respond({ status: 200, fields: [], length: undefined }, false);
    exchange.write(body);
  });
  const wide = Buffer.alloc(6);
  wide.writeUInt16BE(settingId.initialWindowSize, 0);
  wide.writeUInt32BE(0x7fff_ffff, 2);
  peer.send(frame(frameType.settings, 0, 0, wide), frame(frameType.windowUpdate, 0, 0, word(0x7000_0000)));
  peer.socket.pause();
  const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))));
  for (let index = 0; index < 250; index++) peer.send(headers(index * 2 + 1, plainRequest, true));
  await until(() => server.exchanges.length === 250);
  for (let index = 0; index < 9; index++) peer.send(pings);
  const unsent = (): number => Math.max(...server.connections.map((one) => unsentOf(one)));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.true(unsent() < 2 * 1_048_576, String(unsent()));
});

function unsentOf(connection: object): number {
  return (connection as { readonly output: { readonly unsent: number } }).output.unsent;
}
