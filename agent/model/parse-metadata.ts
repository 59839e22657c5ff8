import {
  checkKnown,
  fieldOf,
  isRaw,
  oneOf,
  type Raw,
  readInteger,
  readLabels,
  readName,
  readRaw,
  readString,
} from './fields.js';
import { child, type Findings, quote, suggestion } from './findings.js';
import { interned, internedMap, noLabels } from './intern.js';
import type { Metadata, Origin } from './mesh.js';
import { isName, type NameForm, nameForms } from './names.js';

const fields: ReadonlySet<string> = new Set([
  'annotations',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'labels',
  'managedFields',
  'name',
  'namespace',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);

/** The values of a weft.dev key: a closed list, or a check that returns what the value must be, or undefined when it is. */
type Values = readonly string[] | StrictValues | ((value: string) => string | undefined);

/** A closed list, of which one holds when something else is written: the mistake must not loosen what was asked for. */
interface StrictValues {
  readonly oneOf: readonly string[];
  readonly otherwise: string;
}

const prefix = 'weft.dev/';

/**
 * Weft's own labels and annotations of one kind, without the prefix `weft.dev/`. A wrong one is an error, and counts as if it were not there; the
 * object takes effect.
 */
export interface WeftKeys {
  readonly labels: Readonly<Record<string, Values>>;
  readonly annotations: Readonly<Record<string, Values>>;
}

export const noWeftKeys: WeftKeys = { labels: {}, annotations: {} };

export const meshLabel: WeftKeys['labels'] = { mesh: ['enabled', 'disabled'] };

/** The part of metadata that is known even when the rest of the object is invalid. */
export interface Identity {
  readonly namespace: string;
  readonly name: string;
}

/** Undefined, and a finding, when the object cannot be told from others. */
export function readIdentity(
  found: Findings,
  metadata: Raw,
  form: NameForm,
  namespaced: boolean,
): Identity | undefined {
  const name = readName(found, metadata, 'metadata', 'name', form);
  if (name === undefined) {
    if (!found.failed) found.error('WEFT0203', 'metadata.name', 'the object has no name');
    return undefined;
  }
  if (!namespaced) return { namespace: '', name };
  const failed = found.failed;
  const namespace = readName(found, metadata, 'metadata', 'namespace', 'label1123') ?? 'default';
  return found.failed && !failed ? undefined : { namespace: interned(namespace), name };
}

export function readMetadata(
  found: Findings,
  metadata: Raw,
  identity: Identity,
  origin: Origin,
  keys: WeftKeys,
): Metadata {
  checkKnown(found, metadata, 'metadata', fields);
  return {
    namespace: identity.namespace,
    name: identity.name,
    labels: readOwnLabels(found, metadata, keys),
    annotations: readAnnotations(found, metadata, keys),
    created: readTime(found, metadata, 'metadata', 'creationTimestamp') ?? 0,
    generation: readInteger(found, metadata, 'metadata', 'generation', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    origin,
  };
}

function isWeftKey(name: string): boolean {
  return name.startsWith(prefix);
}

/** With wrong values of Weft's own among them, as selectors see them. */
function readOwnLabels(found: Findings, metadata: Raw, keys: WeftKeys): Readonly<Record<string, string>> {
  const labels = readLabels(found, metadata, 'metadata', 'labels', isWeftKey);
  const raw = fieldOf(metadata, 'labels');
  if (!isRaw(raw)) return labels;
  for (const name in raw) if (isWeftKey(name)) readWeftValue(found, raw[name], 'metadata.labels', name, keys.labels);
  return labels;
}

/** Only those that somebody reads are kept: tools write whole manifests into annotations. */
function readAnnotations(found: Findings, metadata: Raw, keys: WeftKeys): Readonly<Record<string, string>> {
  const raw = readRaw(found, metadata, 'metadata', 'annotations');
  if (raw === undefined) return noLabels;
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (isWeftKey(name)) {
      const believed = readWeftValue(found, value, 'metadata.annotations', name, keys.annotations);
      if (believed !== undefined) kept[name] = believed;
      continue;
    }
    const path = child('metadata.annotations', name);
    if (!isName('qualified', name.toLowerCase())) {
      found.error('WEFT0213', path, `the key must be ${nameForms.qualified}`);
    } else if (typeof value !== 'string') {
      found.error('WEFT0205', path, `must be a string, not ${quote(value)}`, 'put the value in quotes');
    }
  }
  return internedMap(kept);
}

/** What holds of a key of Weft's; undefined, and a finding, when that is as without it. */
function readWeftValue(
  found: Findings,
  value: unknown,
  path: string,
  name: string,
  known: Readonly<Record<string, Values>>,
): string | undefined {
  const place = child(path, name);
  const key = name.slice(prefix.length);
  const values = Object.hasOwn(known, key) ? known[key] : undefined;
  if (values === undefined) {
    const own = Object.keys(known).map((each) => `${prefix}${each}`);
    found.slip('WEFT0309', place, `this kind has no ${quote(name)}`, suggestion(name, own) || undefined);
    return undefined;
  }
  if (typeof values === 'function') {
    const demand = typeof value === 'string' ? values(value) : 'a string';
    if (demand === undefined) return value as string;
    found.slip('WEFT0216', place, `must be ${demand}, not ${quote(value)}`);
    return undefined;
  }
  const { oneOf: choices, otherwise } = 'oneOf' in values ? values : { oneOf: values, otherwise: undefined };
  if (choices.includes(value as string)) return value as string;
  const meant = typeof value === 'string' ? suggestion(value, choices) : '';
  const counts = otherwise === undefined ? '' : `: it counts as ${otherwise}`;
  found.slip('WEFT0216', place, `must be ${oneOf(choices)}, not ${quote(value)}${counts}`, meant || undefined);
  return otherwise;
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** An RFC 3339 time in ms since the epoch. */
export function readTime(found: Findings, raw: Raw, path: string, key: string): number | undefined {
  const text = readString(found, raw, path, key);
  if (text === undefined) return undefined;
  const time = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  found.error('WEFT0205', child(path, key), `must be an RFC 3339 time, not ${quote(text)}`);
  return undefined;
}

/** Label weft.dev/mesh of a Pod or Namespace whose metadata was checked. */
export function meshOf(labels: Readonly<Record<string, string>>): 'enabled' | 'disabled' | undefined {
  const value = labels['weft.dev/mesh'];
  return value === 'enabled' || value === 'disabled' ? value : undefined;
}

/** The metadata mapping of an object, empty (and a finding) when it has none. */
export function metadataOf(found: Findings, raw: Raw): Raw {
  const metadata = readRaw(found, raw, '', 'metadata');
  if (metadata !== undefined) return metadata;
  if (!found.failed) found.error('WEFT0203', 'metadata', 'the object has no metadata');
  return {};
}
