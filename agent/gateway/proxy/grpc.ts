import type { FieldLines } from '../exchange.js';
import { fieldOf } from './fields.js';

/** gRPC's status codes that the gateway itself gives (google.rpc.Code). */
export const grpcUnknown = 2;
export const grpcDeadlineExceeded = 4;

/** What an HTTP status means to a gRPC client (gRPC, http-grpc-status-mapping.md; the same as Envoy's). */
export function grpcStatusOf(httpStatus: number): number {
  switch (httpStatus) {
    case 200:
      return 0;
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return grpcUnknown;
  }
}

/** Content-Type is application/grpc, application/grpc+… or with parameters; not grpc-web, which is plain HTTP to a proxy. */
export function isGrpcType(contentType: string): boolean {
  if (!contentType.startsWith('application/grpc')) return false;
  const next = contentType[16];
  return next === undefined || next === '+' || next === ';' || next === ' ';
}

/** `grpc-status` of a head or of trailers; undefined when it is not there or is no number. */
export function grpcStatusIn(fields: FieldLines): number | undefined {
  const text = fields.length === 0 ? undefined : fieldOf(fields, 'grpc-status');
  return text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };

/** ms of a `grpc-timeout` (gRPC over HTTP/2, "Timeout"); undefined when it is none. */
export function grpcTimeoutMs(text: string): number | undefined {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(text);
  return parts === null ? undefined : Number(parts[1]) * unitMs[parts[2]!]!;
}

/** `grpc-timeout` for so many ms, in ms or, where eight digits do not hold it, in seconds. */
export function grpcTimeoutText(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  return whole <= 99_999_999 ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(whole / 1000))}S`;
}

/** `grpc-message`: UTF-8, all but printable ASCII and `%` percent-encoded. */
export function grpcMessage(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
