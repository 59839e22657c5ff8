import { connect as connectHttp2, constants } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import type { FieldLines, ServerExchange } from '../../../agent/gateway/exchange.js';
import { errorCode } from '../../../agent/gateway/http2/error-code.js';
import { frameFlag, frameType } from '../../../agent/gateway/http2/frame.js';
import type { Http2Limits } from '../../../agent/gateway/http2/limits.js';
import { answer, dial, frame, headers, type Peer, plainRequest, type Serving, serve, until, word } from './wire.js';

async function open(
  t: ExecutionContext,
  onRequest: (exchange: ServerExchange) => void = (exchange) => answer(exchange, 'hello'),
  limits: Partial<Http2Limits> = {},
): Promise<{ readonly server: Serving; readonly peer: Peer }> {
  const server = await serve(onRequest, limits);
  t.teardown(() => server.close());
  return { server, peer: await dial(server.port) };
}

/** A body that a test reads. */
function reading(exchange: ServerExchange): { text: string; trailers: FieldLines | undefined; failure: string } {
  const body = { text: '', trailers: undefined as FieldLines | undefined, failure: '' };
  exchange.receive({
    data: (chunk) => {
      body.text += chunk.toString('latin1');
    },
    end: (trailers) => {
      body.trailers = trailers;
    },
    fail: (why) => {
      body.failure = why;
    },
    drained: () => {},
  });
  return body;
}

test('a request is handed on with its normal path and without what HTTP/2 frames it by', async (t) => {
  const { server, peer } = await open(t);
  const fields = [':method', 'POST', ':path', '/a/../b?c', ':scheme', 'https', ':authority', 'cart:80'];
  peer.send(headers(1, [...fields, 'content-length', '2', 'cookie', 'a=1', 'x-a', 'b', 'cookie', 'c=2'], false));
  t.deepEqual(await peer.fields(1).then((got) => got.slice(0, 4)), [':status', '200', 'x-a', 'b']);
  t.deepEqual(server.exchanges[0]!.head, {
    version: 'HTTP/2',
    method: 'POST',
    scheme: 'http',
    authority: 'cart:80',
    target: '/b?c',
    fields: ['cookie', 'a=1; c=2', 'x-a', 'b'],
    length: 2,
    upgrade: '',
    expectContinue: false,
  });
});

test('bodies and trailers go both ways', async (t) => {
  const { server, peer } = await open(t, (exchange) => {
    const body = reading(exchange);
    void until(() => body.trailers !== undefined).then(() => answer(exchange, body.text, body.trailers));
  });
  peer.send(headers(1, plainRequest, false), frame(frameType.data, frameFlag.padded, 1, '\x03ab\0\0\0'));
  peer.send(frame(frameType.data, 0, 1, 'cd'), headers(1, ['x-end', 'yes'], true));
  await peer.fields(1);
  const data = await peer.take((one) => one.type === frameType.data);
  t.is(data!.payload.toString(), 'abcd');
  t.deepEqual(await peer.fields(1), ['x-end', 'yes']);
  t.is(server.connections[0]!.inFlight, 0);
});

test('the end of the stream rides on its last DATA', async (t) => {
  const { peer } = await open(t);
  peer.send(headers(1, plainRequest, true));
  const data = await peer.take((one) => one.type === frameType.data);
  t.is(data!.flags, frameFlag.endStream);
  t.is(data!.payload.toString(), 'hello');
});

test('100 is sent when the body is wanted', async (t) => {
  const { peer } = await open(t, (exchange) => {
    reading(exchange);
    exchange.informational(103, ['link', '</a>']);
    exchange.respond({ status: 204, fields: [], length: undefined }, true);
  });
  peer.send(headers(1, [...plainRequest, 'expect', '100-continue'], false));
  t.deepEqual(await peer.fields(1), [':status', '100']);
  t.deepEqual(await peer.fields(1), [':status', '103', 'link', '</a>']);
  t.deepEqual((await peer.fields(1)).slice(0, 2), [':status', '204']);
});

