import { createHash, randomBytes } from 'node:crypto';
import { Agent, createServer as createHttpServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../agent/clock.js';
import type { ServerExchange } from '../../../agent/gateway/exchange.js';
import { buffered } from '../../../agent/gateway/http1/buffered.js';
import { Http1Client } from '../../../agent/gateway/http1/client.js';
import { http1Limits } from '../../../agent/gateway/http1/limits.js';
import { type ServedConnection, serveHttp1 } from '../../../agent/gateway/http1/server.js';
import { readSocket } from '../../../agent/gateway/http1/socket-reader.js';
import { downstream, forward } from './wire.js';

const options = { limits: http1Limits, clock: systemClock };

async function listen(t: ExecutionContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A proxy of the codecs alone, with a pool of connections that are not busy. */
async function proxyTo(t: ExecutionContext, backend: number): Promise<{ port: number; served: Set<ServedConnection> }> {
  const idle = new Set<Http1Client>();
  const served = new Set<ServedConnection>();
  const onRequest = (exchange: ServerExchange) => {
    const client = [...idle].find(({ capacity }) => capacity > 0);
    if (client !== undefined) {
      idle.delete(client);
      forward({ exchange }, client);
      return;
    }
    const socket = connect({ port: backend, host: '127.0.0.1', noDelay: true }, () => {
      const owner = {
        changed: () => fresh.capacity > 0 && idle.add(fresh),
        closed: () => idle.delete(fresh),
      };
      const fresh = new Http1Client(socket, owner, options);
      forward({ exchange }, fresh);
    });
    socket.on('error', () => exchange.abort('connect-failure'));
  };
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = serveHttp1(socket, {
      ...options,
      downstream,
      scheme: 'http',
      first: Buffer.alloc(0),
      onRequest,
      onClosed: () => served.delete(connection),
    });
    served.add(connection);
  });
  return { port: await listen(t, server), served };
}

interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly digest: string;
}

function ask(port: number, agent: Agent, path: string, body?: Buffer, chunked = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined ? {} : chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': body.length };
    const method = body === undefined ? 'GET' : 'POST';
    const request = httpRequest({ port, host: '127.0.0.1', path, agent, method, headers }, (response) => {
      const hash = createHash('sha256');
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        hash.update(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes, digest: hash.digest('hex') }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

function echo(request: IncomingMessage, response: import('node:http').ServerResponse): void {
  if (request.headers['content-length'] !== undefined)
    response.setHeader('content-length', request.headers['content-length']);
  request.pipe(response);
}

function digestOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

test.serial('bodies of all sizes go through real sockets and come back whole', async (t) => {
  const backend = createHttpServer(echo);
  const { port } = await proxyTo(t, await listen(t, backend));
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  t.teardown(() => agent.destroy());
  const sizes = [0, 1, 100, 16_383, 16_384, 16_385, 65_536, 1_000_000, 20_000_000];
  const asks = sizes.flatMap((size) => [false, true].map((chunked) => ({ body: randomBytes(size), chunked })));
  const answers = await Promise.all(asks.map(({ body, chunked }) => ask(port, agent, '/', body, chunked)));
  for (const [index, { body }] of asks.entries()) {
    t.deepEqual(answers[index], { status: 200, bytes: body.length, digest: digestOf(body) });
  }
});

test.serial('a thousand requests use few connections', async (t) => {
  let connections = 0;
  const backend = createHttpServer((_request, response) => response.end('ok'));
  backend.on('connection', () => connections++);
  const { port } = await proxyTo(t, await listen(t, backend));
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.teardown(() => agent.destroy());
  const answers = await Promise.all(Array.from({ length: 1_000 }, (_, index) => ask(port, agent, `/${index}`)));
  t.true(answers.every(({ status, bytes }) => status === 200 && bytes === 2));
  t.true(connections <= 8, `${connections} connections`);
});

test.serial('a slow reader of a large response is not buffered for', async (t) => {
  const chunk = Buffer.alloc(1 << 20);
  let written = 0;
  const backend = createHttpServer((_request, response) => {
    const more = () => {
      while (written < 200) {
        written++;
        if (!response.write(chunk)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const { port } = await proxyTo(t, await listen(t, backend));
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await new Promise((resolve) => socket.once('readable', resolve));
  let last = -1;
  while (last !== written) {
    last = written;
    for (let turn = 0; turn < 2_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(written < 60, `${written} MiB left the backend for a reader that does not read`);
});

test.serial('an upgraded connection carries both directions and half closes', async (t) => {
  const backend = createHttpServer();
  backend.on('upgrade', (_request, socket: Socket, head: Buffer) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    if (head.length > 0) socket.write(head);
    socket.pipe(socket);
  });
  const { port } = await proxyTo(t, await listen(t, backend));
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ');
  socket.write('bytes');
  socket.end();
  await new Promise((resolve) => socket.once('end', resolve));
  t.true(text.startsWith('HTTP/1.1 101 Switching Protocols\r\n'));
  t.true(text.endsWith('\r\n\r\nearly bytes'));
});

test.serial('a body that ends with the connection is cut by a reset, not by an end', async (t) => {
  let one: ServerExchange | undefined;
  const server = createServer((socket) => {
    serveHttp1(socket, {
      ...options,
      downstream,
      scheme: 'http',
      first: Buffer.alloc(0),
      onClosed: () => {},
      onRequest: (exchange) => {
        one = exchange;
        exchange.respond({ status: 200, fields: [], length: undefined }, false);
        exchange.write(Buffer.from('half'));
      },
    });
  });
  const port = await listen(t, server);
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.0\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  one!.abort('reset');
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
  t.is(error.code, 'ECONNRESET');
});

test.serial('draining lets every request in flight end, and no connection stays', async (t) => {
  const waiting: (() => void)[] = [];
  const backend = createHttpServer((_request, response) => {
    waiting.push(() => response.end('ok'));
    if (waiting.length === 20) allArrived();
  });
  let allArrived: () => void = () => {};
  const arrived = new Promise<void>((resolve) => {
    allArrived = resolve;
  });
  const { port, served } = await proxyTo(t, await listen(t, backend));
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const answers = Array.from({ length: 20 }, () => ask(port, agent, '/'));
  await arrived;
  for (const connection of served) connection.drain();
  for (const finish of waiting) finish();
  t.true((await Promise.all(answers)).every(({ bytes }) => bytes === 2));
  while (served.size > 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(served.size, 0);
});

test.serial('what connections keep is counted, and given back', async (t) => {
  const { port } = await proxyTo(t, 1);
  const before = { ...buffered };
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a');
  while (buffered.bytes === before.bytes) await new Promise((resolve) => setImmediate(resolve));
  t.is(buffered.bytes - before.bytes, 23);
  socket.resetAndDestroy();
  while (buffered.bytes !== before.bytes) await new Promise((resolve) => setImmediate(resolve));
  t.is(buffered.bytes, before.bytes);
});

test.serial('this Node reads TCP into the shared buffer, accepted and connected', async (t) => {
  const borrowed: boolean[] = [];
  const texts: string[] = [];
  const note = (bytes: Buffer, isBorrowed: boolean) => {
    borrowed.push(isBorrowed);
    texts.push(bytes.toString());
  };
  const server = createServer((socket) => {
    readSocket(socket, note);
    socket.write('down');
  });
  const port = await listen(t, server);
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  readSocket(socket, note);
  socket.write('up');
  while (texts.length < 2) await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  t.deepEqual(texts.sort(), ['down', 'up']);
  t.deepEqual(borrowed, [true, true]);
});
