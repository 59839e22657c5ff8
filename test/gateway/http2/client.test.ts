import { once } from 'node:events';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../agent/clock.js';
import type { FieldLines, RequestHead, ResponseReceiver } from '../../../agent/gateway/exchange.js';
import { Http2Client } from '../../../agent/gateway/http2/client.js';
import { errorCode } from '../../../agent/gateway/http2/error-code.js';
import { clientPreface, frameFlag, frameType, settingId } from '../../../agent/gateway/http2/frame.js';
import { frame, headers, Peer, until, word } from './wire.js';

/** Everything that a receiver is told, in its order. */
class Heard implements ResponseReceiver {
  readonly said: string[] = [];
  text = '';
  informational(status: number): void {
    this.said.push(`informational ${status}`);
  }
  head(head: { status: number; fields: FieldLines; length: number | undefined }, ended: boolean): void {
    this.said.push(`head ${head.status} ${head.length ?? '-'} ${head.fields.join(' ')}${ended ? ' ended' : ''}`);
  }
  data(chunk: Buffer): void {
    this.text += chunk.toString('latin1');
  }
  end(trailers: FieldLines): void {
    this.said.push(`end ${this.text.length} ${trailers.join(' ')}`);
  }
  fail(why: string): void {
    this.said.push(`fail ${why}`);
  }
  drained(): void {
    this.said.push('drained');
  }
  upgraded(): void {
    this.said.push('upgraded');
  }
}

function request(change: Partial<RequestHead> = {}): RequestHead {
  return {
    version: 'HTTP/1.1',
    method: 'GET',
    scheme: 'http',
    authority: 'cart',
    target: '/a',
    fields: ['X-Upper', 'b'],
    length: 0,
    upgrade: '',
    expectContinue: false,
    ...change,
  };
}

interface Open {
  readonly client: Http2Client;
  readonly peer: Peer;
  readonly told: string[];
  /** The client's. */
  readonly socket: Socket;
}

/** A client and the backend's side of its connection. */
async function open(t: ExecutionContext, settings: Buffer = Buffer.alloc(0)): Promise<Open> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  await once(socket, 'connect');
  const [other] = await accepted;
  const peer = new Peer(other, clientPreface.length);
  const told: string[] = [];
  const owner = { changed: () => told.push('changed'), closed: () => told.push('closed') };
  const client = new Http2Client(socket, owner, { clock: systemClock });
  peer.send(frame(frameType.settings, 0, 0, settings));
  await until(() => told.includes('changed'));
  t.teardown(() => {
    server.close();
    other.destroy();
    client.destroy();
  });
  return { client, peer, told, socket };
}

test('a request is framed anew and its answer handed on', async (t) => {
  const { client, peer, told } = await open(t);
  const heard = new Heard();
  client.request(request(), true, heard);
  t.is(client.inFlight, 1);
  const head = [':method', 'GET', ':scheme', 'http', ':authority', 'cart', ':path', '/a', 'x-upper', 'b'];
  t.deepEqual(await peer.fields(1), head);
  peer.send(headers(1, [':status', '103', 'link', '<a>'], false));
  peer.send(headers(1, [':status', '200', 'content-length', '2', 'x-a', 'b'], false));
  peer.send(frame(frameType.data, 0, 1, 'ok'), headers(1, ['x-end', 'yes'], true));
  await until(() => heard.said.length === 3);
  t.deepEqual(heard.said, ['informational 103', 'head 200 2 x-a b', 'end 2 x-end yes']);
  t.is(client.inFlight, 0);
  t.is(told.at(-1), 'changed');
});

test('trailers only, as gRPC answers failures', async (t) => {
  const { client, peer } = await open(t);
  const heard = new Heard();
  client.request(request({ method: 'POST', length: undefined }), false, heard).end([]);
  await peer.fields(1);
  peer.send(headers(1, [':status', '200', 'grpc-status', '12'], true));
  await until(() => heard.said.length > 0);
  t.deepEqual(heard.said, ['head 200 - grpc-status 12 ended']);
  t.is(client.inFlight, 0);
});

