import { at, fieldOf, isRaw, oneOf, type Raw } from './fields.js';
import { child, type Findings, quote, suggestion } from './findings.js';
import { isHost } from './names.js';
import type { Finding } from './problem.js';

/** What Weft does with a field that the API has. */
export type Support =
  | 'enforced'
  | 'unsupported' // WEFT0303
  | 'security'; // WEFT0305: refused, since ignoring it weakens protection

/** The shape of a value, as the API defines it. `any` is not looked into. */
export type Shape =
  | { readonly type: 'any' | 'string' | 'boolean' | 'host' | 'strings' }
  | { readonly type: 'integer'; readonly min: number; readonly max: number }
  | { readonly type: 'number'; readonly min: number; readonly max: number }
  | { readonly type: 'duration'; readonly min: number; readonly form: 'go' | 'gep2257' }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'list'; readonly of: Shape }
  | { readonly type: 'map'; readonly of: Shape }
  | { readonly type: 'object'; readonly fields: Fields };

export interface Field {
  readonly shape: Shape;
  readonly required: boolean;
  readonly support: Support;
}

export type Fields = Readonly<Record<string, Shape | Field>>;

export const any: Shape = { type: 'any' };
export const string: Shape = { type: 'string' };
export const boolean: Shape = { type: 'boolean' };
/** A DNS name, its first label possibly `*`. */
export const host: Shape = { type: 'host' };
export const strings: Shape = { type: 'strings' };
export const integer = (min: number, max: number): Shape => ({ type: 'integer', min, max });
export const number = (min: number, max: number): Shape => ({ type: 'number', min, max });
/** A Go duration of at least `min` ms. */
export const duration = (min: number): Shape => ({ type: 'duration', min, form: 'go' });
/** The Gateway API's subset of Go durations: whole numbers of h, m, s and ms (GEP-2257). */
export const routeDuration: Shape = { type: 'duration', min: 0, form: 'gep2257' };
export const choice = (...choices: readonly string[]): Shape => ({ type: 'choice', choices });
export const listOf = (of: Shape): Shape => ({ type: 'list', of });
export const mapOf = (of: Shape): Shape => ({ type: 'map', of });
export const object = (fields: Fields): Shape => ({ type: 'object', fields });
export const required = (shape: Shape): Field => ({ shape, required: true, support: 'enforced' });
export const unsupported = (shape: Shape): Field => ({ shape, required: false, support: 'unsupported' });
export const security = (shape: Shape): Field => ({ shape, required: false, support: 'security' });

const int32 = 2 ** 31 - 1;
export const port: Shape = integer(1, 65_535);
export const count: Shape = integer(0, int32);
export const unsigned: Shape = integer(0, 2 ** 32 - 1);

/**
 * Reports everything in `value` that does not have this shape: unknown fields (with `unknown` as severity), wrong
 * types, values and numbers out of range, missing fields; and each present field that is not enforced, once, at the
 * outermost place. Descends only where the shape does, so a cyclic value ends.
 */
export function checkShape(
  found: Findings,
  value: unknown,
  shape: Shape,
  path: string,
  unknown: Finding['severity'] = 'error',
): void {
  switch (shape.type) {
    case 'any':
      break;
    case 'string':
      if (typeof value !== 'string') wrong(found, value, 'a string', path);
      break;
    case 'boolean':
      if (typeof value !== 'boolean') wrong(found, value, 'true or false', path);
      break;
    case 'host':
      if (typeof value !== 'string') wrong(found, value, 'a string', path);
      else if (!isHost(value)) found.error('WEFT0218', path, `must be a DNS name, not ${quote(value)}`);
      break;
    case 'integer':
    case 'number':
      checkNumber(found, value, shape, path);
      break;
    case 'duration':
      checkDuration(found, value, shape, path);
      break;
    case 'choice':
      checkChoice(found, value, shape.choices, path);
      break;
    case 'strings':
      checkList(found, value, string, path, unknown);
      break;
    case 'list':
      checkList(found, value, shape.of, path, unknown);
      break;
    case 'map':
      if (!isRaw(value)) wrong(found, value, 'a mapping', path);
      else {
        for (const [key, entry] of Object.entries(value)) checkShape(found, entry, shape.of, child(path, key), unknown);
      }
      break;
    case 'object':
      if (!isRaw(value)) wrong(found, value, 'a mapping', path);
      else checkObject(found, value, shape.fields, path, unknown);
  }
}

