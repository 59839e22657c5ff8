import type { Resource } from './resources.js';

/** As in a manifest or an answer of the API. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  /** Counts the changes of everything but metadata and status. */
  generation?: number;
  readonly [field: string]: unknown;
}

/** How an object is shown. */
export interface Form {
  /** An object's `apiVersion`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Metadata alone, as PartialObjectMetadata. */
  readonly partial: boolean;
}

/** `namespace/name`, or `name` of what is in no namespace: the order of lists. */
export const keyOf = (namespace: string | undefined, name: string): string =>
  namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;

function fieldAt(object: unknown, path: string): string {
  let value = object;
  for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value === undefined || value === null ? '' : String(value);
}

/** One state of an object: kept as text, since it is written often and read seldom. */
export class Stored {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** The number in its resourceVersion. */
  readonly revision: number;
  readonly labels: Readonly<Record<string, string>>;
  /** By path, of those that can be selected by. */
  readonly fields: ReadonlyMap<string, string>;
  /** The JSON of metadata but for resourceVersion, without its last brace. */
  readonly #metadata: string;
  /** The JSON of everything but kind, version and metadata, without its first brace. */
  readonly #rest: string;

  private constructor(
    from: Omit<Stored, 'at' | 'isSame' | 'text' | 'item' | 'metadata' | 'object'>,
    metadata: string,
    rest: string,
  ) {
    this.key = from.key;
    this.namespace = from.namespace;
    this.name = from.name;
    this.revision = from.revision;
    this.labels = from.labels;
    this.fields = from.fields;
    this.#metadata = metadata;
    this.#rest = rest;
  }

  /** The object with `revision` as its resourceVersion. */
  static of(resource: Resource, object: KubernetesObject, revision: number): Stored {
    const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object;
    const { resourceVersion: _version, ...others } = metadata;
    const { name, namespace = '', labels = {} } = others;
    const fields = new Map(resource.fields.map((path) => [path, fieldAt(object, path)]));
    fields.set('metadata.name', name).set('metadata.namespace', namespace);
    const text = JSON.stringify(others).slice(0, -1);
    const from = { key: keyOf(namespace, name), namespace, name, revision, labels, fields };
    return new Stored(from, text, JSON.stringify(rest).slice(1));
  }

  /** The same state under another resourceVersion: what a deletion shows. */
  at(revision: number): Stored {
    return new Stored({ ...this, revision }, this.#metadata, this.#rest);
  }

  /** Whether it is the same but for its resourceVersion. */
  isSame(other: Stored): boolean {
    return this.#metadata === other.#metadata && this.#rest === other.#rest;
  }

  /** JSON with kind and version. */
  text({ apiVersion, kind, partial }: Form): string {
    if (partial) return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":${this.#meta()}}`;
    return `{"kind":"${kind}","apiVersion":"${apiVersion}",${this.#body()}`;
  }

  /** JSON as lists of built-in kinds have it: without kind and version. */
  item(): string {
    return `{${this.#body()}`;
  }

  metadata(): ObjectMetadata {
    return JSON.parse(this.#meta()) as ObjectMetadata;
  }

  object(form: Form): KubernetesObject {
    return JSON.parse(this.text(form)) as KubernetesObject;
  }

  #meta(): string {
    return `${this.#metadata},"resourceVersion":"${this.revision}"}`;
  }

  #body(): string {
    return `"metadata":${this.#meta()}${this.#rest === '}' ? '}' : `,${this.#rest}`}`;
  }
}
