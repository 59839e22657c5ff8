import type { SnapshotDelta } from '../compile/delta.js';
import type { Snapshot } from '../compile/snapshot.js';
import type { RequestRecord } from './record.js';
import type { TelemetryBatch } from './telemetry.js';
import type { EndpointState } from './upstream/attempt.js';

/**
 * What agent and gateway workers tell each other, as JSON (MessageStream). Descriptors of listening sockets come over a channel of
 * their own, in the order of the messages that announce them, and are in it before the message is sent.
 */

/** Descriptors of a worker besides stdio: messages, where listening sockets come in, and the socket broker. */
export const messageChannel = 3;
export const listenerChannel = 4;
export const brokerChannel = 5;

export type ToWorker =
  /** The whole of it: first, and instead of a delta that is as large. */
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'delta'; readonly generation: number; readonly delta: SnapshotDelta }
  /** One message of `descriptors` listening sockets follows on the other channel. `id`: the Pod's namespace, for the broker. */
  | { readonly type: 'open-mesh'; readonly pod: string; readonly id: number; readonly descriptors: number }
  | { readonly type: 'close-mesh'; readonly pod: string }
  | { readonly type: 'open-ingress'; readonly port: number; readonly descriptors: number }
  | { readonly type: 'close-ingress'; readonly port: number }
  /** The broker is another one: one descriptor follows on the other channel. */
  | { readonly type: 'broker' }
  /** Whether single requests are asked for (somebody follows flows). */
  | { readonly type: 'records'; readonly on: boolean };

export type FromWorker =
  /** It has given its privileges up and takes snapshots. */
  | { readonly type: 'ready' }
  /** It serves by this generation. */
  | { readonly type: 'applied'; readonly generation: number }
  | { readonly type: 'opened'; readonly pod: string }
  | { readonly type: 'opened-ingress'; readonly port: number }
  | { readonly type: 'telemetry'; readonly report: WorkerReport }
  | { readonly type: 'records'; readonly records: readonly RequestRecord[]; readonly lost: number };

/** Sent each second. */
export interface WorkerReport {
  readonly sums: TelemetryBatch;
  readonly endpoints: readonly EndpointState[];
  readonly connections: number;
  readonly inFlight: number;
  readonly rssBytes: number;
  /** Things that went over a bound since start, by name. */
  readonly bounds: Readonly<Record<string, number>>;
}
