import type { Lap } from './phases.js';
import type { Request } from './request.js';

/** What one backend, or one Service as a whole, did lately. */
export interface Pulse {
  /** Requests/s that were answered. */
  readonly rate: number;
  /** Of the Service's answered requests, 0…1. */
  readonly share: number;
  /** Latency in ms; null when nothing was answered. */
  readonly p50: number | null;
  readonly p99: number | null;
}

interface Reported {
  readonly at: number;
  readonly request: Request;
}

/** The smallest value that at least `fraction` of the sorted values do not exceed; null of nothing. */
export function quantile(sorted: readonly number[], fraction: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? null;
}

/** The requests of the last moments, for the live view. */
export class Recent {
  readonly #window: number;
  #first: number | null = null;
  #reported: Reported[] = [];

  /** `window` in ms. */
  constructor(window: number) {
    this.#window = window;
  }

  /** `at` in ms of a monotonic clock. */
  add(request: Request, at: number): void {
    this.#first ??= at;
    this.#reported.push({ at, request });
  }

  /** By backend, of one Service; only requests of `lap`, so that shares follow a change at once. */
  pulses(service: string, backends: readonly string[], lap: Lap | null, now: number): Map<string, Pulse> {
    this.#reported = this.#reported.filter(({ at }) => at > now - this.#window);
    const seconds = Math.max(1, Math.min(this.#window, now - (this.#first ?? now))) / 1000;
    const own = this.#reported.filter(({ request }) => request.service === service && request.failure === '');
    const inLap = own.filter(({ request }) => request.lap === lap);
    return new Map(
      backends.map((backend) => {
        const answered = own.filter(({ request }) => request.backend === backend);
        const latencies = answered.map(({ request }) => request.latency).sort((a, b) => a - b);
        const picked = inLap.filter(({ request }) => request.backend === backend).length;
        return [
          backend,
          {
            rate: answered.length / seconds,
            share: inLap.length === 0 ? 0 : picked / inLap.length,
            p50: quantile(latencies, 0.5),
            p99: quantile(latencies, 0.99),
          },
        ];
      }),
    );
  }
}
