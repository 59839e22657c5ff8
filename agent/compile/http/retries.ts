import type { HttpRouteRule } from '../../model/route.js';
import type { HttpRetry } from '../../model/virtual-service.js';
import type { Retries } from '../snapshot.js';

/** Envoy's base interval. */
const backoffMs = 25;

/**
 * A condition of Weft's own: the connection ended before any byte of the response to a request of an idempotent method, which a client may send again
 * (RFC 9110 9.2.2). Servers that end cut off what they have not read yet; without it each replacement of Pods fails a few requests.
 */
export const resetIdempotent = 'reset-idempotent';

/**
 * What is retried where nobody says otherwise: what no backend has begun to serve, twice, on other backends (Istio's
 * DefaultPolicy; since 1.24 without 503). Also for requests that no rule decides.
 */
export const defaultRetries: Retries = {
  attempts: 2,
  perTryTimeoutMs: undefined,
  on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes', resetIdempotent],
  statuses: [],
  backoffMs,
  ignorePreviousHosts: true,
};

/** `retries` of a VirtualService: what is not said is as in the default (Istio's ConvertPolicy). Undefined: never. */
export function virtualRetries(written: HttpRetry | undefined): Retries | undefined {
  if (written === undefined) return defaultRetries;
  if (written.attempts === 0) return undefined;
  const conditions = written.retryOn ?? defaultRetries.on;
  const statuses = conditions.filter(isStatus).map(Number);
  const named = conditions.filter((each) => !isStatus(each));
  return {
    attempts: written.attempts,
    perTryTimeoutMs: written.perTryTimeoutMs,
    on: statuses.length > 0 && !named.includes('retriable-status-codes') ? [...named, 'retriable-status-codes'] : named,
    statuses,
    backoffMs: written.backoffMs ?? backoffMs,
    ignorePreviousHosts: written.retryIgnorePreviousHosts ?? true,
  };
}

function isStatus(condition: string): boolean {
  return /^[0-9]+$/.test(condition);
}

/**
 * `retry` and `timeouts.backendRequest` of an HTTPRoute: codes are added to connection errors, resets and timeouts of a try,
 * which are always retried where there is a `retry` (GEP-1731). Without one the default, with the timeout of each try.
 */
export function routeRetries({ retry, timeouts }: Pick<HttpRouteRule, 'retry' | 'timeouts'>): Retries | undefined {
  const perTryTimeoutMs = timeouts?.backendRequestMs || undefined;
  if (retry === undefined)
    return perTryTimeoutMs === undefined ? defaultRetries : { ...defaultRetries, perTryTimeoutMs };
  const attempts = retry.attempts ?? defaultRetries.attempts;
  if (attempts === 0 && perTryTimeoutMs === undefined) return undefined;
  return {
    attempts,
    perTryTimeoutMs,
    on: ['connect-failure', 'refused-stream', 'reset', 'unavailable', 'cancelled', 'retriable-status-codes'],
    statuses: retry.codes,
    backoffMs: retry.backoffMs ?? backoffMs,
    ignorePreviousHosts: true,
  };
}
