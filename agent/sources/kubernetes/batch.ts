import { latestChanges } from '../../model/changes.js';
import type { Change } from '../../model/mesh.js';

/** Collects what arrives in one turn of the event loop. */
export class Batch {
  readonly #onTurn: (changes: readonly Change[]) => void;
  #changes: Change[] = [];
  #isDue = false;
  #isStopped = false;

  /** `onTurn` is called once for each turn in which something was noted, with the last change of each object. */
  constructor(onTurn: (changes: readonly Change[]) => void) {
    this.#onTurn = onTurn;
  }

  /** Without changes: only that there is something to look at. */
  note(changes: readonly Change[]): void {
    for (const change of changes) this.#changes.push(change);
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.#turn());
  }

  stop(): void {
    this.#isStopped = true;
  }

  #turn(): void {
    this.#isDue = false;
    if (this.#isStopped) return;
    const changes = this.#changes;
    this.#changes = [];
    this.#onTurn([...latestChanges(changes).values()]);
  }
}
