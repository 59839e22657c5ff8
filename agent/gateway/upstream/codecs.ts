import type { Socket } from 'node:net';
import type { ClientConnection, ConnectionOwner } from '../exchange.js';

/** What requests are written in. */
export type Protocol = 'http1' | 'http2';

/** Makes clients of connected sockets. */
export interface Codecs {
  /** `maxRequests`: the connection ends after so many. */
  http1(socket: Socket, owner: ConnectionOwner, maxRequests: number | undefined): ClientConnection;
  http2(socket: Socket, owner: ConnectionOwner): ClientConnection;
}
