import { isDeepStrictEqual } from 'node:util';
import type { Collection } from './collection.js';
import { alreadyExists, badRequest, conflict, invalid, notFound, type Subject } from './refusal.js';
import type { Resource } from './resources.js';
import type { Storage } from './storage.js';
import { type Form, type KubernetesObject, keyOf, type Stored } from './stored.js';

/** What a write is about: `name` empty at a creation; `status`: the subresource. */
export interface Target {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly status: boolean;
}

/** Names what `generateName` leaves open. */
export type Suffix = () => string;

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const subjectOf = ({ group, plural }: Resource, name: string): Subject => ({ group, plural, name });

/** The object in a body, which must be of the resource, the namespace and the name that the path says. */
function objectOf(body: unknown, resource: Resource, form: Form, target: Target): KubernetesObject {
  if (!isObject(body))
    throw badRequest("the object provided is unrecognized (must be of type object): couldn't get version/kind");
  const { kind = resource.kind, apiVersion = form.apiVersion, metadata = {} } = body;
  if (kind !== resource.kind || apiVersion !== form.apiVersion)
    throw badRequest(
      `${resource.kind} in version "${form.apiVersion}" cannot be handled as a ${resource.kind}: the object is a ${String(kind)} of ${String(apiVersion)}`,
    );
  if (!isObject(metadata)) throw badRequest('metadata must be an object');
  const { name = target.name, namespace = target.namespace } = metadata;
  if (namespace !== target.namespace)
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  if (target.name !== '' && name !== target.name)
    throw badRequest(`the name of the object (${String(name)}) does not match the name on the URL (${target.name})`);
  const named = {
    ...metadata,
    name: String(name),
    ...(namespace === undefined ? {} : { namespace: String(namespace) }),
  };
  return { ...body, kind: resource.kind, apiVersion: form.apiVersion, metadata: named };
}

/** 409 if there is one of the name. */
export function create(
  storage: Storage,
  collection: Collection,
  form: Form,
  target: Target,
  body: unknown,
  suffix: Suffix,
): Stored {
  const { resource } = collection;
  let object = objectOf(body, resource, form, target);
  const { generateName } = object.metadata as { readonly generateName?: string };
  if (object.metadata.name === '' && generateName)
    object = { ...object, metadata: { ...object.metadata, name: `${generateName}${suffix()}` } };
  const { name } = object.metadata;
  if (name === '')
    throw invalid(
      resource.group,
      resource.kind,
      '',
      'metadata.name',
      'FieldValueRequired',
      'Required value: name or generateName is required',
    );
  if (object.metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  if (collection.get(keyOf(target.namespace, name))) throw alreadyExists(subjectOf(resource, name));
  const { uid: _uid, creationTimestamp: _created, generation: _generation, ...metadata } = object.metadata;
  const { status, ...rest } = object;
  const kept = status === undefined || (resource.status && resource.custom) ? {} : { status };
  return storage.put(collection, { ...rest, ...kept, metadata }, undefined);
}

/** What becomes of `before` when `next` is written to the object or to its status: uid, creation and generation are the server's affair. */
function merged(
  before: KubernetesObject,
  next: KubernetesObject,
  resource: Resource,
  status: boolean,
): KubernetesObject {
  if (status) return { ...before, status: next.status };
  const { uid, creationTimestamp, generation } = before.metadata;
  const metadata = { ...next.metadata, uid, creationTimestamp, ...(generation === undefined ? {} : { generation }) };
  const whole: KubernetesObject = { ...next, metadata };
  if (!resource.status) return whole;
  const { status: _status, ...rest } = whole;
  return before.status === undefined ? rest : { ...rest, status: before.status };
}

function replace(
  storage: Storage,
  collection: Collection,
  form: Form,
  target: Target,
  next: KubernetesObject,
  old: Stored,
): Stored {
  const { resource } = collection;
  const before = old.object(form);
  const { resourceVersion, uid } = next.metadata as { readonly resourceVersion?: string; readonly uid?: string };
  if (resourceVersion !== undefined && resourceVersion !== String(old.revision))
    throw conflict(subjectOf(resource, target.name));
  if (uid !== undefined && uid !== before.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${String(before.metadata.uid)}`;
    throw conflict(subjectOf(resource, target.name), why);
  }
  const after = merged(before, next, resource, target.status);
  const same = { ...after, metadata: { ...after.metadata, resourceVersion: String(old.revision) } };
  return isDeepStrictEqual(before, same) ? old : storage.put(collection, after, old);
}

function existing(collection: Collection, target: Target): Stored {
  const old = collection.get(keyOf(target.namespace, target.name));
  if (!old) throw notFound(subjectOf(collection.resource, target.name));
  return old;
}

/** PUT: 404 without the object, 409 at another version, 422 without one where the kind needs it. */
export function update(storage: Storage, collection: Collection, form: Form, target: Target, body: unknown): Stored {
  const { resource } = collection;
  const old = existing(collection, target);
  const next = objectOf(body, resource, form, target);
  if (!next.metadata.resourceVersion && !resource.unconditional) {
    const rule = 'Invalid value: 0: must be specified for an update';
    throw invalid(resource.group, resource.kind, target.name, 'metadata.resourceVersion', 'FieldValueInvalid', rule);
  }
  return replace(storage, collection, form, target, next, old);
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

/** PATCH with application/merge-patch+json: 409 if the patch names another version. */
export function patch(storage: Storage, collection: Collection, form: Form, target: Target, body: unknown): Stored {
  if (!isObject(body)) throw badRequest('a merge patch must be an object');
  const old = existing(collection, target);
  const next = objectOf(mergePatch(old.object(form), body), collection.resource, form, target);
  return replace(storage, collection, form, target, next, old);
}

/** DELETE with `meta/v1` DeleteOptions, of which preconditions count; the Status that says so. */
export function remove(storage: Storage, collection: Collection, form: Form, target: Target, body: unknown): Json {
  const { resource } = collection;
  const old = existing(collection, target);
  const { uid } = old.object(form).metadata;
  const wanted = isObject(body) && isObject(body.preconditions) ? body.preconditions : {};
  const subject = subjectOf(resource, target.name);
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== String(old.revision)) throw conflict(subject);
  if (wanted.uid !== undefined && wanted.uid !== uid) throw conflict(subject, 'Precondition failed: UID differs');
  storage.remove(collection, old.key);
  const { group, plural } = resource;
  const details = { name: target.name, ...(group === '' ? {} : { group }), kind: plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
