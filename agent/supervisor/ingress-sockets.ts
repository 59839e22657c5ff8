import type { IngressListener } from '../compile/snapshot.js';

const ownNamespace = '/proc/self/ns/net';
/** Of connections that nobody has accepted yet. */
const backlog = 4096;

/** Makes the listening sockets of the agent's own namespace. */
export interface SocketOpener {
  /** A bound, listening TCP socket. Throws an error with `code` as errno names it. */
  listen(path: string, address: string, port: number, backlog: number): number;
  /** Listening sockets of this port that workers left by an earlier agent hold; with them nothing that waits there is lost. */
  adopt(port: number): readonly number[];
  close(fd: number): void;
}

/** Why a port is not served, as the end of a sentence. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens on it',
  EACCES: 'the agent may not listen below port 1024 (CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'the address is not of this node',
};

/** The node's ports for traffic from outside. The agent keeps the sockets, so that no attempt is refused while a worker is started again. */
export class IngressSockets {
  readonly #opener: SocketOpener;
  readonly #sockets = new Map<number, { readonly binds: string; readonly fds: readonly number[] }>();
  readonly #troubles = new Map<number, string>();
  readonly #served = new Set<number>();

  constructor(opener: SocketOpener) {
    this.#opener = opener;
  }

  /** Ports that could not be opened, with the reason. */
  get troubles(): ReadonlyMap<number, string> {
    return this.#troubles;
  }

  /** Whether a worker accepts on the port. */
  isServed(port: number): boolean {
    return this.#served.has(port);
  }

  served(port: number): void {
    if (this.#sockets.has(port)) this.#served.add(port);
  }

  all(): ReadonlyMap<number, readonly number[]> {
    return new Map([...this.#sockets].map(([port, { fds }]) => [port, fds]));
  }

  /** Opens and closes so that each of these is listened on. A port that is taken is tried again at the next call. */
  refresh(listeners: readonly IngressListener[]): {
    readonly opened: ReadonlyMap<number, readonly number[]>;
    readonly closed: readonly number[];
  } {
    const opened = new Map<number, readonly number[]>();
    const closed: number[] = [];
    const wanted = new Map(listeners.map((listener) => [listener.port, listener.binds.join()]));
    for (const [port, { binds }] of [...this.#sockets]) {
      if (wanted.get(port) === binds) continue;
      this.#close(port);
      closed.push(port);
    }
    for (const port of [...this.#troubles.keys()]) if (!wanted.has(port)) this.#troubles.delete(port);
    for (const { port, binds } of listeners) {
      if (this.#sockets.has(port)) continue;
      const fds = this.#open(port, binds);
      if (fds === undefined) continue;
      this.#sockets.set(port, { binds: binds.join(), fds });
      opened.set(port, fds);
    }
    return { opened, closed };
  }

  close(): void {
    for (const port of [...this.#sockets.keys()]) this.#close(port);
  }

  #open(port: number, binds: readonly string[]): readonly number[] | undefined {
    const adopted = this.#opener.adopt(port);
    if (adopted.length > 0) {
      this.#troubles.delete(port);
      return adopted;
    }
    const fds: number[] = [];
    const addresses = binds.length > 0 ? binds : ['0.0.0.0', '::'];
    try {
      for (const address of addresses) {
        const fd = this.#listen(address, port, binds.length === 0 && fds.length > 0);
        if (fd !== undefined) fds.push(fd);
      }
      this.#troubles.delete(port);
      return fds;
    } catch (error) {
      for (const fd of fds) this.#opener.close(fd);
      const code = (error as { readonly code?: string }).code ?? '';
      this.#troubles.set(port, reasons[code] ?? (error as Error).message);
      return undefined;
    }
  }

  /** Undefined where the node has no IPv6 and it is `optional`. */
  #listen(address: string, port: number, optional: boolean): number | undefined {
    try {
      return this.#opener.listen(ownNamespace, address, port, backlog);
    } catch (error) {
      const code = (error as { readonly code?: string }).code;
      if (optional && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) return undefined;
      throw error;
    }
  }

  #close(port: number): void {
    for (const fd of this.#sockets.get(port)?.fds ?? []) this.#opener.close(fd);
    this.#sockets.delete(port);
    this.#served.delete(port);
  }
}
