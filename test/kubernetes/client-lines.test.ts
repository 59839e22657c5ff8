import type { ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { type ApiClient, ApiError, type ApiRequest } from '../../agent/kubernetes/api.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { eventually } from '../agent/site.js';
import { type Answer, ApiServer, fixedCredentials } from './api-server.js';
import { CountingClock } from './counting-clock.js';
import { readTranscript, transcriptTest } from './transcripts.js';

const watch: ApiRequest = { method: 'GET', path: '/api/v1/services', query: { watch: '1' } };

/** Long enough for a slow machine, in ms. */
const patient = 60_000;

interface Meeting {
  readonly client: ApiClient;
  readonly server: ApiServer;
  /** The clock that the client goes by. */
  readonly clock: CountingClock;
}

async function meet(t: ExecutionContext, answer: Answer): Promise<Meeting> {
  const server = await ApiServer.start(t, answer);
  const clock = new CountingClock();
  return { server, clock, client: openClient(fixedCredentials(server.url), clock) };
}

/** All lines until the end, and the error that ended them. */
async function read(lines: AsyncIterable<Buffer>): Promise<{ lines: string[]; error: ApiError | undefined }> {
  const seen: string[] = [];
  try {
    for await (const line of lines) seen.push(line.toString('utf8'));
    return { lines: seen, error: undefined };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { lines: seen, error };
  }
}

/** A chunk of RFC 9112, section 7.1. */
const chunkOf = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

const head = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');

/** Writes raw bytes, and closes the connection when they are out. */
function sendRaw({ socket }: ServerResponse, bytes: Uint8Array): void {
  socket?.end(bytes);
}

test('the first line is there before the second is sent', async (t) => {
  let response: ServerResponse | undefined;
  const { client } = await meet(t, (_, given) => {
    response = given;
    given.write('1\n');
  });
  const lines = (await client.lines(watch, patient))[Symbol.asyncIterator]();
  t.is((await lines.next()).value?.toString(), '1');
  response!.write('2');
  response!.end('2\n');
  t.is((await lines.next()).value?.toString(), '22');
  t.deepEqual(await lines.next(), { done: true, value: undefined });
});

test('a stream that ends in a line ends without it', async (t) => {
  const { client } = await meet(t, (_, response) => response.end('{"a":1}\n{"b":'));
  t.deepEqual(await read(await client.lines(watch, patient)), { lines: ['{"a":1}'], error: undefined });
});

test('wherever a stream is cut, the lines before are there, and then an error', async (t) => {
  const chunks = [Buffer.from('{"n":1}\n'), Buffer.from('{"é":"😀"}\n{"n":'), Buffer.from('3}\n')].map(chunkOf);
  const whole = Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
  let end = 0;
  const { client } = await meet(t, (_, response) => sendRaw(response, Buffer.concat([head, whole.subarray(0, end)])));
  for (; end < whole.length; end++) {
    const { error, lines } = await read(await client.lines(watch, patient));
    const came = Buffer.concat([...dechunked(whole.subarray(0, end))]).toString('latin1');
    const complete = came.split('\n').slice(0, -1);
    t.deepEqual(
      lines.map((line) => Buffer.from(line).toString('latin1')),
      complete,
      `after ${end} bytes`,
    );
    t.is(error?.status, 0, `after ${end} bytes`);
  }
  const { error, lines } = await read(await client.lines(watch, patient));
  t.deepEqual([lines, error], [['{"n":1}', '{"é":"😀"}', '{"n":3}'], undefined]);
});

/** What of a chunked body is in its first bytes. */
function* dechunked(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return;
    const length = Number.parseInt(bytes.subarray(at, end).toString(), 16);
    yield bytes.subarray(end + 2, end + 2 + length);
    at = end + 2 + length + 2;
  }
}

