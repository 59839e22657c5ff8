import { type Http1Limits, http1Limits } from '../http1/limits.js';
import { type Http2Limits, serverLimits } from '../http2/limits.js';

/** Bounds of a worker's listeners. A connection over a bound is closed at once, and counted. */
export interface ListenerLimits {
  /** Accepted connections, all together. */
  readonly connections: number;
  /** Of one Pod, or of one ingress port. */
  readonly connectionsPerListener: number;
  /** Silence at the beginning of a connection on a port that speaks HTTP, ms. */
  readonly firstByteMs: number;
  /** From its first byte until it is clear what it is, and for a TLS handshake, ms. */
  readonly openingMs: number;
  /** Silence after which the protocol of an undeclared port is one where the server speaks first, ms. */
  readonly sniffMs: number;
  /** Connections that are carried as they are, where connectionPool.tcp.idleTimeout says nothing, ms. */
  readonly tcpIdleMs: number;
  /** What is still open after so long a drain is cut off, ms. */
  readonly drainMs: number;
  readonly http1: Http1Limits;
  readonly http2: Http2Limits;
}

export const listenerLimits: ListenerLimits = {
  connections: 14_000,
  connectionsPerListener: 12_000,
  firstByteMs: 75_000,
  openingMs: 10_000,
  sniffMs: 1_000,
  tcpIdleMs: 3_600_000,
  drainMs: 30_000,
  http1: http1Limits,
  http2: serverLimits,
};
