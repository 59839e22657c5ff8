import { equalValues } from '../../model/equal.js';
import { isRaw, type Raw } from '../../model/fields.js';
import type { Change, MeshObject, Origin } from '../../model/mesh.js';
import type { Problem } from '../../model/problem.js';
import { type Identity, identify, readItem } from './reading.js';
import { pathOf, type Resource } from './resource.js';

interface Kept {
  readonly uid: string;
  /** metadata.resourceVersion. */
  readonly version: string;
  /** The last valid version of it; undefined when there was none, or when it is of no interest. */
  readonly object: MeshObject | undefined;
}

/** What is kept of a resource: of each object what the model needs, and which version of it that was. */
export class Holdings {
  readonly resource: Resource;
  readonly #origin: Origin;
  #kept = new Map<string, Kept>();
  #flawed = new Map<string, readonly Problem[]>();
  #revision = 0;

  /** `server`: that of the client, for the places of problems. */
  constructor(resource: Resource, server: string) {
    this.resource = resource;
    this.#origin = { file: `${server}${pathOf(resource, resource.versions[0]!)}`, document: 0, item: -1 };
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Grows whenever `problems` may be others. */
  get revision(): number {
    return this.#revision;
  }

  get file(): string {
    return this.#origin.file;
  }

  object(key: string): MeshObject | undefined {
    return this.#kept.get(key)?.object;
  }

  /** Of every object that is kept. */
  *identities(): Generator<Identity> {
    for (const [key, { uid, version }] of this.#kept) yield { key, uid, version };
  }

  identity(key: string): Identity | undefined {
    const kept = this.#kept.get(key);
    return kept && { key, uid: kept.uid, version: kept.version };
  }

  *problems(): Generator<Problem> {
    for (const each of this.#flawed.values()) yield* each;
  }

  /** An object as the API's `apiVersion` of the resource shows it. Objects that are equal to their former selves are no change. */
  put(raw: unknown, apiVersion: string): readonly Change[] {
    const identity = identify(raw);
    if (identity === undefined || !isRaw(raw)) return [];
    const before = this.#kept.get(identity.key);
    if (before !== undefined && isSame(before, identity)) return [];
    const kept = this.#read(raw, identity, before, apiVersion, this.#flawed);
    this.#kept.set(identity.key, kept);
    return this.#difference(identity.key, before, kept);
  }

  drop(raw: unknown): readonly Change[] {
    const identity = identify(raw);
    if (identity === undefined) return [];
    const before = this.#kept.get(identity.key);
    this.#kept.delete(identity.key);
    if (this.#flawed.delete(identity.key)) this.#revision++;
    return this.#difference(identity.key, before, undefined);
  }

  /** Everything goes. */
  clear(): readonly Change[] {
    return this.list().finish();
  }

  /**
   * A list that will take the place of what is kept. `isAnew`: versions are not compared with those that are kept, because
   * the server was set back and gives the same ones again.
   */
  list(isAnew = false): Listing {
    const kept = new Map<string, Kept>();
    const flawed = new Map<string, readonly Problem[]>();
    return {
      put: (raw, apiVersion) => {
        const identity = identify(raw);
        if (identity === undefined || !isRaw(raw)) return;
        const before = kept.get(identity.key) ?? this.#kept.get(identity.key);
        if (before === undefined || isAnew || !isSame(before, identity)) {
          kept.set(identity.key, this.#read(raw, identity, before, apiVersion, flawed));
          return;
        }
        kept.set(identity.key, before);
        const problems = flawed.get(identity.key) ?? this.#flawed.get(identity.key);
        if (problems !== undefined) flawed.set(identity.key, problems);
      },
      drop: (raw) => {
        const key = identify(raw)?.key ?? '';
        kept.delete(key);
        flawed.delete(key);
      },
      finish: () => {
        const before = this.#kept;
        if (this.#flawed.size > 0 || flawed.size > 0) this.#revision++;
        this.#kept = kept;
        this.#flawed = flawed;
        return this.#differences(before);
      },
    };
  }

  #read(
    raw: Raw,
    { key, uid, version }: Identity,
    before: Kept | undefined,
    apiVersion: string,
    flawed: Map<string, readonly Problem[]>,
  ): Kept {
    const read = readItem(raw, this.resource, apiVersion, this.#origin);
    if (flawed.delete(key) || read.problems.length > 0) this.#revision++;
    if (read.problems.length > 0) flawed.set(key, read.problems);
    // One that was deleted and created anew is another object: no version of it was ever valid.
    const last = before?.uid === uid ? before.object : undefined;
    const object = read.isInvalid ? last : read.object;
    return { uid, version, object: equalValues(object, before?.object) ? before?.object : object };
  }

  #difference(key: string, before: Kept | undefined, after: Kept | undefined): readonly Change[] {
    if (before?.object === after?.object) return [];
    if (after?.object !== undefined) return [{ type: 'put', object: after.object }];
    return [{ type: 'remove', kind: this.resource.model, key }];
  }

  #differences(before: ReadonlyMap<string, Kept>): readonly Change[] {
    const changes: Change[] = [];
    for (const [key, kept] of before) {
      if (!this.#kept.has(key)) changes.push(...this.#difference(key, kept, undefined));
    }
    for (const [key, kept] of this.#kept) changes.push(...this.#difference(key, before.get(key), kept));
    return changes;
  }
}

/** A list as it arrives. */
export interface Listing {
  put(raw: unknown, apiVersion: string): void;
  /** One that went while the list arrived. */
  drop(raw: unknown): void;
  /** The list is complete: what is kept is what it had. Returns what that changes. */
  finish(): readonly Change[];
}

function isSame(kept: Kept, { uid, version }: Identity): boolean {
  return version !== '' && kept.version === version && kept.uid === uid;
}
