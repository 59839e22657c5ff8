import type { Socket } from 'node:net';
import { type ConnectionView, destinationOf, matchTcp, matchTls } from '../../compile/l4-route.js';
import type { IngressListener, IngressServer, L4Rule, Snapshot } from '../../compile/snapshot.js';
import { serverOf } from '../../compile/virtual-host.js';
import type { Downstream } from '../exchange.js';
import { readClientHello } from '../l4/client-hello.js';
import { forward } from '../l4/forward.js';
import { cut } from '../l4/tunnel.js';
import { FirstBytes } from './first-bytes.js';
import { serveHttp, serveVersion } from './http-connection.js';
import type { ListenerParts } from './parts.js';
import type { ServedSocket } from './served-socket.js';

/** A connection from outside. */
interface IngressConnection {
  readonly served: ServedSocket;
  /** The accepted one, or where TLS has ended the one that speaks plain text. */
  readonly socket: Socket;
  readonly port: number;
  readonly address: string;
  readonly snapshot: Snapshot;
}

/** Begins a connection to a port of the node. */
export function openIngressConnection(served: ServedSocket, port: number, parts: ListenerParts): void {
  const { socket } = served;
  const snapshot = parts.snapshot();
  const listener = snapshot.ingress[port];
  if (listener === undefined) {
    parts.bounds.unknownTargets++;
    socket.resetAndDestroy();
    return;
  }
  const remote = socket.remoteAddress ?? '';
  const address = remote.startsWith('::ffff:') ? remote.slice(7) : remote;
  const connection: IngressConnection = { served, socket, port, address, snapshot };
  if (listener.protocol === 'http') {
    serveHttp({ served, socket, scheme: 'http', downstream: downstreamOf(connection, undefined) }, parts);
  } else if (listener.protocol === 'tcp') carryTcp(connection, listener.servers, parts);
  else openTls(connection, listener, parts);
}

function downstreamOf({ address, socket, port }: IngressConnection, sni: string | undefined): Downstream {
  const tls = sni === undefined ? undefined : { sni };
  return { origin: 'ingress', pod: '', address, port: socket.remotePort ?? 0, target: String(port), tls };
}

/** Waits for the ClientHello, whose name chooses the server. */
function openTls(connection: IngressConnection, listener: IngressListener, parts: ListenerParts): void {
  new FirstBytes<string | 'none'>(connection.socket, {
    clock: parts.clock,
    decide: (bytes) => {
      const result = readClientHello(bytes);
      if (result.type === 'more') return undefined;
      return result.type === 'hello' ? `sni ${result.hello.sni}` : 'none';
    },
    silenceMs: parts.limits.openingMs,
    slowMs: parts.limits.openingMs,
    silent: () => undefined,
    decided: (found, bytes) => {
      const sni = found === 'none' ? undefined : found.slice('sni '.length);
      const server = sni === undefined ? undefined : serverOf(listener, sni);
      if (sni === undefined || server === undefined) refuseTls(connection, parts);
      else if (server.tls !== undefined) terminate(connection, server, sni, bytes, parts);
      else passThrough(connection, server, sni, bytes, parts);
    },
  });
}

function refuseTls({ socket }: IngressConnection, parts: ListenerParts): void {
  parts.bounds.tlsRefused++;
  socket.resetAndDestroy();
}

function terminate(
  connection: IngressConnection,
  server: IngressServer,
  sni: string,
  first: Buffer,
  parts: ListenerParts,
): void {
  const isHttp = server.tcpRules.length === 0;
  parts.tls.terminate(connection.socket, first, server.tls!, isHttp, (secure) => {
    if (secure === undefined) {
      parts.bounds.tlsRefused++;
      return;
    }
    secure.on('error', () => secure.destroy());
    if (!isHttp) {
      carryTcp({ ...connection, socket: secure }, [server], parts);
      return;
    }
    const downstream = downstreamOf(connection, sni);
    const opening = { served: connection.served, socket: secure, scheme: 'https', downstream } as const;
    if (secure.alpnProtocol === 'h2') serveVersion(opening, 'http2', Buffer.alloc(0), parts);
    else if (secure.alpnProtocol === 'http/1.1') serveVersion(opening, 'http1', Buffer.alloc(0), parts);
    else serveHttp(opening, parts);
  });
}

function passThrough(
  connection: IngressConnection,
  server: IngressServer,
  sni: string,
  first: Buffer,
  parts: ListenerParts,
): void {
  const rule = matchTls(server.tlsRules, viewOf(connection, sni), outsider(server));
  if (rule === undefined) refuseTls(connection, parts);
  else carry(connection, rule, sni, first, parts);
}

/** By the first tcp rule that fits. */
function carryTcp(connection: IngressConnection, servers: readonly IngressServer[], parts: ListenerParts): void {
  for (const server of servers) {
    const rule = matchTcp(server.tcpRules, viewOf(connection, ''), outsider(server));
    if (rule === undefined) continue;
    carry(connection, rule, '', Buffer.alloc(0), parts);
    return;
  }
  parts.bounds.unknownTargets++;
  cut(connection.socket);
}

function viewOf({ address, port, socket }: IngressConnection, sni: string): ConnectionView {
  return { sni, source: address, destination: socket.localAddress, port };
}

const outsider = (server: IngressServer): { namespace: string; labels: Record<string, string>; gateway: string } => ({
  namespace: '',
  labels: {},
  gateway: server.gateway,
});

function carry(connection: IngressConnection, rule: L4Rule, sni: string, first: Buffer, parts: ListenerParts): void {
  const { served, socket, snapshot, port } = connection;
  served.carry();
  const downstream = downstreamOf(connection, undefined);
  const cluster = destinationOf(rule, parts.random()) ?? '';
  const { upstreams, clock, onRecord, limits } = parts;
  const forwarding = { socket, first, downstream, client: undefined, snapshot, service: '', port, rule: rule.name };
  void forward({ ...forwarding, cluster, sni }, { upstreams, clock, onRecord, idleMs: limits.tcpIdleMs });
}
