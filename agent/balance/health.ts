import type { OutlierDetection } from './cluster.js';
import { isFault, isGatewayError, type Outcome } from './outcome.js';

/** Why an endpoint is ejected. */
export const ejections = [
  'consecutive-5xx',
  'consecutive-gateway-errors',
  'consecutive-local-origin-failures',
  'connect-failure',
  'consecutive-errors',
] as const;
export type Ejection = (typeof ejections)[number];

/** What outlier detection knows of one endpoint. */
export class Health {
  consecutive5xx = 0;
  consecutiveGatewayErrors = 0;
  consecutiveLocalFailures = 0;
  ejection: Ejection | undefined;
  /** Also when it is over. */
  lastEjection: Ejection | undefined;
  /** Monotonic, ms. */
  ejectedAt = 0;
  /** The ejection lasts so many base times. Each ejection adds one, each sweep that finds the endpoint in use takes one away. */
  backoff = 0;
  /** Ever. */
  ejections = 0;
  /** Answered well since it came back. */
  hasRecovered = true;

  get isEjected(): boolean {
    return this.ejection !== undefined;
  }

  /** Forgets errors in a row. */
  reset(): void {
    this.consecutive5xx = 0;
    this.consecutiveGatewayErrors = 0;
    this.consecutiveLocalFailures = 0;
  }
}

/**
 * Without outlierDetection: a connection that cannot be made ejects at once, briefly at first, until no endpoint is left; then all are used. With ADAPTIVE
 * five faults in a row eject too, up to half of the endpoints.
 */
const own = { intervalMs: 1000, baseEjectionMs: 1000, maxEjectionMs: 30_000, faults: 5, maxFaultPercent: 50 };

/** Envoy's default of max_ejection_time. */
const maxEjectionMs = 300_000;

/**
 * The health model of a cluster's endpoints: Envoy's outlier detection in the fields that Istio has (envoy/config/cluster/v3/outlier_detection.proto; semantics of
 * source/common/upstream/outlier_detection_impl.cc), or Weft's own without a configuration. An ejection is possible whatever maxEjectionPercent says while none is
 * there, but only 100 % takes the last endpoint.
 */
export class OutlierDetector {
  #settings: OutlierDetection | undefined;
  #countsFaults: boolean;
  #healths: readonly Health[] = [];
  #nextSweep: number;

  /** `countsFaults`: without settings, errors in a row eject as well. */
  constructor(settings: OutlierDetection | undefined, countsFaults: boolean, now: number) {
    this.#settings = settings;
    this.#countsFaults = countsFaults;
    this.#nextSweep = now + this.#interval;
  }

  /** What is known of the endpoints stays. */
  update(settings: OutlierDetection | undefined, countsFaults: boolean, healths: readonly Health[], now: number): void {
    this.#settings = settings;
    this.#countsFaults = countsFaults;
    this.#healths = healths;
    this.#nextSweep = Math.min(this.#nextSweep, now + this.#interval);
  }

  get #interval(): number {
    return Math.max(this.#settings?.intervalMs ?? own.intervalMs, 1);
  }

  /** When the next sweep may bring an endpoint back, ms; infinite while none is ejected. */
  get nextReturn(): number {
    return this.#healths.some((health) => health.isEjected) ? this.#nextSweep : Number.POSITIVE_INFINITY;
  }

