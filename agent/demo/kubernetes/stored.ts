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
  readonly #metadata: string;
  /** The JSON of everything but kind, version and metadata, without its first brace. */
  readonly #rest: string;

  private constructor(from: Omit<Stored, 'at' | 'text' | 'item' | 'object'>, metadata: string, rest: string) {
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
    const { name, namespace = '', labels = {} } = metadata;
    const fields = new Map(resource.fields.map((path) => [path, fieldAt(object, path)]));
    fields.set('metadata.name', name).set('metadata.namespace', namespace);
    const text = JSON.stringify({ ...metadata, resourceVersion: String(revision) });
    const from = { key: keyOf(namespace, name), namespace, name, revision, labels, fields };
    return new Stored(from, text, JSON.stringify(rest).slice(1));
  }

  /** The same state under another resourceVersion: what a deletion shows. */
  at(revision: number): Stored {
    const metadata = JSON.stringify({ ...JSON.parse(this.#metadata), resourceVersion: String(revision) });
    return new Stored({ ...this, revision }, metadata, this.#rest);
  }

  /** JSON with kind and version. */
  text({ apiVersion, kind, partial }: Form): string {
    if (partial) return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":${this.#metadata}}`;
    return `{"kind":"${kind}","apiVersion":"${apiVersion}",${this.#body()}`;
  }

  /** JSON as lists of built-in kinds have it: without kind and version. */
  item(): string {
    return `{${this.#body()}`;
  }

  object(form: Form): KubernetesObject {
    return JSON.parse(this.text(form)) as KubernetesObject;
  }

  #body(): string {
    return `"metadata":${this.#metadata}${this.#rest === '}' ? '}' : `,${this.#rest}`}`;
  }
}
