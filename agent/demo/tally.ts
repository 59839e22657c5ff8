import type { Lap } from './phases.js';
import type { Asker, QuestionName } from './questions.js';
import type { Request } from './request.js';

/** How the requests of one question went in one lap. */
export interface Count {
  /** Requests that were answered well, by backend; without a backend under the empty name. */
  readonly answered: Map<string, number>;
  /** Requests that a backend answered otherwise, by backend: they have failed too. */
  readonly refused: Map<string, number>;
  /** Requests that failed, by reason. */
  readonly failed: Map<string, number>;
}

export function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Counts requests by the lap they began in and by question. */
export class Tally {
  readonly #counts = new Map<Lap, Map<QuestionName, Count>>();
  readonly #askers = new Map<QuestionName, Map<Asker, number>>();

  add(request: Request): void {
    const { answered, refused, failed } = this.#entry(request.lap, request.question);
    if (request.failure === '') increment(answered, request.backend);
    else {
      increment(failed, request.failure);
      if (request.backend !== '') increment(refused, request.backend);
    }
    const askers = this.#askers.get(request.question) ?? new Map<Asker, number>();
    this.#askers.set(request.question, askers);
    if (request.failure === '') increment(askers, request.from);
  }

  /** Nothing counted gives empty maps. */
  of(lap: Lap, question: QuestionName): Count {
    return this.#counts.get(lap)?.get(question) ?? { answered: new Map(), refused: new Map(), failed: new Map() };
  }

  /** Good answers to the question that this asker got. */
  answeredTo(asker: Asker, question: QuestionName): number {
    return this.#askers.get(question)?.get(asker) ?? 0;
  }

  /** All requests, or those of the laps and questions that are accepted. */
  total(accept: (lap: Lap, question: QuestionName) => boolean = () => true): {
    readonly requests: number;
    readonly failed: number;
  } {
    let requests = 0;
    let failed = 0;
    for (const count of this.#accepted(accept)) {
      failed += sum(count.failed);
      requests += sum(count.answered) + sum(count.failed);
    }
    return { requests, failed };
  }

  /** Why requests of what is accepted failed, with how many did: sorted by reason. */
  reasons(accept: (lap: Lap, question: QuestionName) => boolean): readonly (readonly [string, number])[] {
    const reasons = new Map<string, number>();
    for (const { failed } of this.#accepted(accept))
      for (const [reason, count] of failed) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    return [...reasons].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  *#accepted(accept: (lap: Lap, question: QuestionName) => boolean): Iterable<Count> {
    for (const [lap, counts] of this.#counts)
      for (const [question, count] of counts) if (accept(lap, question)) yield count;
  }

  #entry(lap: Lap, question: QuestionName): Count {
    const counts = this.#counts.get(lap) ?? new Map<QuestionName, Count>();
    const count = counts.get(question) ?? { answered: new Map(), refused: new Map(), failed: new Map() };
    this.#counts.set(lap, counts.set(question, count));
    return count;
  }
}
