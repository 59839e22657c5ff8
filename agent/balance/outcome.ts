/** What became of one request, or one L4 connection, as balancing sees it. */
export type Outcome =
  /** `status`: HTTP's. A gRPC status is mapped to it by `statusOfGrpc`. */
  | { readonly type: 'response'; readonly status: number }
  /** `connect`: no connection could be made. `reset`, `timeout`: after it was there. Envoy calls all of them local origin. */
  | { readonly type: 'connect-failure' | 'connect-timeout' | 'reset' | 'timeout' }
  /** Says nothing about the endpoint. */
  | { readonly type: 'cancelled' };

/**
 * The HTTP status that Envoy's outlier detection takes a gRPC status for (Grpc::Utility::grpcToHttpStatus; doc/http-grpc-status-mapping.md the other
 * way round).
 */
export function statusOfGrpc(status: number): number {
  return grpcStatuses[status] ?? 500;
}

const grpcStatuses: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** 502, 503, 504: a gateway's errors. */
export function isGatewayError(status: number): boolean {
  return status >= 502 && status <= 504;
}

/** A status that blames the endpoint: 5xx but for those that say the request cannot be served by any (501, 505). */
export function isFault(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505;
}
