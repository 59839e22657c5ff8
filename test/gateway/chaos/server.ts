import { eventually } from '../../agent/site.js';
import type { Place } from '../../kernel/program.js';
import { Peer } from '../live/peer.js';
import { isAlive } from './gateway-processes.js';

/** One backend in a process of its own, which ends in order on SIGTERM. */
export class Server {
  readonly #peer: Peer;

  constructor(place: Place) {
    this.#peer = new Peer(place, '../chaos/server-process');
  }

  get pid(): number {
    return this.#peer.pid;
  }

  /** `delay`: ms from a request to its answer. */
  listen(address: string, port: number, delay = 0): Promise<void> {
    return this.#peer.order('listen', { address, port, delay });
  }

  /** SIGTERM; resolves when it has finished what it had and is gone. */
  async leave(): Promise<void> {
    process.kill(this.pid, 'SIGTERM');
    await eventually(
      () => isAlive(this.pid),
      (alive) => !alive,
      30_000,
    );
  }

  kill(): Promise<void> {
    return this.#peer.kill();
  }
}
