import type { Clock } from '../../clock.js';
import type { RequestRecord } from '../record.js';
import type { Upstreams } from '../upstream/attempt.js';
import type { Deadlines } from './deadlines.js';
import type { KeptBodies } from './request-body.js';

/** A record with what the access log says besides. */
export interface LoggedRequest extends RequestRecord {
  readonly clientPort: number;
  /** As received; empty without. */
  readonly forwardedFor: string;
  /** SNI; empty without TLS. */
  readonly serverName: string;
}

/** So many requests wait for a fault's delay at once; more are not delayed. */
export const mostDelayed = 4096;
/** So many copies of requests are under way at once; more are not made. */
export const mostMirrored = 1024;

/** What all requests of a proxy share. */
export interface ProxyParts {
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly deadlines: Deadlines;
  readonly onRecord: (record: LoggedRequest) => void;
  readonly load: ProxyLoad;
}

/** How many of each there are now, and how often a bound was hit. */
export interface ProxyLoad extends KeptBodies {
  requests: number;
  delayed: number;
  mirrored: number;
  delaysSkipped: number;
  mirrorsSkipped: number;
  mirrorsCut: number;
}
