import type { Clock } from '../clock.js';
import { ApiError } from '../kubernetes/api.js';
import type { Log } from '../log.js';
import { equalValues } from '../model/equal.js';
import type { ApiObject } from './api-object.js';
import type { Pace } from './pace.js';
import { groupOf, pluralOf, type Resources, type StatusKind, statusKinds } from './resources.js';
import type { Term } from './term.js';
import { missingRule, type Troubles } from './troubles.js';
import type { WantedStatus } from './wanted.js';

export interface StatusWriterOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly log: Log;
  readonly pace: Pace;
  readonly troubles: Troubles;
}

export type Progress = 'done' | 'more' | 'contended';

/** Of one object, while others write it too. */
const mostTries = 5;
/** After so many the mesh is asked again what is to be written. */
const mostWrites = 50;

/**
 * Brings the status of objects to what is wanted, for one term. An object is read, and written only if its status differs and it is still what the
 * mesh knows (generation and time of creation): of a later one something is said once the mesh knows that.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #term: Term;
  /** By key: the digest that the object was last found, or made, to be in accord with. */
  readonly #settled = new Map<string, string>();
  /** Keys of objects that a list showed to differ. */
  readonly #due = new Set<string>();
  /** Not to be tried again before the next list. */
  readonly #refused = new Set<StatusKind>();
  /** Something was refused of them since the last list began. */
  readonly #troubled = new Set<StatusKind>();

  constructor(options: StatusWriterOptions, term: Term) {
    this.#options = options;
    this.#term = term;
  }

  /** Lists all objects and notes which differ. Rejects with ApiError when the server does not answer, and with TermOver. */
  async compare(wanted: readonly WantedStatus[]): Promise<void> {
    const byKey = new Map(wanted.map((each) => [each.key, each]));
    this.#troubled.clear();
    for (const kind of statusKinds) {
      this.#refused.delete(kind);
      try {
        for await (const page of this.#options.resources.list(kind, this.#term)) {
          for (const object of page) this.#note(byKey.get(keyOf(kind, object)), object);
        }
      } catch (error) {
        this.#refuse(kind, 'list', error);
      }
    }
  }

  #note(wanted: WantedStatus | undefined, object: ApiObject): void {
    if (!wanted?.isOf(object)) return;
    if (this.#accords(wanted, object)) this.#settle(wanted);
    else this.#due.add(wanted.key);
  }

  /**
   * Writes what is known to differ, and what the mesh says otherwise than last time. `more`: there is more to write; `contended`: somebody else kept writing one of
   * them. Rejects with ApiError when the server does not answer, and with TermOver.
   */
  async write(wanted: readonly WantedStatus[]): Promise<Progress> {
    const keys = new Set(wanted.map(({ key }) => key));
    for (const key of this.#settled.keys()) if (!keys.has(key)) this.#settled.delete(key);
    for (const key of this.#due) if (!keys.has(key)) this.#due.delete(key);
    let writes = 0;
    let progress: Progress = 'done';
    for (const each of wanted) {
      if (!this.#isOpen(each)) continue;
      if (writes >= mostWrites) return 'more';
      const outcome = await this.#bring(each);
      if (outcome === 'written') writes++;
      if (outcome === 'contended') progress = 'contended';
    }
    for (const kind of statusKinds) if (!this.#troubled.has(kind)) this.#options.troubles.clear(pluralOf(kind));
    return progress;
  }

  /** One that says nothing, of an object never written about, is left to the next list. */
  #isOpen({ key, kind, digest, isEmpty }: WantedStatus): boolean {
    if (this.#refused.has(kind)) return false;
    if (this.#due.has(key)) return true;
    const settled = this.#settled.get(key);
    return settled === undefined ? !isEmpty : settled !== digest;
  }

  async #bring(wanted: WantedStatus): Promise<'written' | 'left' | 'contended'> {
    const { clock, log, pace, resources } = this.#options;
    const { kind, namespace, name } = wanted;
    let verb = 'get';
    try {
      for (let tries = 0; tries < mostTries; tries++) {
        verb = 'get';
        const object = await resources.get(kind, namespace, name, this.#term);
        if (object === undefined || !wanted.isOf(object) || this.#accords(wanted, object)) return this.#settle(wanted);
        await pace.turn(this.#term.signal);
        verb = 'update';
        const status = wanted.statusFor(object, clock.now());
        if (!(await this.#put(kind, { ...object, status }))) continue;
        log.debug({ object: wanted.key }, 'status written');
        this.#settle(wanted);
        return 'written';
      }
      return 'contended';
    } catch (error) {
      this.#refuse(kind, verb, error, wanted);
      return 'left';
    }
  }

  /** False: somebody else has written the object meanwhile, or it is gone. */
  async #put(kind: StatusKind, object: ApiObject): Promise<boolean> {
    try {
      await this.#options.resources.putStatus(kind, object, this.#term);
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 409 || error.status === 404)) return false;
      throw error;
    }
  }

  #accords(wanted: WantedStatus, object: ApiObject): boolean {
    return equalValues(wanted.statusFor(object, this.#options.clock.now()), object.status ?? {});
  }

  #settle({ key, digest }: WantedStatus): 'left' {
    this.#settled.set(key, digest);
    this.#due.delete(key);
    return 'left';
  }

  /** What is not allowed concerns the kind, what is not valid the one object; both wait for the next list. Else the error is thrown. */
  #refuse(kind: StatusKind, verb: string, error: unknown, wanted?: WantedStatus): void {
    if (!(error instanceof ApiError)) throw error;
    const { troubles } = this.#options;
    const resource = verb === 'update' ? `${pluralOf(kind)}/status` : pluralOf(kind);
    this.#troubled.add(kind);
    if (error.status === 403) {
      this.#refused.add(kind);
      troubles.set(pluralOf(kind), `${error.message}; ${missingRule(groupOf(kind), resource, [verb])}`);
    } else if (wanted !== undefined && (error.status === 400 || error.status === 422)) {
      this.#settle(wanted);
      troubles.set(pluralOf(kind), `${wanted.key}: ${error.message}`);
    } else throw error;
  }
}

function keyOf(kind: StatusKind, { metadata: { name, namespace = '' } }: ApiObject): string {
  return `${kind} ${namespace}/${name}`;
}
