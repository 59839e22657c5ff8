import { connect, createServer, type Server, Socket } from 'node:net';
import { systemClock } from '../../../agent/clock.js';
import type { IngressListener, Snapshot, Target } from '../../../agent/compile/snapshot.js';
import { workloadOfLabels } from '../../../agent/compile/workload.js';
import type { ServerExchange } from '../../../agent/gateway/exchange.js';
import { type ListenerLimits, listenerLimits } from '../../../agent/gateway/listener/limits.js';
import { Listeners } from '../../../agent/gateway/listener/listeners.js';
import type { RequestRecord } from '../../../agent/gateway/record.js';
import type { TcpQuery, TcpResult } from '../../../agent/gateway/upstream/attempt.js';

interface BoundHandle {
  readonly fd: number;
  bind(address: string, port: number): number;
  bind6(address: string, port: number, flags: number): number;
  getsockname(out: { port?: number }): number;
}

interface TcpBinding {
  readonly TCP: new (type: number) => BoundHandle;
  readonly constants: { readonly SERVER: number };
}

/** Kept, because a collected handle closes its descriptor. */
const handles: BoundHandle[] = [];

/** A bound TCP socket as the agent hands it over: a bare descriptor that nobody accepts from. */
export function boundSocket(address = '0.0.0.0'): { readonly fd: number; readonly port: number } {
  const { TCP, constants } = (process as unknown as { binding(name: string): TcpBinding }).binding('tcp_wrap');
  const handle = new TCP(constants.SERVER);
  const failed = address.includes(':') ? handle.bind6(address, 0, 0) : handle.bind(address, 0);
  if (failed) throw new Error(`bind: ${failed}`);
  const out: { port?: number } = {};
  handle.getsockname(out);
  handles.push(handle);
  return { fd: handle.fd, port: out.port! };
}

export const emptySnapshot: Snapshot = {
  generation: 1,
  node: 'node',
  locality: { region: '', zone: '', subzone: '' },
  targets: {},
  ids: {},
  clients: {},
  ingress: {},
  clusters: {},
  accessLog: false,
};

export function target(change: Partial<Target>): Target {
  return {
    service: 'shop/cart',
    host: 'cart.shop.svc.cluster.local',
    port: 80,
    family: 4,
    addresses: ['10.96.0.1'],
    detection: 'http',
    cluster: 'cart.shop.svc.cluster.local:80',
    http: { sets: [] },
    tls: [],
    tcp: [],
    ...change,
  };
}

export function listener(change: Partial<IngressListener>): IngressListener {
  return { port: 1, binds: [], protocol: 'http', servers: [], ...change };
}

/** What a backend says for itself, so that a test sees which one was reached. */
export async function backend(serve: (socket: Socket) => void): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A worker's listeners with backends by cluster, and requests answered with what was asked. */
export class Rig {
  snapshot: Snapshot = emptySnapshot;
  readonly records: RequestRecord[] = [];
  readonly queries: TcpQuery[] = [];
  readonly exchanges: ServerExchange[] = [];
  readonly ports: Record<string, number> = {};
  readonly listeners: Listeners;
  onRequest: (exchange: ServerExchange) => void = (exchange) => {
    const { head, downstream } = exchange;
    const text = `${head.version} ${head.method} ${head.authority}${head.target} ${downstream.target} ${downstream.tls?.sni ?? '-'}`;
    exchange.respond({ status: 200, fields: [], length: text.length }, false);
    exchange.write(Buffer.from(text));
    exchange.end([]);
  };

  constructor(limits: Partial<ListenerLimits> = {}) {
    this.listeners = new Listeners({
      onRequest: (exchange) => {
        this.exchanges.push(exchange);
        this.onRequest(exchange);
      },
      upstreams: { connect: (query) => this.#connect(query) },
      snapshot: () => this.snapshot,
      onRecord: (record) => this.records.push(record),
      clock: systemClock,
      random: () => 0.5,
      limits: { ...listenerLimits, ...limits },
    });
  }

  #connect(query: TcpQuery): Promise<TcpResult> {
    this.queries.push(query);
    const port = this.ports[query.cluster];
    if (port === undefined) return Promise.resolve({ type: 'refused', why: 'no-healthy-upstream' });
    const socket = new Socket({ allowHalfOpen: true });
    return new Promise((resolve) => {
      socket.once('error', () => resolve({ type: 'refused', why: 'connect-failure' }));
      socket.connect(port, '127.0.0.1', () =>
        resolve({
          type: 'connected',
          socket,
          endpoint: {
            name: 'shop/cart-1',
            address: '127.0.0.1',
            port,
            weight: 1,
            state: 'ready',
            locality: { region: '', zone: '', subzone: '' },
            node: '',
            labels: {},
            workload: workloadOfLabels('unknown', 'unknown', { app: 'unknown', version: 'unknown' }),
          },
          done: () => {},
        }),
      );
    });
  }
}

/** Sends bytes, half-closes if asked, and gives back all that comes until the other side ends. */
export function talk(
  host: string,
  port: number,
  bytes: string | Buffer,
  end = false,
): Promise<{ readonly text: string; readonly reset: boolean }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    let reset = false;
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {
      reset = true;
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve({ text: Buffer.concat(chunks).toString('latin1'), reset }));
    if (bytes.length > 0) socket.write(bytes);
    if (end) socket.end();
  });
}

/** Resolves when `is` holds; looks again after each turn of the event loop. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
}
