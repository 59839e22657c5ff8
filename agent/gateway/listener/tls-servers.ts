import type { Socket } from 'node:net';
import { createServer, type PeerCertificate, type Server, type TLSSocket } from 'node:tls';
import type { ServerTls } from '../../compile/snapshot.js';

/** What becomes of a handshake: the socket that speaks plain text to us; undefined: it failed, and the connection is closed. */
type Terminated = (socket: TLSSocket | undefined) => void;

/** TLS of ingress servers, made once for each configuration however often the snapshot changes. */
export class TlsServers {
  readonly #handshakeMs: number;
  readonly #servers = new Map<string, Server>();
  readonly #waiting = new WeakMap<Socket, Terminated>();

  constructor(handshakeMs: number) {
    this.#handshakeMs = handshakeMs;
  }

  /** Forgets what no configuration in use asks for. */
  keep(inUse: readonly ServerTls[]): void {
    const keys = new Set(inUse.flatMap((tls) => [keyOf(tls, true), keyOf(tls, false)]));
    for (const key of this.#servers.keys()) if (!keys.has(key)) this.#servers.delete(key);
  }

  get size(): number {
    return this.#servers.size;
  }

  /** Ends TLS on a socket of which `first` has been read. `isHttp`: what is inside is HTTP, of which ALPN says the version. `terminated` is called once. */
  terminate(socket: Socket, first: Buffer, tls: ServerTls, isHttp: boolean, terminated: Terminated): void {
    const server = this.#serverOf(tls, isHttp);
    if (!server) {
      socket.destroy();
      terminated(undefined);
      return;
    }
    socket.pause();
    socket.unshift(first);
    this.#waiting.set(socket, terminated);
    socket.once('close', () => this.#settle(socket, undefined));
    server.emit('connection', socket);
  }

  #settle(socket: Socket, secure: TLSSocket | undefined): void {
    const terminated = this.#waiting.get(socket);
    this.#waiting.delete(socket);
    terminated?.(secure);
  }

  /** Undefined: OpenSSL refuses the certificate, the key or the ciphers. */
  #serverOf(tls: ServerTls, isHttp: boolean): Server | undefined {
    const key = keyOf(tls, isHttp);
    const known = this.#servers.get(key);
    if (known) return known;
    try {
      const server = this.#make(tls, isHttp);
      this.#servers.set(key, server);
      return server;
    } catch {
      return undefined;
    }
  }

  #make(tls: ServerTls, isHttp: boolean): Server {
    const server = createServer({
      cert: tls.certificates.map(({ certificate }) => certificate),
      key: tls.certificates.map(({ key }) => key),
      ...(tls.authorities === '' ? {} : { ca: tls.authorities }),
      ...(tls.cipherSuites.length === 0 ? {} : { ciphers: tls.cipherSuites.join(':') }),
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
      ...(isHttp ? { ALPNProtocols: ['h2', 'http/1.1'] } : {}),
      requestCert: tls.clientCertificate !== 'none',
      rejectUnauthorized: tls.clientCertificate === 'required',
      handshakeTimeout: this.#handshakeMs,
    });
    server.on('secureConnection', (secure) => {
      const socket = rawSocketOf(secure);
      if (isWelcome(secure, tls)) this.#settle(socket, secure);
      else secure.destroy();
    });
    server.on('tlsClientError', (_error, secure) => secure.destroy());
    return server;
  }
}

const keyOf = (tls: ServerTls, isHttp: boolean): string => JSON.stringify([isHttp, tls]);

/** The accepted socket below a TLS socket. */
function rawSocketOf(secure: TLSSocket): Socket {
  return (secure as TLSSocket & { readonly _parent: Socket })._parent;
}

/** A client certificate that is sent must be valid and, where names are asked for, have one of them. */
function isWelcome(secure: TLSSocket, { clientCertificate, subjectAltNames }: ServerTls): boolean {
  if (clientCertificate === 'none') return true;
  const certificate = secure.getPeerCertificate();
  const isSent = certificate !== null && Object.keys(certificate).length > 0;
  if (!isSent) return clientCertificate === 'optional';
  return secure.authorized && (subjectAltNames.length === 0 || hasName(certificate, subjectAltNames));
}

/** Node writes the names as `DNS:a, URI:b`, and quotes those that hold a comma. */
function hasName(certificate: PeerCertificate, wanted: readonly string[]): boolean {
  const names = certificate.subjectaltname ?? '';
  if (names.includes('"')) return false;
  return names.split(', ').some((name) => wanted.includes(name.slice(name.indexOf(':') + 1)));
}