test('a connection that is reset is an error', async (t) => {
  const { client, server } = await meet(t, (_, response) => response.write('1\n'));
  const lines = (await client.lines(watch, patient))[Symbol.asyncIterator]();
  t.is((await lines.next()).value?.toString(), '1');
  for (const socket of server.sockets) socket.destroy();
  const error = await t.throwsAsync(lines.next(), { instanceOf: ApiError });
  t.deepEqual([error!.status, error!.reason], [0, 'ECONNRESET']);
  t.regex(error!.message, /^https:\S+: the connection was cut/);
});

test('a stream that falls silent is cut by the clock, and one that does not is not', async (t) => {
  let response: ServerResponse | undefined;
  const { client, clock, server } = await meet(t, (_, given) => {
    response = given;
    given.write('0\n');
  });
  const lines = (await client.lines(watch, 10_000))[Symbol.asyncIterator]();
  await lines.next();
  for (let line = 1; line < 5; line++) {
    const next = await clock.armedBy(() => lines.next());
    clock.advance(9_999);
    response!.write(`${line}\n`);
    t.is((await next()).value?.toString(), String(line));
  }
  const next = await clock.armedBy(() => lines.next());
  clock.advance(10_000);
  const error = await t.throwsAsync(next(), { instanceOf: ApiError });
  t.deepEqual([error!.status, error!.reason], [0, 'Idle']);
  t.is(error!.message, `${server.url}: nothing arrived for 10 s`);
  await eventually(
    () => server.sockets.size,
    (open) => open === 0,
  );
});

test('half a line is a sign of life', async (t) => {
  let response: ServerResponse | undefined;
  const { client, clock } = await meet(t, (_, given) => {
    response = given;
    given.write('0\nhal');
  });
  const lines = (await client.lines(watch, 10_000))[Symbol.asyncIterator]();
  await lines.next();
  const next = await clock.armedBy(() => lines.next());
  clock.advance(9_000);
  await clock.armedBy(async () => response!.write('f'));
  clock.advance(9_000);
  response!.write('\n');
  t.is((await next()).value?.toString(), 'half');
});

test('the time-out is for the head alone', async (t) => {
  let response: ServerResponse | undefined;
  const { client, clock, server } = await meet(t, (_, given) => {
    response = given;
  });
  const headless = client.lines({ ...watch, timeoutMs: 1_000 }, patient);
  await eventually(
    () => response,
    (given) => given !== undefined,
  );
  clock.advance(1_000);
  t.like(await t.throwsAsync(headless), { status: 0, reason: 'Timeout' });

  response = undefined;
  const opening = client.lines({ ...watch, timeoutMs: 1_000 }, patient);
  await eventually(
    () => response,
    (given) => given !== undefined,
  );
  response!.flushHeaders();
  const lines = (await opening)[Symbol.asyncIterator]();
  const next = await clock.armedBy(() => lines.next());
  clock.advance(2_000);
  response!.write('1\n');
  t.is((await next()).value?.toString(), '1');
  await lines.return?.();
  await eventually(
    () => server.sockets.size,
    (open) => open === 0,
  );
});

test('leaving the lines closes the connection, and so does the signal', async (t) => {
  const { client, server } = await meet(t, (_, response) => response.write('1\n2\n'));
  const none = () =>
    eventually(
      () => server.sockets.size,
      (open) => open === 0,
    );
  for await (const line of await client.lines(watch, patient)) {
    t.is(line.toString(), '1');
    break;
  }
  await none();
  const controller = new AbortController();
  const lines = (await client.lines({ ...watch, signal: controller.signal }, patient))[Symbol.asyncIterator]();
  for (let count = 0; count < 2; count++) await lines.next();
  const next = lines.next();
  controller.abort();
  t.like(await t.throwsAsync(next, { instanceOf: ApiError }), { status: 0, reason: 'Aborted' });
  await none();
  // Nor does one leak that was never read from.
  const unread = new AbortController();
  await client.lines({ ...watch, signal: unread.signal }, patient);
  unread.abort();
  await none();
});

