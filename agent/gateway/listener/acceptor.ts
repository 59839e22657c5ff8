import { createServer, type Server, type Socket } from 'node:net';

/** Accepts connections from listening sockets that were handed over. */
export class Acceptor {
  readonly #servers: Server[];

  /** `descriptors`: listening TCP sockets; the acceptor owns them. `accepted` gets sockets that are half-open and do not flow yet. */
  constructor(descriptors: readonly number[], accepted: (socket: Socket) => void, failed: (error: Error) => void) {
    this.#servers = descriptors.map((fd) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, accepted);
      server.on('error', failed);
      server.listen({ fd });
      return server;
    });
  }

  /** Accepts nothing more; what was accepted stays. */
  close(): void {
    for (const server of this.#servers) server.close();
  }
}
