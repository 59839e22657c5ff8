import type { Place } from '../../kernel/program.js';
import { Peer } from './peer.js';

/** How a backend behaves. */
export interface Behaviour {
  /** Default: 200. */
  readonly status?: number;
  /** Of the response. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Before the response, ms. */
  readonly delayMs?: number;
  /** Of the response's body; default: what the request was, as JSON. */
  readonly body?: string;
  /** Bytes of `x` as the body instead. */
  readonly bytes?: number;
  /** Ends the connection instead of answering. */
  readonly reset?: boolean;
  /** After so many requests it is as without these. */
  readonly times?: number;
}

/** `http` speaks HTTP/1.1, `https` the same over TLS, `h2c` HTTP/2 without TLS, `tcp` sends back what it gets after saying its address. */
export type Kind = 'http' | 'https' | 'h2c' | 'tcp';

/** PEM of an `https` backend. */
export interface Secrets {
  readonly certificate: string;
  readonly key: string;
  /** Clients must have a certificate of this one; undefined: they need none. */
  readonly authority?: string;
}

/** What a backend says of a request that reached it. */
export interface Echo {
  /** `ADDRESS:PORT` that it came to. */
  readonly backend: string;
  /** Who connected. */
  readonly client: string;
  /** The same for requests over the same connection. */
  readonly connection: number;
  /** SNI; empty without TLS. */
  readonly serverName: string;
  /** Subject CN; empty without one. */
  readonly clientCertificate: string;
  readonly method: string;
  readonly url: string;
  readonly version: string;
  /** As received: name, value, name, value. */
  readonly headers: readonly string[];
  readonly bodyBytes: number;
  readonly trailers: readonly string[];
}

/** HTTP servers of many addresses in one namespace, in a process of their own. */
export class Origin {
  readonly #peer: Peer;

  constructor(place: Place) {
    this.#peer = new Peer(place, 'origin-process');
  }

  get pid(): number {
    return this.#peer.pid;
  }

  listen(address: string, port: number, kind: Kind = 'http', secrets?: Secrets): Promise<void> {
    return this.#peer.order('listen', { address, port, kind, secrets });
  }

  /** Stops listening and ends its connections. */
  close(address: string, port: number): Promise<void> {
    return this.#peer.order('close', { address, port });
  }

  behave(address: string, port: number, behaviour: Behaviour): Promise<void> {
    return this.#peer.order('behave', { address, port, behaviour });
  }

  /** The requests since the last call that this backend got. */
  taken(address: string, port: number): Promise<readonly Echo[]> {
    return this.#peer.order('taken', { address, port });
  }

  kill(): Promise<void> {
    return this.#peer.kill();
  }
}
