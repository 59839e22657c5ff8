import type { Socket } from 'node:net';
import type { Downstream } from '../exchange.js';
import { serveHttp1 } from '../http1/server.js';
import { serveHttp2 } from '../http2/server.js';
import { httpVersionOf } from './detection.js';
import { FirstBytes } from './first-bytes.js';
import type { ListenerParts } from './parts.js';
import type { ServedSocket } from './served-socket.js';

/** A connection that is about to speak HTTP. */
export interface HttpOpening {
  readonly served: ServedSocket;
  /** The accepted one, or what TLS made of it. */
  readonly socket: Socket;
  readonly scheme: 'http' | 'https';
  readonly downstream: Downstream;
}

/** Serves the version of HTTP that was found out; `first` has been read. */
export function serveVersion(
  opening: HttpOpening,
  version: 'http1' | 'http2',
  first: Buffer,
  parts: ListenerParts,
): void {
  const { served, socket, scheme, downstream } = opening;
  const { onRequest, clock, limits } = parts;
  const options = { downstream, first, scheme, clock, onRequest, onClosed: () => {} };
  served.serve(
    version === 'http2'
      ? serveHttp2(socket, { ...options, limits: limits.http2 })
      : serveHttp1(socket, { ...options, limits: limits.http1 }),
  );
}

/** Serves a connection of which only the version of HTTP is open. */
export function serveHttp(opening: HttpOpening, parts: ListenerParts): void {
  const { clock, limits } = parts;
  new FirstBytes<'http1' | 'http2'>(opening.socket, {
    clock,
    decide: (bytes) => {
      const version = httpVersionOf(bytes);
      return version === 'more' ? undefined : version;
    },
    silenceMs: limits.firstByteMs,
    slowMs: limits.openingMs,
    silent: () => undefined,
    decided: (version, bytes) => serveVersion(opening, version, bytes, parts),
  });
}