test('each stream has a connection of its own, and calls go on beside them', async (t) => {
  const { client, server } = await meet(t, ({ url }, response) => {
    if (url?.includes('watch')) response.write('1\n');
    else response.end('{}');
  });
  const streams = await Promise.all(Array.from({ length: 20 }, () => client.lines(watch, patient)));
  t.is(server.connections, 20);
  t.deepEqual(await client.call({ method: 'GET', path: '/version' }), {});
  t.is(server.connections, 21);
  for (const lines of streams) for await (const _ of lines) break;
  client.close();
  await eventually(
    () => server.sockets.size,
    (open) => open === 0,
  );
});

test('a reader that takes its time holds the server back', async (t) => {
  const line = `${'x'.repeat((1 << 20) - 1)}\n`;
  const total = 64;
  let sent = 0;
  const { client, clock } = await meet(t, ({ url }, response) => {
    if (!url?.includes('watch')) return response.end('{}');
    const send = () => {
      while (sent < total) {
        sent += 1;
        if (!response.write(line)) return response.once('drain', send);
      }
      return response.end();
    };
    return send();
  });
  const lines = await client.lines(watch, 1_000);
  let seen = 0;
  for await (const each of lines) {
    t.is(each.length, line.length - 1);
    seen += 1;
    if (seen > 1) continue;
    // Others get on meanwhile, and a slow reader is no silence.
    for (let call = 0; call < 50; call++) await client.call({ method: 'GET', path: '/version' });
    clock.advance(60_000);
    t.true(sent < 32, `${sent} of ${total} lines were sent before the second was asked for`);
  }
  t.is(seen, total);
});

test('a line has an end', async (t) => {
  const { client, server } = await meet(t, (_, response) => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    const send = () => {
      while (!response.destroyed) if (!response.write(chunk)) return response.once('drain', send);
      return response;
    };
    send();
  });
  const { error, lines } = await read(await client.lines(watch, patient));
  t.deepEqual(lines, []);
  t.is(error?.message, `${server.url}: a line is longer than 16777216 bytes`);
  t.is(error?.status, 0);
  await eventually(
    () => server.sockets.size,
    (open) => open === 0,
  );
});

for (const name of ['30-watch-services.txt', '31-watch-services-partialmetadata.txt', '72-410-watch-services.txt'])
  transcriptTest(`recorded: ${name} has the same lines however it is chunked`, async (t) => {
    const { body } = readTranscript(name);
    const expected = body.toString('utf8').split('\n').slice(0, -1).filter(Boolean);
    let size = 1;
    const { client } = await meet(t, (_, response) => {
      const pieces: Uint8Array[] = [head];
      for (let at = 0; at < body.length; at += size) pieces.push(chunkOf(body.subarray(at, at + size)));
      sendRaw(response, Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]));
    });
    for (size of [1, 7, 4096, body.length]) {
      const { error, lines } = await read(await client.lines(watch, patient));
      t.deepEqual(lines, expected);
      t.is(error, undefined);
    }
    t.true(expected.length > 0);
  });

test('a stream that the server ended leaves its connection to the next one, and one that was left does not', async (t) => {
  const { client, server } = await meet(t, (_, response) => response.end('1\n2\n'));
  for (let stream = 0; stream < 5; stream++) await read(await client.lines(watch, patient));
  t.is(server.connections, 1);
  for await (const line of await client.lines(watch, patient)) {
    t.is(line.toString(), '1');
    break;
  }
  await read(await client.lines(watch, patient));
  t.true(server.connections <= 2);
  client.close();
  await eventually(
    () => server.sockets.size,
    (open) => open === 0,
  );
});

test('a stream on a kept connection that the server is closing is begun again on another', async (t) => {
  const used = new Set<unknown>();
  const { client, server } = await meet(t, (request, response) => {
    if (used.has(request.socket)) request.socket.destroy();
    else response.end('1\n');
    used.add(request.socket);
  });
  for (let stream = 0; stream < 2; stream++)
    t.deepEqual(await read(await client.lines(watch, patient)), { lines: ['1'], error: undefined });
  t.is(server.connections, 2);
  client.close();
});
