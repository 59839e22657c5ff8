import type { Model } from '@kubernetes-models/base';
import * as monitoring from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import * as apps from 'kubernetes-models/apps/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as rbac from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import * as core from 'kubernetes-models/v1';
import type { ChartObject } from '../../deploy/render/chart.js';

type Type = new (data: never) => Model<unknown>;

const groups: Readonly<Record<string, object>> = {
  v1: core,
  'apps/v1': apps,
  'networking.k8s.io/v1': networking,
  'rbac.authorization.k8s.io/v1': rbac,
  'monitoring.coreos.com/v1': monitoring,
};

/**
 * What the schema of its type has against an object: one line a mistake, or none; undefined when the type is not known here. A field that the schema
 * does not name is one too: the validators never look at it, so what they do not look at is not in the schema.
 */
export function mistakesOf(object: ChartObject): readonly string[] | undefined {
  const type = (groups[object.apiVersion] as Readonly<Record<string, Type>> | undefined)?.[object.kind];
  if (type === undefined) return undefined;
  const watched = new Watched(new type(object as never), '');
  try {
    (watched.proxy as Model<unknown>).validate();
  } catch (error) {
    return [(error as Error).message];
  }
  return watched.unread();
}

/** An object that remembers which of its fields were read. */
class Watched {
  readonly proxy: object;
  readonly #path: string;
  readonly #fields: readonly string[];
  readonly #read = new Set<string>();
  readonly #inner = new Map<string, Watched>();

  constructor(object: object, path: string) {
    this.#path = path;
    this.#fields = Object.keys(object);
    this.proxy = new Proxy(object, { get: (target, key) => this.#get(target, key) });
  }

  #get(target: object, key: string | symbol): unknown {
    const value: unknown = Reflect.get(target, key);
    if (typeof key === 'symbol') return value;
    this.#read.add(key);
    if (typeof value !== 'object' || value === null) return value;
    const inner = this.#inner.get(key) ?? new Watched(value, `${this.#path}.${key}`);
    this.#inner.set(key, inner);
    return inner.proxy;
  }

  unread(): readonly string[] {
    const own = this.#fields.filter((key) => !this.#read.has(key)).map((key) => `${this.#path}.${key} is no field`);
    return [...own, ...[...this.#inner.values()].flatMap((inner) => inner.unread())];
  }
}
