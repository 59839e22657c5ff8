import type { Clock } from './clock.js';
import type { Brake, Held } from './model/brake.js';
import type { Catalog } from './model/catalog.js';
import type { Change } from './model/mesh.js';
import type { Sync } from './sync.js';

export interface IntakeOptions {
  readonly brake: Brake;
  readonly catalog: Catalog;
  readonly sync: Sync;
  readonly clock: Clock;
  /** Told what is held whenever that changes. */
  readonly onHeld: (held: readonly Held[]) => void;
  /** Told of changes that could not be written. */
  readonly onError: (error: unknown) => void;
}

/** Where changes of all sources come in: past the mass-delete brake, then into the tables. */
export class Intake {
  readonly #options: IntakeOptions;
  #held: readonly Held[] = [];
  #isBraking = false;
  #cancelWake: () => void = () => undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  get held(): readonly Held[] {
    return this.#held;
  }

  /** From the first sync on deletions in bulk are held. */
  startBraking(): void {
    this.#isBraking = true;
  }

  take(changes: readonly Change[]): void {
    const { brake, catalog, clock, onError, onHeld, sync } = this.#options;
    const since = clock.monotonic();
    try {
      if (!this.#isBraking) {
        sync.change(changes, since);
        return;
      }
      const { apply, held, wakeAt } = brake.filter(changes, catalog, since);
      if (held.length > 0 || this.#held.length > 0) onHeld(held);
      this.#held = held;
      this.#cancelWake();
      this.#cancelWake =
        wakeAt === undefined ? () => undefined : clock.after(Math.max(1, wakeAt - since), () => this.take([]));
      if (apply.length > 0) sync.change(apply, since);
    } catch (error) {
      onError(error);
    }
  }

  stop(): void {
    this.#cancelWake();
  }
}