test('a response that is over before its request resets the rest without an error', async (t) => {
  const { peer } = await open(t);
  peer.send(headers(1, plainRequest, false));
  t.is(await peer.code(frameType.rstStream), errorCode.noError);
});

const malformed: readonly (readonly [name: string, fields: FieldLines])[] = [
  ['no method', plainRequest.slice(2)],
  ['no path', plainRequest.slice(0, -2)],
  ['no scheme', [':method', 'GET', ':authority', 'a', ':path', '/']],
  ['no authority', [':method', 'GET', ':scheme', 'http', ':path', '/']],
  ['two methods', [':method', 'GET', ...plainRequest]],
  ['an unknown pseudo-field', [':protocol', 'websocket', ...plainRequest]],
  ['a pseudo-field behind a field', ['x-a', 'b', ...plainRequest]],
  ['another Host', [...plainRequest, 'host', 'b']],
  ['two Hosts', [...plainRequest, 'host', 'a', 'host', 'a']],
  ['a user in the authority', [':method', 'GET', ':scheme', 'http', ':authority', 'u@a', ':path', '/']],
  ['a method with a blank', [':method', 'GET /', ':scheme', 'http', ':authority', 'a', ':path', '/']],
  ['connection', [...plainRequest, 'connection', 'close']],
  ['transfer-encoding', [...plainRequest, 'transfer-encoding', 'chunked']],
  ['transfer_encoding', [...plainRequest, 'transfer_encoding', 'chunked']],
  ['upgrade', [...plainRequest, 'upgrade', 'websocket']],
  ['te: gzip', [...plainRequest, 'te', 'gzip']],
  ['two lengths', [...plainRequest, 'content-length', '0', 'content-length', '0']],
  ['a signed length', [...plainRequest, 'content-length', '+1']],
  ['a length without a body', [...plainRequest, 'content-length', '1']],
  ['a name in upper case', [...plainRequest, 'X-A', 'b']],
  ['a line feed in a value', [...plainRequest, 'x-a', 'b\nc: d']],
];

for (const [name, fields] of malformed) {
  test(`malformed: ${name}`, async (t) => {
    const { server, peer } = await open(t);
    peer.send(headers(1, fields, true), headers(3, plainRequest, true));
    t.is(await peer.code(frameType.rstStream), errorCode.protocolError);
    t.is((await peer.fields(3))[1], '200');
    t.is(server.exchanges.length, 1);
  });
}