function checkObject(found: Findings, value: Raw, fields: Fields, path: string, unknown: Finding['severity']): void {
  for (const key of Object.keys(value)) {
    const known = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const entry = fieldOf(value, key);
    if (known === undefined) {
      const meant = suggestion(key, Object.keys(fields));
      found.add(unknown, 'WEFT0302', child(path, key), 'there is no such field', meant || undefined);
    } else if (entry !== undefined) {
      const place = child(path, key);
      if ('support' in known) reportSupport(found, known.support, place);
      checkShape(found, entry, 'shape' in known ? known.shape : known, place, unknown);
    }
  }
  for (const [key, field] of Object.entries(fields)) {
    if ('required' in field && field.required && fieldOf(value, key) === undefined) {
      found.error('WEFT0208', child(path, key), 'is required');
    }
  }
}

function reportSupport(found: Findings, support: Support, path: string): void {
  if (support === 'unsupported') found.warning('WEFT0303', path, 'is not enforced by this version');
  else if (support === 'security') found.error('WEFT0305', path, 'is not enforced by this version');
}

function wrong(found: Findings, value: unknown, type: string, path: string): void {
  found.error('WEFT0205', path, `must be ${type}, not ${quote(value)}`);
}

function checkList(found: Findings, value: unknown, of: Shape, path: string, unknown: Finding['severity']): void {
  if (!Array.isArray(value)) wrong(found, value, 'a list', path);
  else for (const [index, entry] of value.entries()) checkShape(found, entry, of, at(path, index), unknown);
}

function checkNumber(
  found: Findings,
  value: unknown,
  shape: { readonly type: 'integer' | 'number'; readonly min: number; readonly max: number },
  path: string,
): void {
  const whole = shape.type === 'integer';
  if (typeof value !== 'number' || Number.isNaN(value) || (whole && !Number.isInteger(value))) {
    wrong(found, value, whole ? 'a whole number' : 'a number', path);
  } else if (value < shape.min || value > shape.max) {
    found.error('WEFT0207', path, `must be from ${shape.min} to ${shape.max}, not ${value}`);
  }
}

function checkChoice(found: Findings, value: unknown, choices: readonly string[], path: string): void {
  if (typeof value !== 'string') wrong(found, value, 'a string', path);
  else if (!choices.includes(value)) {
    const meant = suggestion(value, choices);
    found.error('WEFT0206', path, `must be ${oneOf(choices)}, not ${quote(value)}`, meant || undefined);
  }
}

function checkDuration(
  found: Findings,
  value: unknown,
  { min, form }: { readonly min: number; readonly form: 'go' | 'gep2257' },
  path: string,
): void {
  const allowed = typeof value === 'string' && (form === 'go' || /^(\d{1,5}(h|m|s|ms)){1,4}$/.test(value));
  const ms = allowed ? durationMs(value) : undefined;
  if (ms === undefined) found.error('WEFT0215', path, `must be a duration such as 10s, not ${quote(value)}`);
  else if (ms < min) found.error('WEFT0215', path, `must be at least ${min}ms, not ${quote(value)}`);
}

const units: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** A Go duration (`1h30m`, `1.5s`) in ms; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  if (text.length > 60 || !/^(\d+(\.\d*)?(h|ms|m|s|us|µs|ns))+$/.test(text)) return text === '0' ? 0 : undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)/g))
    ms += Number(amount) * units[unit!]!;
  return ms;
}

/** The value at a path of fields; undefined as soon as one is absent or no mapping. */
export function dig(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isRaw(current)) return undefined;
    current = fieldOf(current, key);
  }
  return current;
}

/** The mappings of a list at a path of fields with their index; entries of other types are left out. */
export function digList(value: unknown, ...path: readonly string[]): readonly (readonly [number, Raw])[] {
  const list = dig(value, ...path);
  if (!Array.isArray(list)) return [];
  const entries: (readonly [number, Raw])[] = [];
  for (const [index, entry] of list.entries()) if (isRaw(entry)) entries.push([index, entry]);
  return entries;
}