test('an answer before the request is over ends the rest of it', async (t) => {
  const { client, peer } = await open(t);
  const heard = new Heard();
  const exchange = client.request(request({ method: 'POST', length: undefined }), false, heard);
  await peer.fields(1);
  peer.send(headers(1, [':status', '413'], true));
  t.is(await peer.code(frameType.rstStream), errorCode.cancel);
  t.true(exchange.write(Buffer.from('more')));
  t.is(client.inFlight, 0);
});

const resets: readonly (readonly [code: number, why: string])[] = [
  [errorCode.refusedStream, 'fail reset-unsent'],
  [errorCode.cancel, 'fail cancelled'],
  [errorCode.internalError, 'fail reset'],
  [errorCode.noError, 'fail reset'],
];

for (const [code, why] of resets) {
  test(`RST_STREAM ${code}: ${why}`, async (t) => {
    const { client, peer } = await open(t);
    const heard = new Heard();
    client.request(request(), true, heard);
    await peer.fields(1);
    peer.send(frame(frameType.rstStream, 0, 1, word(code)));
    await until(() => heard.said.length > 0);
    t.deepEqual(heard.said, [why]);
  });
}

test('GOAWAY: what it left out was not processed, the rest goes on', async (t) => {
  const { client, peer, told } = await open(t);
  const [first, second] = [new Heard(), new Heard()];
  client.request(request(), true, first);
  client.request(request(), true, second);
  await peer.fields(3);
  peer.send(frame(frameType.goAway, 0, 0, Buffer.concat([word(1), word(0)])));
  await until(() => second.said.length > 0);
  t.deepEqual(second.said, ['fail reset-unsent']);
  t.false(client.isOpen);
  t.is(client.capacity, 0);
  t.is(client.inFlight, 1);
  peer.send(headers(1, [':status', '204'], true));
  await until(() => told.includes('closed'));
  t.deepEqual(first.said, ['head 204 -  ended']);
});

test('a connection that breaks: sent requests are lost, those never written are not', async (t) => {
  const { client, peer, told, socket } = await open(t);
  const [sent, unsent] = [new Heard(), new Heard()];
  client.request(request(), true, sent);
  await peer.fields(1);
  socket.destroy();
  client.request(request(), true, unsent);
  await until(() => told.includes('closed'));
  t.deepEqual(sent.said, ['fail reset']);
  t.is(client.capacity, 0);
  t.deepEqual(unsent.said, ['fail reset-unsent']);
});

test('the peer bounds how many requests it takes at once', async (t) => {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(settingId.maxConcurrentStreams, 0);
  settings.writeUInt32BE(2, 2);
  const { client, peer } = await open(t, settings);
  t.is(client.capacity, 2);
  client.request(request(), true, new Heard());
  client.request(request(), true, new Heard());
  t.is(client.capacity, 0);
  await peer.fields(3);
  peer.send(headers(1, [':status', '204'], true));
  await until(() => client.capacity === 1);
  t.is(client.inFlight, 1);
});

test('an abort resets the stream and frees its place; what still comes is dropped', async (t) => {
  const { client, peer } = await open(t);
  const heard = new Heard();
  const exchange = client.request(request(), true, heard);
  await peer.fields(1);
  exchange.abort();
  t.is(await peer.code(frameType.rstStream), errorCode.cancel);
  t.is(client.inFlight, 0);
  peer.send(headers(1, [':status', '200'], false), frame(frameType.data, 1, 1, 'late'));
  peer.send(frame(frameType.ping, 0, 0, Buffer.alloc(8)));
  await peer.take((one) => one.type === frameType.ping);
  t.deepEqual(heard.said, []);
  t.true(client.isOpen);
});

