import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Access, Credentials } from '../../agent/kubernetes/credentials.js';
import { Authority, type Certified } from '../gateway/listener/certificates.js';

/** What ends: a test. */
export interface Life {
  teardown(close: () => void): void;
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const authority = new Authority();

/** PEM of who signed the certificates of servers and clients. */
export const authorityPem: string = authority.certificate;

/** Of a server on loopback. */
const certified: Certified = authority.sign('IP:127.0.0.1', 'IP:::1', 'DNS:kubernetes.default.svc');

/** A certificate of the same authority. */
export function certify(...names: readonly string[]): Certified {
  return authority.sign(...names);
}

process.once('exit', () => authority.remove());

/** A server over TLS that answers as it is told. */
export class ApiServer {
  readonly #server: Server;
  readonly sockets: Set<Duplex> = new Set();
  /** Made so far. */
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Duplex) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async start(life: Life, answer: Answer, options: ServerOptions = {}, host = '127.0.0.1'): Promise<ApiServer> {
    const server = createServer({ key: certified.key, cert: certified.certificate, ...options }, answer);
    const started = new ApiServer(server);
    life.teardown(() => started.stop());
    server.listen(0, host);
    await once(server, 'listening');
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

/** Fixed credentials for a server whose certificate is of {@link authorityPem}. */
export function fixedCredentials(url: string, given: Partial<Credentials> = {}): Credentials {
  return credentialsOf(url, async () => ({ ...nobody, token: 'fixed' }), given);
}

/** Nobody in particular, who knows the authority. */
export const nobody: Access = { authority: authorityPem, certificate: undefined, key: undefined, token: undefined };

export function credentialsOf(
  url: string,
  access: Credentials['access'],
  given: Partial<Credentials> = {},
): Credentials {
  return {
    ...{ server: new URL(url), serverName: undefined, isInsecure: false, proxy: undefined, namespace: undefined },
    ...given,
    access,
  };
}
