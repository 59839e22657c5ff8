import { equalValues } from './equal.js';
import { type Change, type Kind, keyOf, type MeshObject, type Origin } from './mesh.js';

/** An object that is not in effect because `winner`, of the same kind and name, comes first. */
export interface Shadowed {
  readonly object: MeshObject;
  readonly winner: MeshObject;
}

/** What was in effect before, by kind and key. */
type Affected = Map<string, { readonly kind: Kind; readonly key: string; readonly before: MeshObject | undefined }>;

/**
 * The objects of many files, of which several may define the same one: the first by file name, then by position, is
 * in effect, and when it goes the next is.
 */
export class Versions {
  readonly #files = new Map<string, readonly MeshObject[]>();
  /** By kind and key; of several the one in effect first. */
  readonly #versions = new Map<Kind, Map<string, MeshObject | readonly MeshObject[]>>();

  /** The objects a file has now; returns what that changes. Objects that are equal to their former selves do not. */
  replace(file: string, objects: readonly MeshObject[]): Change[] {
    const affected: Affected = new Map();
    for (const object of this.#files.get(file) ?? []) this.#take(object, affected);
    for (const object of objects) this.#give(object, affected);
    if (objects.length === 0) this.#files.delete(file);
    else this.#files.set(file, objects);
    const changes: Change[] = [];
    for (const { kind, key, before } of affected.values()) {
      const now = this.#all(kind, key)[0];
      if (now === undefined) {
        if (before !== undefined) changes.push({ type: 'remove', kind, key });
      } else if (!equalValues(before, now)) changes.push({ type: 'put', object: now });
    }
    return changes;
  }

  /** What the file gave last. */
  objectsOf(file: string): readonly MeshObject[] {
    return this.#files.get(file) ?? [];
  }

  files(): IterableIterator<string> {
    return this.#files.keys();
  }

  /** By kind, then key. */
  shadowed(): readonly Shadowed[] {
    const found: Shadowed[] = [];
    for (const byKey of this.#versions.values()) {
      for (const entry of byKey.values()) {
        if (!isList(entry)) continue;
        for (const object of entry.slice(1)) found.push({ object, winner: entry[0]! });
      }
    }
    return found;
  }

  #all(kind: Kind, key: string): readonly MeshObject[] {
    const entry = this.#versions.get(kind)?.get(key);
    if (entry === undefined) return [];
    return isList(entry) ? entry : [entry];
  }

  #take(object: MeshObject, affected: Affected): void {
    const key = keyOf(object);
    const versions = this.#all(object.kind, key);
    note(affected, object.kind, key, versions[0]);
    this.#set(
      object.kind,
      key,
      versions.filter((each) => each !== object),
    );
  }

  #give(object: MeshObject, affected: Affected): void {
    const key = keyOf(object);
    const versions = this.#all(object.kind, key);
    note(affected, object.kind, key, versions[0]);
    this.#set(object.kind, key, versions.length === 0 ? [object] : [...versions, object].sort(byOrigin));
  }

  #set(kind: Kind, key: string, versions: readonly MeshObject[]): void {
    let byKey = this.#versions.get(kind);
    if (byKey === undefined) {
      byKey = new Map();
      this.#versions.set(kind, byKey);
    }
    if (versions.length === 0) byKey.delete(key);
    else byKey.set(key, versions.length === 1 ? versions[0]! : versions);
  }
}

function isList(entry: MeshObject | readonly MeshObject[]): entry is readonly MeshObject[] {
  return Array.isArray(entry);
}

function note(affected: Affected, kind: Kind, key: string, before: MeshObject | undefined): void {
  const identity = `${kind} ${key}`;
  if (!affected.has(identity)) affected.set(identity, { kind, key, before });
}

function byOrigin(a: MeshObject, b: MeshObject): number {
  return compareOrigins(a.meta.origin, b.meta.origin);
}

/** By file, document, then item. */
export function compareOrigins(a: Origin, b: Origin): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.document - b.document || a.item - b.item;
}
