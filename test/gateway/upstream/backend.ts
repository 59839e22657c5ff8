import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';

/** A real server on loopback, which counts what it gets and can die. */
export class Backend {
  readonly #server: Server | Http2Server | TcpServer;
  readonly #sockets = new Set<Socket>();
  readonly port: number;
  requests = 0;

  private constructor(server: Server | Http2Server | TcpServer) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** `port` 0: any. */
  static async http(answer: RequestListener, port = 0): Promise<Backend> {
    const server = createServer((request, response) => {
      backend.requests++;
      answer(request, response);
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const backend = new Backend(server);
    return backend;
  }

  /** HTTP/2 with prior knowledge. */
  static async http2(answer: (stream: ServerHttp2Stream) => void): Promise<Backend> {
    const server = createHttp2Server();
    server.on('stream', (stream) => {
      backend.requests++;
      stream.on('error', () => {});
      answer(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const backend = new Backend(server);
    return backend;
  }

  static async tcp(onConnection: (socket: Socket) => void): Promise<Backend> {
    const server = createTcpServer((socket) => {
      backend.requests++;
      socket.on('error', () => {});
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const backend = new Backend(server);
    return backend;
  }

  /** As a server that stops in order: no new connections, idle ones end, answers are finished. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** As kill -9: the port refuses, every connection is reset. */
  kill(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (!this.#server.listening) return Promise.resolve();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** A port that refuses. */
export async function closedPort(): Promise<number> {
  const backend = await Backend.tcp(() => {});
  await backend.kill();
  return backend.port;
}
