import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { takeOrders } from './orders.js';
import type { Behaviour, Echo, Kind, Secrets } from './origin.js';

interface Backend {
  readonly server: Server;
  readonly sockets: Set<Socket>;
  behaviour: Behaviour;
  served: number;
  taken: Echo[];
}

const backends = new Map<string, Backend>();
const connections = new WeakMap<object, number>();
let connected = 0;

/** Numbers sockets in the order in which they first asked. */
function connectionOf(socket: object): number {
  const number = connections.get(socket) ?? ++connected;
  connections.set(socket, number);
  return number;
}

async function answer(
  name: string,
  backend: Backend,
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): Promise<void> {
  let bodyBytes = 0;
  for await (const chunk of request) bodyBytes += (chunk as Buffer).length;
  const socket = request.socket as Partial<TLSSocket> & Socket;
  const echo: Echo = {
    backend: name,
    client: socket.remoteAddress ?? '',
    connection: connectionOf(socket),
    serverName: String(socket.servername ?? ''),
    clientCertificate: String(socket.getPeerCertificate?.().subject?.CN ?? ''),
    method: request.method ?? '',
    url: request.url ?? '',
    version: request.httpVersion,
    headers: request.rawHeaders,
    bodyBytes,
    trailers: request.rawTrailers,
  };
  if (backend.taken.length < 10_000) backend.taken.push(echo);
  backend.served++;
  const { times = Number.POSITIVE_INFINITY } = backend.behaviour;
  const behaviour = backend.served <= times ? backend.behaviour : {};
  if (behaviour.delayMs !== undefined) await pause(behaviour.delayMs);
  if (behaviour.reset === true) {
    socket.destroy();
    return;
  }
  const body =
    behaviour.bytes === undefined ? (behaviour.body ?? JSON.stringify(echo)) : Buffer.alloc(behaviour.bytes, 'x');
  const headers = { 'content-type': 'application/json', ...behaviour.headers };
  (response as ServerResponse).writeHead(behaviour.status ?? 200, headers);
  (response as ServerResponse).end(body);
}

function serverOf(kind: Kind, name: string, secrets: Secrets | undefined, backend: () => Backend): Server {
  const take = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    answer(name, backend(), request, response).catch(() => undefined);
  };
  if (kind === 'http') return createHttp({ keepAliveTimeout: 60_000 }, take);
  if (kind === 'h2c') return createHttp2(take) as unknown as Server;
  if (kind === 'https') {
    const { certificate: cert, key, authority: ca } = secrets!;
    return createHttps({ cert, key, ...(ca === undefined ? {} : { ca, requestCert: true }) }, take);
  }
  return createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
}

function named(detail: { readonly address: string; readonly port: number }): Backend {
  const backend = backends.get(`${detail.address}:${detail.port}`);
  if (backend === undefined) throw new Error(`nothing listens on ${detail.address}:${detail.port}`);
  return backend;
}

takeOrders({
  listen: ({ address, port, kind, secrets }: { address: string; port: number; kind: Kind; secrets?: Secrets }) =>
    new Promise<void>((resolve, reject) => {
      const name = `${address}:${port}`;
      const server = serverOf(kind, name, secrets, () => backend);
      const backend: Backend = { server, sockets: new Set(), behaviour: {}, served: 0, taken: [] };
      server.on('connection', (socket) => {
        backend.sockets.add(socket);
        socket.once('close', () => backend.sockets.delete(socket));
      });
      server.once('error', reject);
      server.listen({ host: address, port, backlog: 4096 }, () => {
        backends.set(name, backend);
        resolve();
      });
    }),
  close: (detail: { address: string; port: number }) => {
    const { server, sockets } = named(detail);
    server.close();
    for (const socket of sockets) socket.destroy();
    backends.delete(`${detail.address}:${detail.port}`);
  },
  behave: (detail: { address: string; port: number; behaviour: Behaviour }) => {
    const backend = named(detail);
    backend.behaviour = detail.behaviour;
    backend.served = 0;
  },
  taken: (detail: { address: string; port: number }) => {
    const backend = named(detail);
    const { taken } = backend;
    backend.taken = [];
    return taken;
  },
});
