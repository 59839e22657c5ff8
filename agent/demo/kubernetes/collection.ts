import type { Resource } from './resources.js';
import type { Form, Stored } from './stored.js';

/** What a watch is told about an object. */
export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export const lineOf = (type: string, object: string): Buffer => Buffer.from(`{"type":"${type}","object":${object}}\n`);

/** One write to a collection: what was there before and what is there now. */
export class Write {
  readonly revision: number;
  readonly previous: Stored | undefined;
  readonly current: Stored | undefined;
  /** By type and form: written once for all who watch. */
  readonly #lines = new Map<string, Buffer>();

  constructor(revision: number, previous: Stored | undefined, current: Stored | undefined) {
    this.revision = revision;
    this.previous = previous;
    this.current = current;
  }

  /**
   * The line for a watch that shows what `selects` chooses; undefined if it shows neither state. What leaves the selection is told as
   * deleted, in its last selected state under the write's version.
   */
  line(selects: (object: Stored) => boolean, form: Form): Buffer | undefined {
    const now = this.current !== undefined && selects(this.current);
    const before = this.previous !== undefined && selects(this.previous);
    if (!now && !before) return undefined;
    return this.#kept(now ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED', form);
  }

  #kept(type: EventType, form: Form): Buffer {
    const key = `${type} ${form.partial ? 'partial' : form.apiVersion}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      const shown = type === 'DELETED' ? this.previous!.at(this.revision) : this.current!;
      line = lineOf(type, shown.text(form));
      this.#lines.set(key, line);
    }
    return line;
  }
}

/** The objects of one resource and the writes that led to them, as far back as they are kept. */
export class Collection {
  readonly resource: Resource;
  readonly #most: number;
  readonly #objects = new Map<string, Stored>();
  #keys: readonly string[] | undefined;
  #history: Write[] = [];
  #floor: number;

  /** `most`: writes that are kept at least; `floor`: the revision at which the collection begins. */
  constructor(resource: Resource, most: number, floor: number) {
    this.resource = resource;
    this.#most = most;
    this.#floor = floor;
  }

  /** The oldest revision whose state is still known: a watch can begin here or later. */
  get floor(): number {
    return this.#floor;
  }

  get(key: string): Stored | undefined {
    return this.#objects.get(key);
  }

  get size(): number {
    return this.#objects.size;
  }

  /** `current` undefined: it is gone. */
  write(revision: number, key: string, current: Stored | undefined): Write {
    const write = new Write(revision, this.#objects.get(key), current);
    if (current === undefined) this.#objects.delete(key);
    else this.#objects.set(key, current);
    if (write.previous === undefined || current === undefined) this.#keys = undefined;
    this.#history.push(write);
    if (this.#history.length > this.#most * 1.25) this.#forget(this.#history.length - this.#most);
    return write;
  }

  /** Forgets every write, as a compaction does; `floor`: the revision that is now. */
  expire(floor: number): void {
    this.#history = [];
    this.#floor = floor;
  }

  /** Writes later than `revision`, which is not below {@link floor}. */
  since(revision: number): readonly Write[] {
    return this.#history.slice(this.#after(revision));
  }

  /** In the order of lists: the objects as they were at `revision`, which is not below {@link floor}. */
  at(revision: number): readonly Stored[] {
    const later = this.since(revision);
    if (later.length === 0) return this.#sorted().map((key) => this.#objects.get(key)!);
    const state = new Map(this.#objects);
    for (const { previous, current } of later.toReversed()) {
      if (previous) state.set(previous.key, previous);
      else if (current) state.delete(current.key);
    }
    return [...state.keys()].sort().map((key) => state.get(key)!);
  }

  #sorted(): readonly string[] {
    this.#keys ??= [...this.#objects.keys()].sort();
    return this.#keys;
  }

  #forget(count: number): void {
    this.#floor = this.#history[count - 1]!.revision;
    this.#history.splice(0, count);
  }

  /** The index of the first write later than `revision`. */
  #after(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#history[middle]!.revision > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
