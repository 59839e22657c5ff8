import { type Lap, type PhaseName, phaseOf } from './phases.js';
import type { Request } from './request.js';

/** How the requests of one Service went in one lap. */
export interface Count {
  /** Requests that were answered, by backend. */
  readonly answered: Map<string, number>;
  /** Requests that failed, by reason. */
  readonly failed: Map<string, number>;
}

export function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

/** Counts requests by the lap they began in and by Service. */
export class Tally {
  readonly #counts = new Map<Lap, Map<string, Count>>();

  add(request: Request): void {
    const { answered, failed } = this.#entry(request.lap, request.service);
    if (request.failure === '') answered.set(request.backend, (answered.get(request.backend) ?? 0) + 1);
    else failed.set(request.failure, (failed.get(request.failure) ?? 0) + 1);
  }

  /** Nothing counted gives empty maps. */
  of(lap: Lap, service: string): Count {
    return this.#counts.get(lap)?.get(service) ?? { answered: new Map(), failed: new Map() };
  }

  /** All laps in which the Service was asked. */
  ofService(service: string): Count[] {
    return [...this.#counts.values()].map((services) => services.get(service)).filter((count) => count !== undefined);
  }

  /** All requests, or those of the laps that are accepted. */
  total(accept: (lap: Lap) => boolean = () => true): { readonly connections: number; readonly failed: number } {
    let connections = 0;
    let failed = 0;
    for (const [lap, services] of this.#counts) {
      if (!accept(lap)) continue;
      for (const count of services.values()) {
        failed += sum(count.failed);
        connections += sum(count.answered) + sum(count.failed);
      }
    }
    return { connections, failed };
  }

  /** Failed requests of a phase, the way into it included. */
  failedIn(name: PhaseName): number {
    return this.total((lap) => phaseOf(lap)?.name === name).failed;
  }

  /** Why requests of the laps that are accepted failed, with how many did: sorted by reason. */
  reasons(accept: (lap: Lap) => boolean): readonly (readonly [string, number])[] {
    const reasons = new Map<string, number>();
    for (const [lap, services] of this.#counts) {
      if (!accept(lap)) continue;
      for (const { failed } of services.values())
        for (const [reason, count] of failed) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    }
    return [...reasons].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #entry(lap: Lap, service: string): Count {
    const services = this.#counts.get(lap) ?? new Map<string, Count>();
    const count = services.get(service) ?? { answered: new Map(), failed: new Map() };
    this.#counts.set(lap, services.set(service, count));
    return count;
  }
}
