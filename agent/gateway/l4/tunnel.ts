import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.js';
import { type Deadlines, deadlinesOf, type Timed } from '../http1/deadlines.js';

/** What went through a tunnel, and how it ended. */
export interface TunnelEnd {
  readonly fromClient: number;
  readonly fromBackend: number;
  /** Who broke the connection off; `idle`: nobody spoke for too long. Undefined: both sides ended. */
  readonly broken: 'client' | 'backend' | 'idle' | 'lifetime' | undefined;
}

export interface TunnelOptions {
  readonly client: Socket;
  readonly backend: Socket;
  /** What the client said before. */
  readonly first: Buffer;
  /** The client has ended its side already. */
  readonly hasEnded: boolean;
  readonly clock: Clock;
  readonly idleMs: number;
  /** From now on, however busy; undefined: for ever. */
  readonly lifetimeMs: number | undefined;
  /** Once. */
  readonly onEnd: (end: TunnelEnd) => void;
}

/** Carries bytes between two sockets with backpressure; each side may end by itself. */
export class Tunnel implements Timed {
  readonly #options: TunnelOptions;
  readonly #deadlines: Deadlines;
  #fromClient = 0;
  #fromBackend = 0;
  #broken: TunnelEnd['broken'];
  #isOver = false;
  #openSides = 2;
  #quietUntil: number;
  readonly #endsAt: number;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#deadlines = deadlinesOf(options.clock);
    this.#quietUntil = this.#deadlines.in(options.idleMs);
    this.#endsAt = options.lifetimeMs === undefined ? Number.POSITIVE_INFINITY : this.#deadlines.in(options.lifetimeMs);
    this.#deadlines.add(this);
    const { client, backend, first, hasEnded } = options;
    client.allowHalfOpen = true;
    backend.allowHalfOpen = true;
    this.#join(client, backend, 'client');
    this.#join(backend, client, 'backend');
    if (first.length > 0) this.#carry(first, client, backend, 'client');
    if (hasEnded) backend.end();
    else if (!backend.writableNeedDrain) client.resume();
    backend.resume();
  }

  #join(from: Socket, to: Socket, side: 'client' | 'backend'): void {
    from.on('data', (chunk: Buffer) => this.#carry(chunk, from, to, side));
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    from.on('error', () => this.#break(side));
    from.on('close', () => this.#closed(side));
  }

  #carry(chunk: Buffer, from: Socket, to: Socket, side: 'client' | 'backend'): void {
    if (side === 'client') this.#fromClient += chunk.length;
    else this.#fromBackend += chunk.length;
    this.#quietUntil = this.#deadlines.in(this.#options.idleMs);
    if (!to.write(chunk)) from.pause();
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#endsAt) this.#break('lifetime');
    else if (nowMs >= this.#quietUntil) this.#break('idle');
  }

  /** Both ends are told with a reset, as the one that broke did. */
  #break(why: NonNullable<TunnelEnd['broken']>): void {
    if (this.#isOver) return;
    this.#broken ??= why;
    for (const socket of [this.#options.client, this.#options.backend]) {
      if (!socket.destroyed) cut(socket);
    }
  }

  #closed(side: 'client' | 'backend'): void {
    const { client, backend, onEnd } = this.#options;
    const socket = side === 'client' ? client : backend;
    if (socket.errored || !socket.readableEnded) this.#break(side);
    if (--this.#openSides > 0 || this.#isOver) return;
    this.#isOver = true;
    this.#deadlines.delete(this);
    onEnd({ fromClient: this.#fromClient, fromBackend: this.#fromBackend, broken: this.#broken });
  }

  destroy(): void {
    this.#break('lifetime');
  }
}

/** Ends a socket with a reset; TLS has none of its own. */
export function cut(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