  /** Below this share of healthy endpoints, in percent, all are used; and, without settings, where none is left. */
  isPanic(healthy: number, all: number): boolean {
    if (this.#settings === undefined) return healthy === 0;
    return healthy * 100 < this.#settings.minHealthPercent * all;
  }

  /** True: the endpoint was ejected by it. */
  record(health: Health, outcome: Outcome, now: number): boolean {
    this.sweep(now);
    const cause =
      this.#settings === undefined ? this.#ownCause(health, outcome) : this.#cause(health, outcome, this.#settings);
    if (cause === undefined || health.isEjected || !this.#mayEject(cause)) return false;
    health.ejection = cause;
    health.lastEjection = cause;
    health.ejectedAt = now;
    health.backoff++;
    health.ejections++;
    health.hasRecovered = false;
    return true;
  }

  /** Brings back endpoints whose time is over. True: some came back. */
  sweep(now: number): boolean {
    let changed = false;
    while (this.#nextSweep <= now) {
      const at = this.#nextSweep;
      this.#nextSweep += this.#interval;
      if (this.#sweepAt(at)) changed = true;
      else if (this.#healths.every((health) => !health.isEjected && health.backoff === 0))
        this.#nextSweep = now + this.#interval;
    }
    return changed;
  }

  #sweepAt(now: number): boolean {
    let changed = false;
    for (const health of this.#healths) {
      if (!health.isEjected) {
        if (health.backoff > 0 && (this.#settings !== undefined || health.hasRecovered)) health.backoff--;
      } else if (now - health.ejectedAt >= this.#ejectionMs(health)) {
        health.ejection = undefined;
        health.reset();
        changed = true;
      }
    }
    return changed;
  }

  #ejectionMs(health: Health): number {
    const base = this.#settings?.baseEjectionMs ?? own.baseEjectionMs;
    return Math.min(
      base * health.backoff,
      this.#settings === undefined ? own.maxEjectionMs : Math.max(maxEjectionMs, base),
    );
  }

  #mayEject(cause: Ejection): boolean {
    if (cause === 'connect-failure') return true;
    const ejected = this.#healths.reduce((count, health) => count + (health.isEjected ? 1 : 0), 0);
    const percent = this.#settings?.maxEjectionPercent ?? own.maxFaultPercent;
    const all = this.#healths.length;
    if (ejected + 1 >= all) return percent >= 100 && ejected < all;
    return ejected === 0 || (ejected + 1) * 100 <= percent * all;
  }

  #ownCause(health: Health, outcome: Outcome): Ejection | undefined {
    if (outcome.type === 'cancelled') return undefined;
    if (outcome.type === 'connect-failure' || outcome.type === 'connect-timeout') return 'connect-failure';
    if (outcome.type === 'response' && !isFault(outcome.status)) {
      health.consecutive5xx = 0;
      health.hasRecovered = true;
      return undefined;
    }
    health.consecutive5xx++;
    if (!this.#countsFaults || health.consecutive5xx < own.faults) return undefined;
    health.consecutive5xx = 0;
    return 'consecutive-errors';
  }

  #cause(health: Health, outcome: Outcome, settings: OutlierDetection): Ejection | undefined {
    if (outcome.type === 'cancelled') return undefined;
    if (outcome.type === 'response') {
      health.consecutiveLocalFailures = 0;
      return statusCause(health, outcome.status, settings);
    }
    if (!settings.splitExternalLocalOriginErrors) return statusCause(health, localStatus[outcome.type], settings);
    if (++health.consecutiveLocalFailures !== settings.consecutiveLocalOriginFailures) return undefined;
    health.consecutiveLocalFailures = 0;
    return 'consecutive-local-origin-failures';
  }
}

/** What local origin errors count as while they are not counted apart. */
const localStatus = { 'connect-failure': 503, 'connect-timeout': 504, reset: 503, timeout: 504 } as const;

function statusCause(health: Health, status: number, settings: OutlierDetection): Ejection | undefined {
  if (status < 500) {
    health.consecutive5xx = 0;
    health.consecutiveGatewayErrors = 0;
    health.hasRecovered = true;
    return undefined;
  }
  if (!isGatewayError(status)) health.consecutiveGatewayErrors = 0;
  else health.consecutiveGatewayErrors++;
  health.consecutive5xx++;
  if (isGatewayError(status) && health.consecutiveGatewayErrors === settings.consecutiveGatewayErrors) {
    health.consecutiveGatewayErrors = 0;
    if (health.consecutive5xx === settings.consecutive5xx) health.consecutive5xx = 0;
    return 'consecutive-gateway-errors';
  }
  if (health.consecutive5xx !== settings.consecutive5xx) return undefined;
  health.consecutive5xx = 0;
  return 'consecutive-5xx';
}
