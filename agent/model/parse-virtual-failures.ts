import { flagOf, mappingOf, msOf, numberOf, textOf } from './checked.js';
import { fieldOf, type Raw } from './fields.js';
import { type Findings, quote, suggestion } from './findings.js';
import { grpcStatuses } from './http-names.js';
import type { HttpAbort, HttpFault, HttpRetry } from './virtual-service.js';

/** Retries and injected faults of VirtualService. */

/** Conditions of Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on. */
const conditions: readonly string[] = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];
/** Envoy's too, but of headers that VirtualService cannot name, and of HTTP/3. */
const idleConditions: readonly string[] = ['retriable-headers', 'http3-post-connect-failure'];

export function readRetries(found: Findings, raw: Raw | undefined, path: string): HttpRetry | undefined {
  if (raw === undefined) return undefined;
  const attempts = numberOf(raw, 'attempts') ?? 0;
  if (attempts === 0) {
    for (const key of ['perTryTimeout', 'retryOn', 'retryRemoteLocalities']) {
      if (fieldOf(raw, key) === undefined || fieldOf(raw, key) === '') continue;
      found.error('WEFT0212', `${path}.${key}`, 'attempts is 0 or absent, which turns retries off');
    }
  }
  return {
    attempts,
    perTryTimeoutMs: msOf(raw, 'perTryTimeout'),
    retryOn: readConditions(found, textOf(raw, 'retryOn'), `${path}.retryOn`),
    retryRemoteLocalities: flagOf(raw, 'retryRemoteLocalities'),
    retryIgnorePreviousHosts: flagOf(raw, 'retryIgnorePreviousHosts'),
    backoffMs: msOf(raw, 'backoff'),
  };
}

function readConditions(found: Findings, text: string | undefined, path: string): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const tokens = text.split(',').map((each) => each.trim());
  for (const token of tokens) {
    if (conditions.includes(token) || /^[1-5][0-9][0-9]$/.test(token)) continue;
    if (idleConditions.includes(token)) {
      found.warning('WEFT0312', path, `${token} never holds here`);
      continue;
    }
    const meant = suggestion(token, conditions);
    found.error('WEFT0206', path, `${quote(token)} is neither a retry condition nor a status`, meant || undefined);
  }
  return [...new Set(tokens.filter((token) => !idleConditions.includes(token)))];
}

export function readFault(found: Findings, raw: Raw | undefined, path: string): HttpFault | undefined {
  if (raw === undefined) return undefined;
  const delay = mappingOf(raw, 'delay');
  const abort = mappingOf(raw, 'abort');
  if (delay === undefined && abort === undefined) found.error('WEFT0208', path, 'needs delay or abort');
  return {
    delay: delay && readDelay(found, delay, `${path}.delay`),
    abort: abort && readAbort(found, abort, `${path}.abort`),
  };
}

function readDelay(found: Findings, raw: Raw, path: string): HttpFault['delay'] {
  if (fieldOf(raw, 'exponentialDelay') !== undefined) {
    found.error('WEFT0313', `${path}.exponentialDelay`, 'neither Istio nor Weft has exponential delays');
  } else if (fieldOf(raw, 'fixedDelay') === undefined) found.error('WEFT0208', `${path}.fixedDelay`, 'is required');
  return { fixedDelayMs: msOf(raw, 'fixedDelay') ?? 0, percentage: readPercentage(found, raw, path) };
}

/** An omitted percentage is 0, as Envoy has it. */
function readPercentage(found: Findings, raw: Raw, path: string): number {
  const old = numberOf(raw, 'percent');
  if (old !== undefined) {
    found.warning('WEFT0308', `${path}.percent`, 'is now percentage', 'write percentage: { value }');
  }
  const percentage = mappingOf(raw, 'percentage');
  const value = percentage === undefined ? old : (numberOf(percentage, 'value') ?? 0);
  if (value === undefined) found.warning('WEFT0312', path, 'without a percentage no request is affected');
  return value ?? 0;
}

function readAbort(found: Findings, raw: Raw, path: string): HttpAbort | undefined {
  const kinds = ['httpStatus', 'grpcStatus', 'http2Error'].filter((key) => fieldOf(raw, key) !== undefined);
  if (kinds.length > 1) found.error('WEFT0212', `${path}.${kinds[1]}`, `there is ${kinds[0]} already`);
  const percentage = readPercentage(found, raw, path);
  switch (kinds[0]) {
    case 'httpStatus':
      return { type: 'httpStatus', httpStatus: numberOf(raw, 'httpStatus')!, percentage };
    case 'grpcStatus':
      return { type: 'grpcStatus', grpcStatus: readGrpcStatus(found, raw, path), percentage };
    case 'http2Error':
      found.error('WEFT0313', `${path}.http2Error`, 'neither Istio nor Weft aborts with an HTTP/2 error');
      return undefined;
    default:
      found.warning('WEFT0312', path, 'names neither httpStatus nor grpcStatus: nothing is aborted');
      return undefined;
  }
}

/** A name such as UNAVAILABLE, or its number. */
function readGrpcStatus(found: Findings, raw: Raw, path: string): number {
  const text = textOf(raw, 'grpcStatus') ?? '';
  const named = grpcStatuses.indexOf(text);
  const code = named >= 0 ? named : /^\d{1,2}$/.test(text) ? Number(text) : -1;
  if (code >= 0 && code < grpcStatuses.length) return code;
  const meant = suggestion(text, grpcStatuses);
  found.error('WEFT0206', `${path}.grpcStatus`, `${quote(text)} is no gRPC status`, meant || undefined);
  return 2;
}
