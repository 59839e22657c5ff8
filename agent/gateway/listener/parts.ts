import type { Clock } from '../../clock.js';
import type { Snapshot } from '../../compile/snapshot.js';
import type { ServerExchange } from '../exchange.js';
import type { RequestRecord } from '../record.js';
import type { Upstreams } from '../upstream/attempt.js';
import type { EarlyConnections } from './early-connections.js';
import type { ListenerLimits } from './limits.js';
import type { TlsServers } from './tls-servers.js';

/** What all connections of a worker share. */
export interface ListenerParts {
  /** For each request; the snapshot is asked for then. */
  readonly onRequest: (exchange: ServerExchange) => void;
  readonly upstreams: Pick<Upstreams, 'connect'>;
  readonly snapshot: () => Snapshot;
  /** For each connection that was carried as it is, when it has ended. */
  readonly onRecord: (record: RequestRecord) => void;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly limits: ListenerLimits;
  readonly tls: TlsServers;
  readonly early: EarlyConnections;
  readonly bounds: ListenerBounds;
}

/** How often a connection was closed because of a bound or because nobody knows where it wanted to go. */
export interface ListenerBounds {
  /** Over `connections` or `connectionsPerListener`. */
  connectionsRefused: number;
  /** Its local address names no Service port of the snapshot. */
  unknownTargets: number;
  /** No server for its SNI, no TLS where TLS is spoken, or a handshake that failed. */
  tlsRefused: number;
  /** A listening socket could not be accepted from. */
  acceptFailures: number;
}
