import type { Lap } from './phases.js';
import type { QuestionName } from './questions.js';
import type { Request } from './request.js';

/** What a question got, or one backend gave, lately. */
export interface Beat {
  /** Requests/s. */
  readonly rate: number;
  /** Latency in ms; null when nothing was answered. */
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface Pulse extends Beat {
  /** Of the question's requests that a backend answered, 0…1. */
  readonly share: number;
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

  /** By backend, of one question; shares are of requests of `lap` alone, so that they follow a change at once. */
  pulses(question: QuestionName, backends: readonly string[], lap: Lap | null, now: number): Map<string, Pulse> {
    const reached = this.#lately(question, now).filter(({ backend }) => backend !== '');
    const inLap = reached.filter((request) => request.lap === lap);
    return new Map(
      backends.map((backend) => {
        const picked = inLap.filter((request) => request.backend === backend).length;
        const share = inLap.length === 0 ? 0 : picked / inLap.length;
        return [
          backend,
          {
            ...this.#beat(
              reached.filter((request) => request.backend === backend),
              now,
            ),
            share,
          },
        ];
      }),
    );
  }

  /** Of one question as a whole; `statuses` is how many answers had which, 0 for no answer, sorted. */
  beat(
    question: QuestionName,
    now: number,
  ): Beat & { readonly statuses: readonly (readonly [status: number, count: number])[] } {
    const own = this.#lately(question, now);
    const statuses = new Map<number, number>();
    for (const { status } of own) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    return { ...this.#beat(own, now), statuses: [...statuses].sort(([a], [b]) => a - b) };
  }

  #beat(requests: readonly Request[], now: number): Beat {
    const seconds = Math.max(1, Math.min(this.#window, now - (this.#first ?? now))) / 1000;
    const latencies = requests
      .filter(({ status }) => status !== 0)
      .map(({ latency }) => latency)
      .sort((a, b) => a - b);
    return { rate: requests.length / seconds, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
  }

  #lately(question: QuestionName, now: number): Request[] {
    this.#reported = this.#reported.filter(({ at }) => at > now - this.#window);
    return this.#reported.map(({ request }) => request).filter((request) => request.question === question);
  }
}
