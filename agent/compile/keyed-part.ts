import { equalValues } from '../model/equal.js';

/** A part of the snapshot by key, and what has changed of it. A value that is equal to the one before stays the same object. */
export class KeyedPart<Value> {
  readonly #values = new Map<string, Value>();
  #changes = new Map<string, Value | null>();
  #record: Readonly<Record<string, Value>> | undefined;

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  /** Undefined: there is none any more. */
  set(key: string, value: Value | undefined): void {
    const before = this.#values.get(key);
    if (before === value || (before !== undefined && equalValues(before, value))) return;
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    this.#changes.set(key, value ?? null);
    this.#record = undefined;
  }

  /** What is not in `values` is gone. */
  replace(values: Iterable<readonly [string, Value]>): void {
    const gone = new Set(this.#values.keys());
    for (const [key, value] of values) {
      gone.delete(key);
      this.set(key, value);
    }
    for (const key of gone) this.set(key, undefined);
  }

  /** What has changed since the last call, null where it is gone; undefined: nothing. */
  takeChanges(): Readonly<Record<string, Value | null>> | undefined {
    if (this.#changes.size === 0) return undefined;
    const changes = Object.fromEntries(this.#changes);
    this.#changes = new Map();
    return changes;
  }

  /** All of it; the same object until something changes. */
  record(): Readonly<Record<string, Value>> {
    this.#record ??= Object.fromEntries(this.#values);
    return this.#record;
  }
}
