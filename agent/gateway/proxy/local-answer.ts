import type { FieldLines, ServerExchange } from '../exchange.js';
import type { Refusal } from '../upstream/attempt.js';
import { grpcDeadlineExceeded, grpcMessage, grpcStatusOf } from './grpc.js';
import type { ReceivedRequest } from './received.js';
import type { AttemptFailure } from './retry-policy.js';

/** An answer that the gateway gives itself. Flags are Envoy's response flags, comma-separated; empty: none. */
export interface LocalAnswer {
  readonly status: number;
  readonly flags: string;
  readonly body: string | Buffer;
  readonly fields: FieldLines;
  /** To a gRPC request; undefined: by the status. */
  readonly grpcStatus: number | undefined;
}

export function plainAnswer(status: number, flags: string, body: string, fields: FieldLines = []): LocalAnswer {
  return { status, flags, body, fields, grpcStatus: undefined };
}

/** The rules know nothing of the request. */
export const noRoute: LocalAnswer = plainAnswer(404, 'NR', '');
/** The rule names a cluster that is not there. */
export const noCluster: LocalAnswer = plainAnswer(503, 'NC', '');
export const noHealthyUpstream: LocalAnswer = plainAnswer(503, 'UH', 'no healthy upstream');
/** `timeout`, or the deadline of a gRPC call, has passed. */
export const timedOut: LocalAnswer = {
  ...plainAnswer(504, 'UT', 'upstream request timeout'),
  grpcStatus: grpcDeadlineExceeded,
};

const broken = 'upstream connect error or disconnect/reset before headers. ';

export function refusalAnswer(why: Refusal): LocalAnswer {
  switch (why) {
    case 'no-cluster':
      return noCluster;
    case 'no-healthy-upstream':
      return noHealthyUpstream;
    case 'overflow':
      return plainAnswer(503, 'UO', `${broken}reset reason: overflow`, ['x-envoy-overloaded', 'true']);
  }
}

const failures: Readonly<
  Record<Exclude<AttemptFailure, 'timeout' | 'idle-timeout'>, readonly [number, string, string]>
> = {
  'connect-failure': [503, 'UF', 'remote connection failure'],
  'connect-timeout': [503, 'UF', 'connection timeout'],
  'reset-unsent': [503, 'UC', 'remote refused stream reset'],
  reset: [503, 'UC', 'connection termination'],
  'protocol-error': [502, 'UPE', 'protocol error'],
  cancelled: [503, 'UR', 'remote reset'],
  overload: [503, 'UO', 'overflow'],
};

/** What the client is told when the last attempt failed before a response came (Envoy, Router::Filter::onUpstreamReset). */
export function failureAnswer(why: AttemptFailure, isRetried: boolean): LocalAnswer {
  if (why === 'timeout') return timedOut;
  if (why === 'idle-timeout') return plainAnswer(504, 'SI', 'stream timeout');
  const [status, flags, reason] = failures[why];
  const retried = isRetried ? 'retried and the latest ' : '';
  return plainAnswer(status, flags, `${broken}${retried}reset reason: ${reason}`);
}

/** What was put on the wire, for the record. */
export interface Sent {
  readonly status: number;
  readonly grpcStatus: number | undefined;
  readonly bytes: number;
}

/**
 * Sends an answer. A gRPC client gets trailers only: status 200, `grpc-status` and the body as `grpc-message` (Envoy, Utility::sendLocalReply);
 * HEAD gets no body.
 */
export function sendAnswer(answer: LocalAnswer, request: ReceivedRequest, exchange: ServerExchange): Sent {
  const { status, fields } = answer;
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  if (request.isGrpc) {
    const grpcStatus = answer.grpcStatus ?? grpcStatusOf(status);
    const lines = ['content-type', 'application/grpc', 'grpc-status', String(grpcStatus)];
    if (body.length > 0) lines.push('grpc-message', grpcMessage(body.toString()));
    exchange.respond({ status: 200, fields: [...lines, ...fields, 'server', 'weft'], length: undefined }, true);
    return { status: 200, grpcStatus, bytes: 0 };
  }
  const lines = [...fields];
  if (body.length > 0 && !fields.includes('content-type')) lines.push('content-type', 'text/plain');
  lines.push('server', 'weft');
  const hasBody = body.length > 0 && request.method !== 'HEAD';
  exchange.respond({ status, fields: lines, length: body.length }, !hasBody);
  if (!hasBody) return { status, grpcStatus: undefined, bytes: 0 };
  exchange.write(body);
  exchange.end([]);
  return { status, grpcStatus: undefined, bytes: body.length };
}