const invalid: readonly (readonly [name: string, frames: readonly Buffer[]])[] = [
  ['no status', [headers(1, ['x-a', 'b'], true)]],
  ['101', [headers(1, [':status', '101'], false)]],
  ['a status that is no number', [headers(1, [':status', '2xx'], true)]],
  ['100 that ends the stream', [headers(1, [':status', '100'], true)]],
  ['transfer-encoding', [headers(1, [':status', '200', 'transfer-encoding', 'chunked'], true)]],
  ['two lengths', [headers(1, [':status', '200', 'content-length', '0', 'content-length', '0'], true)]],
  ['a length without a body', [headers(1, [':status', '200', 'content-length', '5'], true)]],
  ['DATA before the head', [frame(frameType.data, 1, 1, 'a')]],
  ['a longer body', [headers(1, [':status', '200', 'content-length', '1'], false), frame(frameType.data, 1, 1, 'ab')]],
  ['a body for 204', [headers(1, [':status', '204'], false), frame(frameType.data, 1, 1, 'ab')]],
  ['trailers with a status', [headers(1, [':status', '200'], false), headers(1, [':status', '200'], true)]],
];

for (const [name, frames] of invalid) {
  test(`an invalid answer: ${name}`, async (t) => {
    const { client, peer } = await open(t);
    const heard = new Heard();
    client.request(request(), true, heard);
    await peer.fields(1);
    peer.send(...frames);
    t.is(await peer.code(frameType.rstStream), errorCode.protocolError);
    t.is(heard.said.at(-1), 'fail protocol-error');
    t.true(client.isOpen);
  });
}

test('HEAD and 304 may announce a length', async (t) => {
  const { client, peer } = await open(t);
  const [head, unchanged] = [new Heard(), new Heard()];
  client.request(request({ method: 'HEAD' }), true, head);
  client.request(request(), true, unchanged);
  await peer.fields(3);
  peer.send(headers(1, [':status', '200', 'content-length', '5'], true));
  peer.send(headers(3, [':status', '304', 'content-length', '5'], true));
  await until(() => unchanged.said.length > 0);
  t.deepEqual([...head.said, ...unchanged.said], ['head 200 5  ended', 'head 304 5  ended']);
});

test('a paused answer is held back by flow control', async (t) => {
  const { client, peer } = await open(t);
  const heard = new Heard();
  const exchange = client.request(request(), true, heard);
  await peer.fields(1);
  exchange.pause();
  peer.send(headers(1, [':status', '200'], false), frame(frameType.data, 0, 1, Buffer.alloc(16_384)));
  peer.send(frame(frameType.data, frameFlag.endStream, 1, Buffer.alloc(16_384)));
  await until(() => client.inFlight === 0);
  t.deepEqual(heard.said, ['head 200 - ']);
  exchange.resume();
  t.deepEqual(heard.said, ['head 200 - ', 'end 32768 ']);
});

test('node:http2 as a backend: large bodies both ways', async (t) => {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }));
    stream.pipe(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  await once(socket, 'connect');
  const client = new Http2Client(socket, { changed: () => {}, closed: () => {} }, { clock: systemClock });
  t.teardown(() => {
    client.destroy();
    server.close();
  });
  const bodies = Array.from({ length: 20 }, (_, index) => Buffer.alloc(index * 50_000, 65 + index));
  const heard = bodies.map((body) => {
    const one = new Heard();
    const exchange = client.request(request({ method: 'POST', length: undefined }), false, one);
    exchange.write(body);
    exchange.end(['x-sent', 'yes']);
    return one;
  });
  await until(() => heard.every(({ said }) => said.some((line) => line.startsWith('end'))));
  t.deepEqual(
    heard.map(({ text }) => text),
    bodies.map(String),
  );
  t.true(heard.every(({ said }) => said.at(-1)!.endsWith('x-end yes')));
  t.is(client.inFlight, 0);
});
