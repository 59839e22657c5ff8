import type { Socket } from 'node:net';
import type { Snapshot } from '../../compile/snapshot.js';
import { Acceptor } from './acceptor.js';
import { EarlyConnections } from './early-connections.js';
import { openIngressConnection } from './ingress-connection.js';
import { type ListenerLimits, listenerLimits } from './limits.js';
import { openMeshConnection } from './mesh-connection.js';
import type { ListenerBounds, ListenerParts } from './parts.js';
import { ServedSocket } from './served-socket.js';
import { TlsServers } from './tls-servers.js';

export interface ListenersOptions extends Omit<ListenerParts, 'limits' | 'tls' | 'early' | 'bounds'> {
  readonly limits?: ListenerLimits;
}

/** One Pod's listener, or one port's. */
interface Listener {
  readonly acceptor: Acceptor;
  readonly connections: Set<ServedSocket>;
}

/** All listening sockets of a worker and the connections that came by them. */
export class Listeners {
  readonly #parts: ListenerParts;
  readonly #mesh = new Map<string, Listener>();
  readonly #ingress = new Map<number, Listener>();
  readonly #bounds: ListenerBounds = { connectionsRefused: 0, unknownTargets: 0, tlsRefused: 0, acceptFailures: 0 };
  /** Connections whose listener is closed are in here too. */
  readonly #all = new Set<ServedSocket>();
  #emptied: (() => void) | undefined;

  constructor({ limits = listenerLimits, ...options }: ListenersOptions) {
    const early = new EarlyConnections(options.clock);
    this.#parts = { ...options, limits, bounds: this.#bounds, tls: new TlsServers(limits.openingMs), early };
  }

  /** Accepted and not ended. */
  get connections(): number {
    return this.#all.size;
  }

  /** Requests in flight. */
  get inFlight(): number {
    let sum = 0;
    for (const served of this.#all) sum += served.inFlight;
    return sum;
  }

  get bounds(): Readonly<ListenerBounds> {
    return this.#bounds;
  }

  /** Accepts connections of a captured Pod (NS/POD). Replaces what was open for it, whose connections live on. */
  openMesh(pod: string, descriptors: readonly number[]): void {
    const before = this.#mesh.get(pod);
    before?.acceptor.close();
    this.#mesh.set(
      pod,
      this.#open(descriptors, before, (served) => openMeshConnection(served, pod, this.#parts)),
    );
  }

  /** The Pod is gone: all that is its own ends at once. */
  closeMesh(pod: string): void {
    const listener = this.#mesh.get(pod);
    if (!listener) return;
    this.#mesh.delete(pod);
    listener.acceptor.close();
    for (const served of listener.connections) served.destroy();
  }

  /** Connections to these Service ports (keys of `Snapshot.targets`) end as soon as that costs nobody a request. */
  drainTargets(keys: ReadonlySet<string>): void {
    for (const { connections } of this.#mesh.values())
      this.#drainAll([...connections].filter(({ target }) => keys.has(target)));
  }

  openIngress(port: number, descriptors: readonly number[]): void {
    const before = this.#ingress.get(port);
    before?.acceptor.close();
    this.#ingress.set(
      port,
      this.#open(descriptors, before, (served) => openIngressConnection(served, port, this.#parts)),
    );
  }

  /** No new connections; those that are there drain. */
  closeIngress(port: number): void {
    const listener = this.#ingress.get(port);
    if (!listener) return;
    this.#ingress.delete(port);
    listener.acceptor.close();
    this.#drainAll([...listener.connections]);
  }

  /** A changed snapshot: certificates that no server has any more are forgotten. What is served is asked of `snapshot` all the time. */
  update(snapshot: Snapshot): void {
    const servers = Object.values(snapshot.ingress).flatMap((listener) => listener.servers);
    this.#parts.tls.keep(servers.flatMap(({ tls }) => (tls === undefined ? [] : [tls])));
    this.#parts.early.retry();
  }

  /** Accepts nothing more and resolves when all connections have ended, at the latest after `drainMs`. */
  drain(): Promise<void> {
    for (const { acceptor } of [...this.#mesh.values(), ...this.#ingress.values()]) acceptor.close();
    this.#mesh.clear();
    this.#ingress.clear();
    this.#drainAll([...this.#all]);
    if (this.#all.size === 0) return Promise.resolve();
    const { clock, limits } = this.#parts;
    return new Promise((resolve) => {
      const cancel = clock.after(limits.drainMs, () => {
        for (const served of [...this.#all]) served.destroy();
      });
      this.#emptied = () => {
        cancel();
        resolve();
      };
    });
  }

  #drainAll(connections: readonly ServedSocket[]): void {
    const { clock, limits } = this.#parts;
    for (const served of connections) served.drain();
    if (connections.length === 0) return;
    clock.after(limits.http1.drainIdleMs, () => {
      for (const served of connections) served.endSilent();
    });
  }

  #open(descriptors: readonly number[], before: Listener | undefined, begin: (served: ServedSocket) => void): Listener {
    const connections = before?.connections ?? new Set<ServedSocket>();
    const accepted = (socket: Socket): void => {
      const { limits } = this.#parts;
      if (this.#all.size >= limits.connections || connections.size >= limits.connectionsPerListener) {
        this.#bounds.connectionsRefused++;
        socket.resetAndDestroy();
        return;
      }
      const served = new ServedSocket(socket);
      this.#all.add(served);
      connections.add(served);
      socket.on('error', ignore);
      socket.once('close', () => {
        connections.delete(served);
        this.#all.delete(served);
        if (this.#all.size === 0) this.#emptied?.();
      });
      begin(served);
    };
    const failed = (): void => {
      this.#bounds.acceptFailures++;
    };
    return { acceptor: new Acceptor(descriptors, accepted, failed), connections };
  }
}

/** What an error means is told by the close after it. */
function ignore(): void {}
