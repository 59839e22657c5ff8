import { type Collection, lineOf, type Write } from './collection.js';
import type { ListOptions } from './list-options.js';
import { expiredWatch, tooLargeVersion } from './refusal.js';
import type { Selects } from './selection.js';
import type { Form } from './stored.js';

/** Bytes that may wait for a slow reader before its watch is ended. */
const mostWaiting = 256 * 1024 * 1024;

const initialEventsEnd = { 'k8s.io/initial-events-end': 'true' };

/** Where a watch's lines go. */
export interface Wire {
  write(line: Buffer): void;
  end(): void;
  /** Bytes that the reader has not taken yet. */
  readonly waiting: number;
}

/** One stream of events, fed with the writes to its collection. */
export class Watch {
  readonly collection: Collection;
  readonly #selects: Selects;
  readonly #form: Form;
  readonly #wire: Wire;
  readonly #bookmarks: boolean;
  /** Writes up to here are not told. */
  #from = 0;
  #held: Buffer[] | undefined;
  #ended = false;

  constructor(collection: Collection, selects: Selects, form: Form, options: ListOptions, wire: Wire) {
    this.collection = collection;
    this.#selects = selects;
    this.#form = form;
    this.#wire = wire;
    this.#bookmarks = options.bookmarks;
  }

  /** 504 where the state is asked for at a version that is not there yet; `now` is the newest revision. */
  check({ revision = 0, initialEvents }: ListOptions, now: number): void {
    if (initialEvents && revision > now) throw tooLargeVersion(revision, now);
  }

  /**
   * Sends what is due at once: the state as ADDED events where no version is given or initial events are asked for (nothing of it if `empty`), else the writes
   * since the version, or an ERROR event with 410 where those are forgotten.
   */
  begin({ revision = 0, initialEvents }: ListOptions, now: number, empty: boolean): void {
    if (initialEvents ?? revision === 0) {
      for (const object of empty ? [] : this.collection.at(now))
        if (this.#selects(object)) this.#send(lineOf('ADDED', object.text(this.#form)));
      if (initialEvents && this.#bookmarks) this.#bookmark(now, { annotations: initialEventsEnd });
      this.#from = now;
      return;
    }
    this.#from = revision === 0 ? now : revision;
    const { floor } = this.collection;
    if (this.#from >= floor) {
      for (const write of this.collection.since(this.#from)) this.tell(write);
      return;
    }
    this.#send(lineOf('ERROR', JSON.stringify(expiredWatch(this.#from, floor).status)));
    this.end();
  }

  tell(write: Write): void {
    if (this.#ended || write.revision <= this.#from) return;
    const line = write.line(this.#selects, this.#form);
    if (line) this.#send(line);
  }

  /** Tells the newest revision, if the watch wants to know; not to one that waits for a later revision. */
  bookmark(now: number): void {
    if (this.#bookmarks && !this.#held && !this.#ended && now >= this.#from) this.#bookmark(now, {});
  }

  /** Keeps lines back until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const lines = this.#held ?? [];
    this.#held = undefined;
    for (const line of lines) this.#send(line);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wire.end();
  }

  #bookmark(now: number, more: Readonly<Record<string, unknown>>): void {
    const { apiVersion, kind, partial } = this.#form;
    const head = partial ? { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' } : { kind, apiVersion };
    const blank = partial ? {} : this.collection.resource.blank;
    const object = { ...head, metadata: { resourceVersion: String(now), ...more }, ...blank };
    this.#send(lineOf('BOOKMARK', JSON.stringify(object)));
  }

  #send(line: Buffer): void {
    if (this.#ended) return;
    if (this.#held) this.#held.push(line);
    else {
      this.#wire.write(line);
      if (this.#wire.waiting > mostWaiting) this.end();
    }
  }
}
