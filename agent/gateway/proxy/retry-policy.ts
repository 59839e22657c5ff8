import { resetIdempotent } from '../../compile/http/retries.js';
import type { Retries } from '../../compile/snapshot.js';
import type { Failure, FieldLines } from '../exchange.js';
import { isIdempotent } from '../idempotent.js';
import { fieldOf } from './fields.js';

/** How an attempt failed without a response's head. `timeout`: perTryTimeout. */
export type AttemptFailure = Failure | 'timeout';

const gatewayErrors = new Set([502, 503, 504]);

const grpcConditions: readonly (readonly [condition: string, status: number])[] = [
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['resource-exhausted', 8],
  ['internal', 13],
  ['unavailable', 14],
];

/** By failure, the conditions that ask for another attempt (Envoy, router filter, x-envoy-retry-on). */
const failureConditions: Readonly<Record<AttemptFailure, readonly string[]>> = {
  'connect-failure': ['5xx', 'gateway-error', 'connect-failure', 'reset', 'reset-before-request'],
  'connect-timeout': ['5xx', 'gateway-error', 'connect-failure', 'reset', 'reset-before-request'],
  'reset-unsent': ['5xx', 'gateway-error', 'refused-stream', 'reset', 'reset-before-request'],
  reset: ['5xx', 'gateway-error', 'reset', resetIdempotent],
  'protocol-error': ['5xx', 'gateway-error', 'reset'],
  'idle-timeout': ['5xx', 'gateway-error', 'reset'],
  timeout: ['5xx', 'gateway-error', 'reset'],
  cancelled: [],
  overload: [],
};

/** The back-off is at most so many times its base (Envoy, RetryBackOff.max_interval). */
const longestBackoff = 10;

/** When a rule asks for another attempt, and after what time. */
export class RetryPolicy {
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  readonly ignorePreviousHosts: boolean;
  readonly #on: ReadonlySet<string>;
  readonly #statuses: ReadonlySet<number>;
  readonly #grpcStatuses: ReadonlySet<number>;
  readonly #backoffMs: number;

  constructor(retries: Retries) {
    this.attempts = retries.attempts;
    this.perTryTimeoutMs = retries.perTryTimeoutMs;
    this.ignorePreviousHosts = retries.ignorePreviousHosts;
    this.#on = new Set(retries.on);
    this.#statuses = new Set(retries.statuses);
    this.#grpcStatuses = new Set(grpcConditions.filter(([name]) => this.#on.has(name)).map(([, status]) => status));
    this.#backoffMs = retries.backoffMs;
  }

  /** Whether a response's head asks for another attempt. `grpcStatus`: of a response that has only trailers. */
  wantsAfterHead(status: number, grpcStatus: number | undefined, fields: FieldLines): boolean {
    if (grpcStatus !== undefined && this.#grpcStatuses.has(grpcStatus)) return !isRateLimited(fields);
    if (status < 400) return this.#on.has('retriable-status-codes') && this.#statuses.has(status);
    if (isRateLimited(fields)) return this.#on.has('envoy-ratelimited');
    return (
      (status >= 500 && status < 600 && this.#on.has('5xx')) ||
      (gatewayErrors.has(status) && this.#on.has('gateway-error')) ||
      (status === 409 && this.#on.has('retriable-4xx')) ||
      (this.#on.has('retriable-status-codes') && this.#statuses.has(status))
    );
  }

  wantsAfterFailure(why: AttemptFailure, method: string): boolean {
    return failureConditions[why].some(
      (condition) => this.#on.has(condition) && (condition !== resetIdempotent || isIdempotent(method)),
    );
  }

  /** ms before retry `number` (from 1): anything up to the base, doubled each time, up to ten bases (Envoy, fully jittered back-off). */
  backoffMs(number: number, random: () => number): number {
    const span = Math.min(this.#backoffMs * 2 ** (number - 1), this.#backoffMs * longestBackoff);
    return random() * span;
  }
}

function isRateLimited(fields: FieldLines): boolean {
  return fieldOf(fields, 'x-envoy-ratelimited') !== undefined;
}

/**
 * How often another backend is asked at once, whatever the rule says, because it is sure that the last one did nothing with the request: often enough
 * for the old Pods of a replacement that end in the same moment, but not where each try takes its time.
 */
export function unprocessedRetries(why: AttemptFailure): number {
  if (why === 'connect-failure' || why === 'reset-unsent') return 4;
  return why === 'connect-timeout' ? 2 : 0;
}
