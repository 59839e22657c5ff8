import { createServer, type Server, type ServerResponse } from 'node:http';
import { takeOrders } from '../live/orders.js';

/*
 * A backend as a rolling replacement has it: on SIGTERM it takes nothing new, finishes what it has, closes and ends. Paths choose what else it does:
 * `/slow-sink` reads its request at `rate` bytes a second, `/gush` answers `size` bytes; `delay` is ms until the answer.
 */

let server: Server | undefined;
let isLeaving = false;
let delayMs = 0;
let requests = 0;

const block = Buffer.alloc(64 * 1024, 'x');

function gush(response: ServerResponse, size: number): void {
  response.writeHead(200, { 'content-length': size });
  let left = size;
  const more = (): void => {
    while (left > 0) {
      const piece = block.subarray(0, Math.min(left, block.length));
      left -= piece.length;
      if (!response.write(piece)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

function serve(name: string): Server {
  return createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://local');
    if (pathname === '/slow-sink') {
      const everyMs = 50;
      const timer = setInterval(() => request.read((Number(searchParams.get('rate')) * everyMs) / 1000), everyMs);
      request.on('error', () => undefined).once('close', () => clearInterval(timer));
      return;
    }
    if (pathname === '/gush') {
      gush(response, Number(searchParams.get('size')));
      return;
    }
    requests++;
    request.resume();
    const answer = (): void => {
      const body = JSON.stringify({ backend: name, headers: request.rawHeaders });
      const closing = isLeaving ? { connection: 'close' } : {};
      response.writeHead(200, { 'content-length': Buffer.byteLength(body), ...closing });
      response.end(body);
    };
    const wait = Number(searchParams.get('delay') ?? delayMs);
    if (wait > 0) setTimeout(answer, wait);
    else answer();
  });
}

process.once('SIGTERM', () => {
  isLeaving = true;
  server?.close(() => process.exit(0));
  server?.closeIdleConnections();
});

takeOrders({
  listen: ({ address, port, delay }: { address: string; port: number; delay: number }) =>
    new Promise<void>((resolve, reject) => {
      delayMs = delay;
      server = serve(`${address}:${port}`);
      server.once('error', reject);
      server.listen({ host: address, port, backlog: 4096 }, resolve);
    }),
  requests: () => requests,
});