const answered: readonly (readonly [name: string, fields: FieldLines, status: string])[] = [
  ['CONNECT', [':method', 'CONNECT', ':authority', 'a:1'], '405'],
  ['a fragment', [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/a#b'], '400'],
  ['an absolute path', [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', 'http://b/'], '400'],
  ['%00', [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/%00'], '400'],
  ['a large head', [...plainRequest, ...Array.from({ length: 10 }, () => ['x-a', 'b'.repeat(3_400)]).flat()], '431'],
  ['many fields', [...plainRequest, ...Array.from({ length: 200 }, () => ['x-a', 'b']).flat()], '431'],
];

for (const [name, fields, status] of answered) {
  test(`${name} is answered ${status}`, async (t) => {
    const { server, peer } = await open(t, undefined, { headBytes: 32_768 });
    const bytes = headers(1, fields, true);
    if (bytes.length > 16_384) {
      const payload = bytes.subarray(9);
      peer.send(frame(frameType.headers, frameFlag.endStream, 1, payload.subarray(0, 16_384)));
      for (let at = 16_384; at < payload.length; at += 16_384) {
        const isLast = at + 16_384 >= payload.length;
        const flags = isLast ? frameFlag.endHeaders : 0;
        peer.send(frame(frameType.continuation, flags, 1, payload.subarray(at, at + 16_384)));
      }
    } else peer.send(bytes);
    const found = name === 'a large head' ? await peer.code(frameType.goAway) : (await peer.fields(1))[1];
    t.is(found, name === 'a large head' ? errorCode.enhanceYourCalm : status);
    t.is(server.exchanges.length, 0);
  });
}

test('a body that is not as long as announced is malformed', async (t) => {
  const failures: string[] = [];
  const { peer } = await open(t, (exchange) => {
    exchange.receive({ data: () => {}, end: () => {}, fail: (why) => failures.push(why), drained: () => {} });
  });
  peer.send(headers(1, [...plainRequest, 'content-length', '3'], false), frame(frameType.data, 1, 1, 'ab'));
  t.is(await peer.code(frameType.rstStream), errorCode.protocolError);
  peer.send(headers(3, [...plainRequest, 'content-length', '3'], false), frame(frameType.data, 0, 3, 'abcd'));
  t.is(await peer.code(frameType.rstStream), errorCode.protocolError);
  t.deepEqual(failures, ['protocol-error', 'protocol-error']);
});

test('a reset by the client is told, before and behind the end of its request', async (t) => {
  const bodies: ReturnType<typeof reading>[] = [];
  const { server, peer } = await open(t, (exchange) => bodies.push(reading(exchange)));
  peer.send(headers(1, plainRequest, true), headers(3, plainRequest, false));
  peer.send(frame(frameType.rstStream, 0, 1, word(errorCode.cancel)));
  peer.send(frame(frameType.rstStream, 0, 3, word(errorCode.cancel)));
  await until(() => bodies.length === 2 && bodies.every(({ failure }) => failure !== ''));
  t.deepEqual(
    bodies.map(({ failure }) => failure),
    ['cancelled', 'cancelled'],
  );
  t.is(server.connections[0]!.inFlight, 0);
});

test('who receives behind a failure learns of it', async (t) => {
  const { server, peer } = await open(t, () => {});
  peer.send(headers(1, plainRequest, true), frame(frameType.rstStream, 0, 1, word(errorCode.cancel)));
  await until(() => server.exchanges.length === 1 && server.connections[0]!.inFlight === 0);
  t.is(reading(server.exchanges[0]!).failure, 'cancelled');
});

test('abort resets with a code for why', async (t) => {
  const codes = {
    cancelled: errorCode.cancel,
    overload: errorCode.refusedStream,
    reset: errorCode.internalError,
  } as const;
  for (const [why, code] of Object.entries(codes)) {
    const { peer } = await open(t, (exchange) => exchange.abort(why as keyof typeof codes));
    peer.send(headers(1, plainRequest, true));
    t.is(await peer.code(frameType.rstStream), code);
  }
});

test('more streams than allowed are refused, and can be tried again', async (t) => {
  const { server, peer } = await open(t, () => {}, { maxConcurrentStreams: 1 });
  peer.send(headers(1, plainRequest, true), headers(3, plainRequest, true));
  t.is(await peer.code(frameType.rstStream), errorCode.refusedStream);
  t.is(server.exchanges.length, 1);
});

test('draining: GOAWAY twice, streams in flight end, then the connection', async (t) => {
  const { server, peer } = await open(t, () => {});
  peer.send(headers(1, plainRequest, true));
  await until(() => server.exchanges.length === 1);
  server.connections[0]!.drain();
  const first = await peer.take((one) => one.type === frameType.goAway);
  t.is(first!.payload.readUInt32BE(0), 0x7fff_ffff);
  const ping = await peer.take((one) => one.type === frameType.ping);
  peer.send(headers(3, plainRequest, true), frame(frameType.ping, frameFlag.ack, 0, ping!.payload));
  const second = await peer.take((one) => one.type === frameType.goAway);
  t.is(second!.payload.readUInt32BE(0), 3);
  peer.send(headers(5, plainRequest, true));
  t.is(await peer.code(frameType.rstStream), errorCode.refusedStream);
  for (const exchange of server.exchanges) answer(exchange, 'done');
  await until(() => peer.isOver);
  t.is(server.exchanges.length, 2);
  t.is(server.closed, 1);
});

test('a client that pauses is waited for, stream by stream', async (t) => {
  const written: boolean[] = [];
  let drained = 0;
  const { peer } = await open(t, (exchange) => {
    exchange.receive({ data: () => {}, end: () => {}, fail: () => {}, drained: () => drained++ });
    exchange.respond({ status: 200, fields: [], length: undefined }, false);
    written.push(exchange.write(Buffer.alloc(65_535)));
    written.push(exchange.write(Buffer.alloc(10)));
  });
  peer.send(headers(1, plainRequest, true));
  await until(() => written.length === 2);
  t.deepEqual(written, [true, false]);
  t.is(drained, 0);
  peer.send(frame(frameType.windowUpdate, 0, 1, word(100)));
  peer.send(frame(frameType.windowUpdate, 0, 0, word(100)));
  await until(() => drained === 1);
  t.pass();
});

test('a body that nobody reads holds a window and no more', async (t) => {
  const { server, peer } = await open(t, () => {});
  peer.send(headers(1, plainRequest, false));
  for (let sent = 0; sent < 65_536; sent += 16_384) peer.send(frame(frameType.data, 0, 1, Buffer.alloc(16_384)));
  peer.send(frame(frameType.ping, 0, 0, Buffer.alloc(8)));
  await peer.take((one) => one.type === frameType.ping);
  t.false(peer.frames.some(({ type, stream }) => type === frameType.windowUpdate && stream === 1));
  let length = 0;
  server.exchanges[0]!.receive({
    data: (chunk) => {
      length += chunk.length;
    },
    end: () => {},
    fail: () => {},
    drained: () => {},
  });
  t.is(length, 65_536);
  const update = await peer.take((one) => one.type === frameType.windowUpdate && one.stream === 1);
  t.is(update!.payload.readUInt32BE(0), 32_768);
  peer.send(headers(3, plainRequest, false));
  for (let sent = 0; sent <= 65_536; sent += 16_384) peer.send(frame(frameType.data, 0, 3, Buffer.alloc(16_384)));
  t.is(await peer.code(frameType.rstStream), errorCode.flowControlError);
});

test('node:http2 as a client: many streams at once', async (t) => {
  const { server } = await open(t, (exchange) => {
    const body = reading(exchange);
    void until(() => body.trailers !== undefined).then(() => answer(exchange, body.text, ['x-end', 'yes']));
  });
  const session = connectHttp2(`http://127.0.0.1:${server.port}`, { maxSessionMemory: 100 });
  const one = (index: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': `/${index}`, ':method': 'POST', 'x-large': 'a'.repeat(index * 20) });
      let text = '';
      let trailer = '';
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('trailers', (fields) => {
        trailer = String(fields['x-end']);
      });
      stream.on('close', () => resolve(`${text.length} ${trailer} ${stream.rstCode}`));
      stream.on('error', reject);
      stream.end('b'.repeat(index * 1_000));
    });
  const texts = await Promise.all(Array.from({ length: 200 }, (_, index) => one(index)));
  t.deepEqual(
    texts,
    texts.map((_, index) => `${index * 1_000} yes ${constants.NGHTTP2_NO_ERROR}`),
  );
  session.close();
});

test('an answer that no window is opened for is given up after a while, one that goes on slowly is not', async (t) => {
  const failures: string[] = [];
  const { peer } = await open(
    t,
    (exchange) => {
      exchange.receive({ data: () => {}, end: () => {}, fail: (why) => failures.push(why), drained: () => {} });
      exchange.respond({ status: 200, fields: [], length: undefined }, false);
      exchange.write(Buffer.alloc(100_000));
    },
    { stallMs: 1_200 },
  );
  peer.send(headers(1, plainRequest, true), headers(3, plainRequest, true));
  const sip = setInterval(
    () => peer.send(frame(frameType.windowUpdate, 0, 3, word(1)), frame(frameType.windowUpdate, 0, 0, word(1))),
    100,
  );
  t.teardown(() => clearInterval(sip));
  const reset = (await peer.take(({ type }) => type === frameType.rstStream))!;
  t.deepEqual([reset.stream, reset.payload.readUInt32BE(0)], [1, errorCode.cancel]);
  t.deepEqual(failures, ['idle-timeout']);
});
