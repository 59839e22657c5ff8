import { canonicalAddress, specialAddress } from './address.js';
import { child, type Findings, quote, suggestion } from './findings.js';
import { internedMap, noLabels } from './intern.js';
import { isLabelValue, isName, type NameForm, nameForms, nearestName } from './names.js';
import type { Problem } from './problem.js';

/** A mapping of a document, of which nothing is known yet. */
export type Raw = Readonly<Record<string, unknown>>;

/*
 * Each reader takes the mapping `raw` at `path`, and returns the value of `key`, or undefined when it is absent, null
 * (the API's spelling of absent) or of a wrong type, which it reports.
 */

export function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `key` is the name of an API field, none of which Object.prototype has. */
export function fieldOf(raw: Raw, key: string): unknown {
  const value = raw[key];
  return value === null ? undefined : value;
}

export function readString(found: Findings, raw: Raw, path: string, key: string): string | undefined {
  const value = fieldOf(raw, key);
  if (value === undefined || typeof value === 'string') return value;
  found.error('WEFT0205', child(path, key), `must be a string, not ${quote(value)}`);
  return undefined;
}

export function readBoolean(found: Findings, raw: Raw, path: string, key: string): boolean | undefined {
  const value = fieldOf(raw, key);
  if (value === undefined || typeof value === 'boolean') return value;
  found.error('WEFT0205', child(path, key), `must be true or false, not ${quote(value)}`);
  return undefined;
}

/** A whole number from `min` to `max`, both included. */
export function readInteger(
  found: Findings,
  raw: Raw,
  path: string,
  key: string,
  min: number,
  max: number,
): number | undefined {
  const value = fieldOf(raw, key);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    found.error('WEFT0205', child(path, key), `must be a whole number, not ${quote(value)}`);
    return undefined;
  }
  if (value < min || value > max) {
    found.error('WEFT0207', child(path, key), `must be from ${min} to ${max}, not ${value}`);
    return undefined;
  }
  return value;
}

export function readChoice<T extends string>(
  found: Findings,
  raw: Raw,
  path: string,
  key: string,
  choices: readonly T[],
): T | undefined {
  const value = readString(found, raw, path, key);
  if (value === undefined) return undefined;
  if ((choices as readonly string[]).includes(value)) return value as T;
  const meant = suggestion(value, choices);
  found.error('WEFT0206', child(path, key), `must be ${oneOf(choices)}, not ${quote(value)}`, meant || undefined);
  return undefined;
}

export function oneOf(choices: readonly string[]): string {
  return choices.length === 1 ? choices[0]! : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

export function readRaw(found: Findings, raw: Raw, path: string, key: string): Raw | undefined {
  const value = fieldOf(raw, key);
  if (value === undefined || isRaw(value)) return value;
  found.error('WEFT0205', child(path, key), `must be a mapping, not ${quote(value)}`);
  return undefined;
}

const nothing: readonly unknown[] = [];

/** The entries of a list, none when it is absent. */
export function readList(found: Findings, raw: Raw, path: string, key: string): readonly unknown[] {
  const value = fieldOf(raw, key);
  if (value === undefined) return nothing;
  if (Array.isArray(value)) return value;
  found.error('WEFT0205', child(path, key), `must be a list, not ${quote(value)}`);
  return nothing;
}

/** The entry of a list that must be a mapping. */
export function readEntry(found: Findings, value: unknown, path: string): Raw | undefined {
  if (isRaw(value)) return value;
  found.error('WEFT0205', path, `must be a mapping, not ${quote(value)}`);
  return undefined;
}

/** A list of strings, in its order; wrong entries are reported and left out. */
export function readStrings(found: Findings, raw: Raw, path: string, key: string): readonly string[] {
  const strings: string[] = [];
  for (const [index, value] of readList(found, raw, path, key).entries()) {
    if (typeof value === 'string') strings.push(value);
    else found.error('WEFT0205', at(child(path, key), index), `must be a string, not ${quote(value)}`);
  }
  return strings;
}

/** A map of labels or of a selector; keys and values are checked as labels'. Wrong ones that `leaves` takes are left out without a finding. */
export function readLabels(
  found: Findings,
  raw: Raw,
  path: string,
  key: string,
  leaves: (name: string) => boolean = () => false,
): Readonly<Record<string, string>> {
  const value = readRaw(found, raw, path, key);
  if (value === undefined) return noLabels;
  const labels: Record<string, string> = {};
  for (const name in value) {
    const text = value[name];
    if (typeof text === 'string' && isLabelValue(text) && isName('qualified', name)) {
      labels[name] = text;
      continue;
    }
    if (leaves(name)) continue;
    const place = child(child(path, key), name);
    if (!isName('qualified', name)) {
      found.error('WEFT0213', place, `the key must be ${nameForms.qualified}`);
    } else if (typeof text !== 'string') {
      found.error('WEFT0205', place, `must be a string, not ${quote(text)}`, 'put the value in quotes');
    } else found.error('WEFT0213', place, `must be at most 63 letters, digits, -, _ and ., not ${quote(text)}`);
  }
  return internedMap(labels);
}

/** A string of the given form; an empty one is absent. */
export function readName(found: Findings, raw: Raw, path: string, key: string, form: NameForm): string | undefined {
  const name = readString(found, raw, path, key);
  if (name === undefined || name === '') return undefined;
  if (isName(form, name)) return name;
  const nearest = nearestName(form, name);
  const fix = nearest === undefined ? undefined : `did you mean ${quote(nearest)}?`;
  found.error('WEFT0204', child(path, key), `must be ${nameForms[form]}, not ${quote(name)}`, fix);
  return undefined;
}

/** The canonical form of an address that hosts can reach; undefined (and a finding) otherwise. */
export function checkAddress(found: Findings, value: unknown, path: string, linkLocal = false): string | undefined {
  if (typeof value !== 'string') {
    found.error('WEFT0205', path, `must be a string, not ${quote(value)}`);
    return undefined;
  }
  const address = canonicalAddress(value);
  if (address === undefined) {
    found.error('WEFT0209', path, `must be an IP address, not ${quote(value)}`);
    return undefined;
  }
  const special = specialAddress(address);
  if (special !== undefined && !(linkLocal && special === 'a link-local address')) {
    found.error('WEFT0210', path, `${address} is ${special}`);
    return undefined;
  }
  return address;
}

/** Reports every key of `raw` that is not in `names`. */
export function checkKnown(
  found: Findings,
  raw: Raw,
  path: string,
  names: ReadonlySet<string>,
  severity: Problem['severity'] = 'warning',
): void {
  for (const key in raw) {
    if (names.has(key) || !Object.hasOwn(raw, key)) continue;
    const meant = suggestion(key, names);
    found.add(severity, 'WEFT0302', child(path, key), 'there is no such field', meant || undefined);
  }
}

const indexed: string[] = [];

/** `PATH[INDEX]`; of the lists that objects have thousands of entries in, the text is made once. */
export function at(path: string, index: number): string {
  if (path !== 'endpoints' || index >= 10_000) return `${path}[${index}]`;
  indexed[index] ??= `endpoints[${index}]`;
  return indexed[index];
}
