import type { Socket } from 'node:net';
import type { ClusterEndpoint } from '../../balance/cluster.js';
import type { ClientPod, Snapshot } from '../../compile/snapshot.js';
import type { ClientExchange, Downstream, Failure, RequestHead, ResponseReceiver } from '../exchange.js';

/**
 * The contract between the proxy, which decides about a request, and the upstreams, which choose an endpoint for one attempt of it, connect and count.
 */

/** Why no endpoint was asked at all; as Envoy's response flags: NC, UH, UO. */
export type Refusal = 'no-cluster' | 'no-healthy-upstream' | 'overflow';

export interface AttemptQuery {
  readonly snapshot: Snapshot;
  /** Key of a cluster. */
  readonly cluster: string;
  readonly downstream: Downstream;
  /** Undefined for traffic from outside. */
  readonly client: ClientPod | undefined;
  /** As it will be sent, for hash keys and SNI. */
  readonly head: RequestHead;
  /** Name of the endpoint that a session cookie of an earlier response names, through its hash. */
  readonly hash: number | undefined;
  /** Addresses `ADDRESS:PORT` that were tried before; avoided where the balancing can. */
  readonly tried: readonly string[];
  readonly isRetry: boolean;
}

export interface AttemptReceiver extends ResponseReceiver {
  /** Before anything is sent. */
  chosen(endpoint: ClusterEndpoint): void;
  /** Instead of everything else. */
  refused(why: Refusal): void;
  /** A body that was held back can be written. */
  drained(): void;
}

/** One attempt: the connection may still be in the making; what is written before is kept, bounded, and `write` says so. */
export interface Attempt extends ClientExchange {
  readonly endpoint: ClusterEndpoint | undefined;
  /** Tells balancing how it went, once: the status, gRPC's where there is one, or the failure. The upstreams measure the time. */
  settle(outcome: AttemptOutcome): void;
}

export type AttemptOutcome =
  | { readonly type: 'response'; readonly status: number; readonly grpcStatus: number | undefined }
  | { readonly type: 'failure'; readonly why: Failure | 'timeout' }
  /** The client went away, or the answer was not needed: says nothing about the endpoint. */
  | { readonly type: 'cancelled' };

export interface TcpQuery {
  readonly snapshot: Snapshot;
  readonly cluster: string;
  readonly downstream: Downstream;
  readonly client: ClientPod | undefined;
  /** SNI of a ClientHello that passes through, or empty. */
  readonly sni: string;
}

export type TcpResult =
  | {
      readonly type: 'connected';
      readonly socket: Socket;
      readonly endpoint: ClusterEndpoint;
      readonly done: () => void;
    }
  | { readonly type: 'refused'; readonly why: Refusal | Failure };

export interface Upstreams {
  /** Clusters come, change and go; endpoints that stay keep what is known of them. */
  update(snapshot: Snapshot): void;
  /** `ended`: the request has no body. */
  begin(query: AttemptQuery, ended: boolean, receiver: AttemptReceiver): Attempt;
  /** An L4 connection by the cluster's policy; a refused connect is tried elsewhere. */
  connect(query: TcpQuery): Promise<TcpResult>;
  /** Retries in flight and what they may be: maxRetries and retryBudget. True: one was taken, and must be given back by `endRetry`. */
  beginRetry(query: Pick<AttemptQuery, 'snapshot' | 'cluster' | 'client'>): boolean;
  endRetry(cluster: string): void;
  /** Ends connections of a Pod that is gone. */
  forget(pod: string): void;
  /** What balancing knows, for `weft explain` and metrics. */
  states(): readonly EndpointState[];
  close(): void;
}

export interface EndpointState {
  readonly cluster: string;
  /** `ADDRESS:PORT`. */
  readonly address: string;
  readonly name: string;
  readonly inFlight: number;
  /** Peak-EWMA of the time to the response's head, ms; 0 before the first. */
  readonly latencyMs: number;
  /** It is not used now for its faults. False where all are used, because too few are healthy. */
  readonly ejected: boolean;
  /** What ejected it last, also when that is over; empty where nothing did. */
  readonly ejection: string;
  readonly ejections: number;
  readonly connections: number;
}
