import { createServer, type Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import test from 'ava';
import { systemClock } from '../../../agent/clock.js';
import { Http1Client } from '../../../agent/gateway/http1/client.js';
import { http1Limits } from '../../../agent/gateway/http1/limits.js';
import { hostileRequests } from './hostile-requests.js';
import { forward, settle, Wire } from './wire.js';

interface Seen {
  readonly requests: string[];
  readonly errors: string[];
}

/** Node's strict server, which writes down what it understands. */
function strictServer(seen: Seen): Server {
  const server = createServer({ insecureHTTPParser: false, maxHeaderSize: 64 * 1024 }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('latin1');
    });
    request.on('end', () => {
      seen.requests.push(`${request.url} ${body}`);
      response.setHeader('Content-Length', '0');
      response.end();
    });
    request.on('error', () => {});
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE') seen.errors.push(String(error.code));
    socket.destroy();
  });
  return server;
}

/** Each request on a connection of its own, so that one forward cannot hide in another. */
function connectionTo(server: Server): Http1Client {
  const [near, far]: Duplex[] = duplexPair();
  server.emit('connection', far);
  near!.on('error', () => {});
  const owner = { changed: () => {}, closed: () => far!.destroy() };
  return new Http1Client(near!, owner, { limits: http1Limits, clock: systemClock });
}

for (const { name, bytes, refused, forwarded } of hostileRequests) {
  const title = refused === 0 ? `${name}: forwarded as ${forwarded.length}` : `${name}: ${refused}`;
  test(title, async (t) => {
    const seen: Seen = { requests: [], errors: [] };
    const server = strictServer(seen);
    const wire = new Wire((received) => forward(received, connectionTo(server)));
    await wire.send(bytes);
    await settle();
    t.deepEqual(seen.requests, forwarded);
    t.deepEqual(seen.errors, []);
    const answers = wire.output.match(/HTTP\/1\.1 \d\d\d/g) ?? [];
    const expected = forwarded.map(() => 'HTTP/1.1 200');
    t.deepEqual(answers, refused === 0 ? expected : [`HTTP/1.1 ${refused}`]);
    t.is(wire.hasEnd, refused !== 0);
    server.close();
  });
}

test('bytes behind a refused request are never served', async (t) => {
  const wire = new Wire();
  await wire.send(
    'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  t.is(wire.received.length, 0);
  t.is(wire.output.match(/HTTP\/1\.1/g)?.length, 1);
});
