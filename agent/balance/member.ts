import type { ClusterEndpoint } from './cluster.js';
import { Health } from './health.js';
import { Latency } from './latency.js';

/** `a.b.c.d:port` or `[v6]:port`: what statistics are kept by. */
export function addressOf(endpoint: Pick<ClusterEndpoint, 'address' | 'port'>): string {
  return endpoint.address.includes(':')
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}

/** An endpoint and what this process knows of it. It outlives changes of the endpoint's weight, state or labels. */
export class Member {
  endpoint: ClusterEndpoint;
  readonly address: string;
  /** When it joined, ms of the monotonic clock; undefined for those that were there from the start, which need no warm-up. */
  joined: number | undefined;
  /** Its share among the members that are picked from, after warm-up; an integer. */
  weight = 0;
  /** Picked, and not settled yet. */
  inFlight = 0;
  readonly latency: Latency = new Latency();
  readonly health: Health = new Health();
  /** The cluster's count of picks at this one's last. */
  pickedAt = 0;
  /** Finish tag of start-time fair queueing (`Turns`), once `hasTurn`. */
  tag = 0;
  hasTurn = false;

  constructor(endpoint: ClusterEndpoint, joined: number | undefined) {
    this.endpoint = endpoint;
    this.address = addressOf(endpoint);
    this.joined = joined;
  }
}
