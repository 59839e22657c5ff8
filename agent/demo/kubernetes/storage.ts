import type { Clock } from '../../clock.js';
import { Collection, type Write } from './collection.js';
import { type Resource, resourceName, resources } from './resources.js';
import { type KubernetesObject, type ObjectMetadata, Stored } from './stored.js';

/** Without fractions of a second, as `metadata.creationTimestamp`. */
export const timestamp = (clock: Clock): string => new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');

/** `spec` and the like: what `metadata.generation` counts the changes of. */
function desired({ metadata: _metadata, status: _status, ...rest }: KubernetesObject): string {
  return JSON.stringify(rest);
}

export interface StorageOptions {
  readonly clock: Clock;
  readonly uid: () => string;
  /** Writes of each resource that are kept at least. */
  readonly history: number;
}

/** The objects of a cluster under one count of revisions, as etcd keeps them. */
export class Storage {
  readonly #options: StorageOptions;
  readonly #collections = new Map<string, Collection>();
  readonly #followers = new Map<string, Set<(write: Write) => void>>();
  #revision = 1;

  /** `without`: names of custom resources that are not installed at first. */
  constructor(options: StorageOptions, without: ReadonlySet<string>) {
    this.#options = options;
    for (const resource of resources) if (!without.has(resourceName(resource))) this.install(resource);
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision;
  }

  /** Undefined: not installed. */
  collection(resource: Resource): Collection | undefined {
    return this.#collections.get(resourceName(resource));
  }

  get installed(): readonly Resource[] {
    return [...this.#collections.values()].map(({ resource }) => resource);
  }

  install(resource: Resource): void {
    const name = resourceName(resource);
    if (this.#collections.has(name)) return;
    this.#revision++;
    this.#collections.set(name, new Collection(resource, this.#options.history, this.#revision));
  }

  /** Deletes what there is of it, then the resource itself. */
  uninstall(resource: Resource): void {
    const collection = this.collection(resource);
    if (!collection) return;
    for (const { key } of collection.at(this.#revision)) this.remove(collection, key);
    this.#collections.delete(resourceName(resource));
  }

  /**
   * The object as it is kept from now on: with a uid, a creation time, a generation and a resourceVersion, its own where it has some; as it was if
   * nothing differs. `previous` is what is there of it.
   */
  put(collection: Collection, object: KubernetesObject, previous: Stored | undefined): Stored {
    const { resource } = collection;
    const old = previous?.metadata() ?? object.metadata;
    const { uid, creationTimestamp, generation = old.generation } = object.metadata;
    const metadata: ObjectMetadata = {
      ...object.metadata,
      uid: uid ?? old.uid ?? this.#options.uid(),
      creationTimestamp: creationTimestamp ?? old.creationTimestamp ?? timestamp(this.#options.clock),
    };
    if (generation !== undefined || resource.custom) {
      const isNext = resource.custom && previous !== undefined && generation === old.generation;
      const before = isNext && previous.object({ apiVersion: object.apiVersion, kind: resource.kind, partial: false });
      metadata.generation = Number(generation ?? (before ? 0 : 1));
      if (before && desired(before) !== desired(object)) metadata.generation++;
    }
    const next = { ...object, metadata };
    const stored = Stored.of(resource, next, this.#revision + 1);
    if (previous?.isSame(stored)) return previous;
    this.#revision++;
    this.#tell(collection, collection.write(this.#revision, stored.key, stored));
    return stored;
  }

  /** False: there was no such object. */
  remove(collection: Collection, key: string): boolean {
    if (!collection.get(key)) return false;
    this.#revision++;
    this.#tell(collection, collection.write(this.#revision, key, undefined));
    return true;
  }

  /** Forgets every write of every resource. */
  expire(): void {
    this.#revision++;
    for (const collection of this.#collections.values()) collection.expire(this.#revision);
  }

  /** Calls `told` at each write to `resource`, until the returned function is called. */
  follow(resource: Resource, told: (write: Write) => void): () => void {
    const name = resourceName(resource);
    const followers = this.#followers.get(name) ?? new Set();
    this.#followers.set(name, followers.add(told));
    return () => followers.delete(told);
  }

  #tell({ resource }: Collection, write: Write): void {
    for (const told of this.#followers.get(resourceName(resource)) ?? []) told(write);
  }
}
