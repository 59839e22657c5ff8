import type { Place } from '../../kernel/program.js';
import { Peer } from './peer.js';

export interface Ask {
  readonly address: string;
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Over HTTP/2 without TLS. */
  readonly h2c?: boolean;
  /** Over TLS with this server name, any certificate; the answer tells its subject. */
  readonly tls?: string;
}

export interface Answer {
  /** 0 when none came. */
  readonly status: number;
  /** Lower case names; several lines joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
  /** errno's name, or what else went wrong; empty when a response came. */
  readonly error: string;
  readonly ms: number;
  /** Subject CN of the server's certificate; empty without TLS. */
  readonly certificate: string;
}

/** What came of a steady load. */
export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  /** Requests that a kept connection's end cut off before any byte of an answer, and that were sent again. */
  readonly reopened: number;
  /** How often each failure occurred, by its name or status. */
  readonly failures: Readonly<Record<string, number>>;
  /** How many answers each backend gave (by the echo's `backend`). */
  readonly backends: Readonly<Record<string, number>>;
  /** In ms. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface LoadPlan {
  readonly address: string;
  readonly port: number;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests a second; undefined: as fast as the connections allow. */
  readonly rate?: number;
  readonly connections: number;
  /** Ends after so many; else at `stop`. */
  readonly requests?: number;
  /** Each request over a connection of its own. */
  readonly fresh?: boolean;
  /** What a failure is: a status other than 200 too. Default: true. */
  readonly onlyOk?: boolean;
}

/** As {@link Client.raw} passes it on. */
export interface RawAsk {
  readonly address: string;
  readonly port: number;
  /** The bytes. */
  readonly base64: string;
  readonly until?: { readonly source: string; readonly flags: string };
  readonly quietMs: number;
}

/** An HTTP client in a namespace, in a process of its own. */
export class Client {
  readonly #peer: Peer;

  constructor(place: Place) {
    this.#peer = new Peer(place, 'client-process');
  }

  get pid(): number {
    return this.#peer.pid;
  }

  ask(ask: Ask): Promise<Answer> {
    return this.#peer.order('ask', ask);
  }

  /** Asks the same `times` over keep-alive connections; returns how many answers each `backend` of the echo gave. */
  async spread(ask: Ask, times: number): Promise<Readonly<Record<string, number>>> {
    return this.#peer.order('spread', { ask, times });
  }

  /**
   * Sends bytes over a new connection and returns all that comes until the peer ends it. Ends earlier when `until` is found, or, where that is a number,
   * when nothing more came for so many ms after the first byte; and when nothing came for 30 s.
   */
  async raw(address: string, port: number, bytes: Buffer | string, until: RegExp | number = 500): Promise<string> {
    const base64 = Buffer.from(bytes as string, 'latin1').toString('base64');
    const ask: RawAsk = {
      ...{ address, port, base64 },
      ...(typeof until === 'number'
        ? { quietMs: until }
        : { quietMs: 0, until: { source: until.source, flags: until.flags } }),
    };
    const reply = await this.#peer.order<string>('raw', ask);
    return Buffer.from(reply, 'base64').toString('latin1');
  }

  load(plan: LoadPlan): Promise<void> {
    return this.#peer.order('load', plan);
  }

  /** How many requests of the load have come to an end so far. */
  progress(): Promise<number> {
    return this.#peer.order('progress');
  }

  /** Ends the load, or waits for its last request. */
  loaded(): Promise<LoadResult> {
    return this.#peer.order('loaded');
  }

  stop(): Promise<LoadResult> {
    return this.#peer.order('stop');
  }

  kill(): Promise<void> {
    return this.#peer.kill();
  }
}
