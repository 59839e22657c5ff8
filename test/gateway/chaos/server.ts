import { eventually, type Life } from '../../agent/site.js';
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

  /** How many requests have come. */
  requests(): Promise<number> {
    return this.#peer.order('requests');
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

/** Backends at these addresses, port 8080. They end with the test. */
export async function serve(life: Life, place: Place, addresses: readonly string[]): Promise<readonly Server[]> {
  const servers = addresses.map(() => new Server(place));
  life.teardown(async () => {
    await Promise.all(servers.map((server) => server.kill()));
  });
  await Promise.all(servers.map((server, i) => server.listen(addresses[i]!, 8080)));
  return servers;
}

/** Waits until so many requests have come to all of them together. */
export async function arrived(servers: readonly Server[], count: number): Promise<void> {
  const sum = async (): Promise<number> => {
    const counts = await Promise.all(servers.map((server) => server.requests()));
    return counts.reduce((all, each) => all + each);
  };
  await eventually(sum, (requests) => requests >= count);
}
