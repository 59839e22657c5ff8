import { Agent, type AgentOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type Access, type Credentials, isSameIdentity } from './credentials.js';
import { TunnelAgent } from './tunnel.js';

/** Connections for calls that are open at once; further calls wait. */
const mostConnections = 8;

/** Connections that are kept for further streams: one is begun again each time that the server ends it. */
const mostKeptStreams = 32;

/** How long a connection stays open without a call or stream, in ms. Below the 90 s after which the API server would close it. */
const idleMs = 30_000;

/** The connections that were made as one client: one who has another certificate gets others. */
interface Identity {
  readonly access: Access;
  readonly calls: Agent;
  /** A connection for each stream, so that none waits for another. */
  readonly streams: Agent;
}

/** Makes and keeps connections to one API server. */
export class Transport {
  readonly #credentials: Credentials;
  #identity: Identity | undefined;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** For connections of one kind. Throws OpenSSL's errors about certificates and keys. */
  agent(access: Access, kind: 'calls' | 'streams'): Agent {
    if (this.#identity === undefined || !isSameIdentity(this.#identity.access, access)) {
      const made = this.#make(access);
      this.close();
      this.#identity = made;
    }
    return this.#identity[kind];
  }

  /** Ends idle connections; the others when they are done. */
  close(): void {
    const { calls, streams } = this.#identity ?? {};
    this.#identity = undefined;
    for (const agent of [calls, streams]) {
      if (agent === undefined) continue;
      agent.maxFreeSockets = 0;
      for (const socket of Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])) socket.destroy();
    }
  }

  #make(access: Access): Identity {
    const { isInsecure, proxy, serverName } = this.#credentials;
    // One context for all, made here: one that cannot be made would otherwise throw wherever a connection happens to be opened.
    const secureContext = createSecureContext({
      ...(access.authority !== undefined && { ca: access.authority }),
      ...(access.certificate !== undefined && { cert: access.certificate }),
      ...(access.key !== undefined && { key: access.key }),
    });
    const tls = { secureContext, rejectUnauthorized: !isInsecure, ...(serverName && { servername: serverName }) };
    const open = (options: AgentOptions) =>
      proxy === undefined ? new Agent({ ...tls, ...options }) : new TunnelAgent(proxy, { ...tls, ...options });
    const kept = { keepAlive: true, timeout: idleMs };
    return {
      access,
      calls: open({ ...kept, maxSockets: mostConnections, maxFreeSockets: mostConnections }),
      streams: open({ ...kept, maxFreeSockets: mostKeptStreams }),
    };
  }
}
