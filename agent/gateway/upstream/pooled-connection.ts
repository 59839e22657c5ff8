import type { ClientConnection, ConnectionOwner } from '../exchange.js';

/** Who lends a connection to requests. */
export interface ConnectionHolder {
  changed(connection: PooledConnection): void;
  closed(connection: PooledConnection): void;
}

/** One connection of a pool. */
export class PooledConnection implements ConnectionOwner {
  readonly #pool: ConnectionHolder;
  readonly madeAt: number;
  client: ClientConnection | undefined;
  /** Since when nothing is in flight on it, ms. */
  idleSince: number;
  served = 0;
  isListed = false;
  isRetiring = false;

  constructor(pool: ConnectionHolder, now: number) {
    this.#pool = pool;
    this.madeAt = now;
    this.idleSince = now;
  }

  changed(): void {
    if (this.client !== undefined) this.#pool.changed(this);
  }

  closed(): void {
    this.#pool.closed(this);
  }

  retire(): void {
    this.isRetiring = true;
    this.client?.close();
  }
}
