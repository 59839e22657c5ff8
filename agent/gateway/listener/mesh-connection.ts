import type { Socket } from 'node:net';
import { destinationOf, matchTcp, matchTls } from '../../compile/l4-route.js';
import type { ClientPod, Snapshot, Target } from '../../compile/snapshot.js';
import type { Downstream } from '../exchange.js';
import { readClientHello } from '../l4/client-hello.js';
import { forward } from '../l4/forward.js';
import { detect } from './detection.js';
import { FirstBytes } from './first-bytes.js';
import { gatewayId } from './gateway-address.js';
import { serveHttp, serveVersion } from './http-connection.js';
import type { ListenerParts } from './parts.js';
import type { ServedSocket } from './served-socket.js';

/** A connection of a captured Pod to a Service port. */
interface MeshConnection {
  readonly served: ServedSocket;
  readonly socket: Socket;
  readonly pod: string;
  readonly target: Target;
  readonly snapshot: Snapshot;
  readonly client: ClientPod | undefined;
  readonly downstream: Downstream;
}

/** Begins a connection that the kernel led to the Pod's listener; one whose Service port is not known yet waits for the next snapshot. */
export function openMeshConnection(served: ServedSocket, pod: string, parts: ListenerParts): void {
  const id = gatewayId(served.socket.localAddress ?? '');
  const refuse = (): void => {
    parts.bounds.unknownTargets++;
    served.socket.resetAndDestroy();
  };
  if (id === undefined) refuse();
  else if (begin(served, pod, id, parts)) return;
  else if (!parts.early.wait(served, () => begin(served, pod, id, parts), refuse)) refuse();
}

/** False: the snapshot does not know the id. */
function begin(served: ServedSocket, pod: string, id: number, parts: ListenerParts): boolean {
  const { socket } = served;
  const snapshot = parts.snapshot();
  const key = snapshot.ids[id];
  const target = key === undefined ? undefined : snapshot.targets[key];
  if (key === undefined || target === undefined) return false;
  served.target = key;
  const client = snapshot.clients[pod];
  const address = clientAddress(socket.remoteAddress ?? '', client, target.family);
  const downstream: Downstream = {
    origin: 'mesh',
    pod,
    address,
    port: socket.remotePort ?? 0,
    target: key,
    tls: undefined,
  };
  const connection: MeshConnection = { served, socket, pod, target, snapshot, client, downstream };
  if (target.detection === 'http') serveHttp({ served, socket, scheme: 'http', downstream }, parts);
  else if (target.detection === 'sniff') sniff(connection, parts);
  else openOpaque(connection, parts);
  return true;
}

/** The Pod's own address where the kernel chose a loopback one for the way to the listener. */
function clientAddress(remote: string, client: ClientPod | undefined, family: 4 | 6): string {
  const isLoopback = remote.startsWith('127.') || remote === '::1' || remote.startsWith('fd77:6566:7400::');
  if (!isLoopback) return remote;
  return client?.addresses.find((address) => address.includes(':') === (family === 6)) ?? remote;
}

/** What a connection on an undeclared port turned out to be; a name: the SNI of a ClientHello. */
type Sniffed = 'http1' | 'http2' | 'other' | { readonly sni: string };

function sniff(connection: MeshConnection, parts: ListenerParts): void {
  const { socket, served, downstream } = connection;
  new FirstBytes<Sniffed>(socket, {
    clock: parts.clock,
    decide: sniffed,
    silenceMs: parts.limits.sniffMs,
    slowMs: parts.limits.sniffMs,
    silent: () => 'other',
    decided: (found, bytes) => {
      if (typeof found === 'object') carry(connection, bytes, found.sni, parts);
      else if (found === 'other') carry(connection, bytes, undefined, parts);
      else serveVersion({ served, socket, scheme: 'http', downstream }, found, bytes, parts);
    },
  });
}

function sniffed(bytes: Buffer): Sniffed | undefined {
  const found = detect(bytes);
  if (found === 'more') return undefined;
  return found === 'tls' ? helloOf(bytes) : found;
}

function helloOf(bytes: Buffer): { readonly sni: string } | 'other' | undefined {
  const result = readClientHello(bytes);
  if (result.type === 'hello') return { sni: result.hello.sni };
  return result.type === 'more' ? undefined : 'other';
}

/** Only rules that ask for a name are worth waiting for the client's first bytes. */
function openOpaque(connection: MeshConnection, parts: ListenerParts): void {
  if (connection.target.tls.length === 0) {
    carry(connection, Buffer.alloc(0), undefined, parts);
    return;
  }
  new FirstBytes<{ readonly sni: string } | 'other'>(connection.socket, {
    clock: parts.clock,
    decide: helloOf,
    silenceMs: parts.limits.sniffMs,
    slowMs: parts.limits.sniffMs,
    silent: () => 'other',
    decided: (found, bytes) => carry(connection, bytes, found === 'other' ? undefined : found.sni, parts),
  });
}

/** By the `tls` rules (where a ClientHello came), then the `tcp` rules, then to the Service's own endpoints. */
function carry(connection: MeshConnection, first: Buffer, sni: string | undefined, parts: ListenerParts): void {
  const { served, socket, snapshot, target, client, downstream } = connection;
  const view = { sni: sni ?? '', source: downstream.address, destination: target.addresses[0], port: target.port };
  const clientView = { namespace: client?.namespace ?? '', labels: client?.labels ?? {}, gateway: 'mesh' };
  const rule =
    (sni === undefined ? undefined : matchTls(target.tls, view, clientView)) ?? matchTcp(target.tcp, view, clientView);
  const cluster = rule === undefined ? target.cluster : (destinationOf(rule, parts.random()) ?? '');
  served.carry();
  const { service, port } = target;
  const forwarding = { socket, first, downstream, client, snapshot, service, port, rule: rule?.name ?? '', cluster };
  const { upstreams, clock, onRecord, limits } = parts;
  void forward({ ...forwarding, sni: sni ?? '' }, { upstreams, clock, onRecord, idleMs: limits.tcpIdleMs });
}
