import type { Protocol } from '../model/mesh.js';

/** `enum weft_verdict` of bpf/tables.h. */
export const verdicts = ['pass', 'redirect', 'refuse'] as const;
export type Verdict = (typeof verdicts)[number];

/** `enum weft_reason` of bpf/tables.h, in its order. */
export const reasons = [
  'not_meshed',
  'no_service',
  'passthrough',
  'picked',
  'affinity',
  'sticky',
  'no_backend',
  'max_connections',
  'table_broken',
  'unsupported_socket',
  'gateway',
  'gateway_down',
  'gateway_direct',
  'upstream',
] as const;
export type Reason = (typeof reasons)[number];

/** `enum weft_event` of bpf/tables.h, in its order (from 1); then `request`, which the gateway's workers report. */
export const flowEvents = ['open', 'close', 'fail', 'refuse', 'request'] as const;
export type FlowEvent = (typeof flowEvents)[number];

/** One request through the gateway. */
export interface FlowRequest {
  readonly method: string;
  readonly authority: string;
  /** With the query. */
  readonly path: string;
  /** `HTTP/1.1`, `HTTP/2`; empty for an L4 connection. */
  readonly version: string;
  /** 0 when no response was sent. */
  readonly status: number;
  /** -1 unless gRPC. */
  readonly grpcStatus: number;
  /** `VirtualService NS/NAME http[0]`; empty without a rule. */
  readonly rule: string;
  readonly cluster: string;
  /** Envoy's response flags, `-` for none. */
  readonly flags: string;
  readonly attempts: number;
  /** Until the response's head came from the backend, ms. */
  readonly upstreamMs: number;
  readonly requestId: string;
}

/** One thing that happened to one connection, or one request. */
export interface Flow {
  /** RFC 3339 with milliseconds. */
  readonly time: string;
  readonly event: FlowEvent;
  readonly verdict: Verdict;
  readonly reason: Reason;
  readonly protocol: Protocol;
  /** The client, NS/POD; empty when unknown. */
  readonly from: string;
  /** NS/NAME; empty when unknown. */
  readonly service: string;
  readonly serviceAddress: string;
  readonly servicePort: number;
  /** NS/POD or an address; empty when refused. */
  readonly backend: string;
  readonly backendAddress: string;
  readonly backendPort: number;
  /** Time to connect in ms, with a fraction; 0 for UDP and refusals. */
  readonly connectMs: number;
  /** Since the pick in ms; 0 unless the event is `close` or `fail`. */
  readonly durationMs: number;
  /** From the client to the backend, known at `close`. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Smoothed round trip in ms at `close`. */
  readonly rttMs: number;
  /** Of the event `request` only. */
  readonly request?: FlowRequest;
}

/** What a client of /v1/flows asks for; an undefined field matches everything. */
export interface FlowFilter {
  /** The client's NS/POD. */
  readonly from?: string;
  /** NS/NAME of the Service or NS/POD of the backend. */
  readonly to?: string;
  readonly service?: string;
  readonly backend?: string;
  readonly verdict?: Verdict;
  readonly reason?: Reason;
  readonly event?: FlowEvent;
  readonly protocol?: Protocol;
  /** Of requests: a status (`503`) or its class (`5xx`). */
  readonly status?: string;
  /** Of requests: the rule's name, or its resource (`VirtualService NS/NAME`). */
  readonly rule?: string;
}

function hasStatus(request: FlowRequest | undefined, wanted: string): boolean {
  const status = String(request?.status ?? '');
  return wanted.endsWith('xx') ? status.length === 3 && status[0] === wanted[0] : status === wanted;
}

export function matchesFlow(filter: FlowFilter, flow: Flow): boolean {
  return (
    (filter.from === undefined || filter.from === flow.from) &&
    (filter.to === undefined || filter.to === flow.service || filter.to === flow.backend) &&
    (filter.service === undefined || filter.service === flow.service) &&
    (filter.backend === undefined || filter.backend === flow.backend) &&
    (filter.verdict === undefined || filter.verdict === flow.verdict) &&
    (filter.reason === undefined || filter.reason === flow.reason) &&
    (filter.event === undefined || filter.event === flow.event) &&
    (filter.protocol === undefined || filter.protocol === flow.protocol) &&
    (filter.status === undefined || hasStatus(flow.request, filter.status)) &&
    (filter.rule === undefined || flow.request?.rule.startsWith(filter.rule) === true)
  );
}

/** Where flows come from: the ring buffer's reader keeps the last ones and hands new ones on. */
export interface FlowHub {
  /** The last `limit` flows that match, oldest first by their time; those of the same time as they came. */
  recent(filter: FlowFilter, limit: number): readonly Flow[];
  /** Calls `listener` with each batch from now on, as they come: between batches of several workers times may go back. The returned function ends it. */
  subscribe(listener: (flows: readonly Flow[]) => void): () => void;
  /** Events lost since start, exactly: before the agent could read them, and by the hub itself. Never falls. */
  lost(): number;
}
