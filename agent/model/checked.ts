import { fieldOf, isRaw, type Raw } from './fields.js';
import { internedMap, noLabels } from './intern.js';
import { durationMs } from './schema.js';

/*
 * Readers of a value whose shape was checked (schema.ts), so that no type is wrong. An absent field, and an empty text, which the
 * APIs do not tell from it, is undefined; an absent list is empty.
 */

export function textOf(raw: Raw | undefined, key: string): string | undefined {
  const value = raw === undefined ? undefined : fieldOf(raw, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** One of the closed list that the shape has. */
export function choiceOf<Choice extends string>(raw: Raw | undefined, key: string): Choice | undefined {
  return textOf(raw, key) as Choice | undefined;
}

export function numberOf(raw: Raw | undefined, key: string): number | undefined {
  const value = raw === undefined ? undefined : fieldOf(raw, key);
  return typeof value === 'number' ? value : undefined;
}

export function flagOf(raw: Raw | undefined, key: string): boolean | undefined {
  const value = raw === undefined ? undefined : fieldOf(raw, key);
  return typeof value === 'boolean' ? value : undefined;
}

/** In ms. */
export function msOf(raw: Raw | undefined, key: string): number | undefined {
  const text = textOf(raw, key);
  return text === undefined ? undefined : durationMs(text);
}

export function mappingOf(raw: Raw | undefined, key: string): Raw | undefined {
  const value = raw === undefined ? undefined : fieldOf(raw, key);
  return isRaw(value) ? value : undefined;
}

const nothing: readonly Raw[] = [];

export function mappingsOf(raw: Raw | undefined, key: string): readonly Raw[] {
  const value = raw === undefined ? undefined : fieldOf(raw, key);
  return Array.isArray(value) ? (value as readonly Raw[]) : nothing;
}

const noTexts: readonly string[] = [];

export function textsOf(raw: Raw | undefined, key: string): readonly string[] {
  const value = raw === undefined ? undefined : fieldOf(raw, key);
  return Array.isArray(value) && value.length > 0 ? (value as readonly string[]) : noTexts;
}

/** The entries of a mapping, in the order written. */
export function entriesOf<Value>(raw: Raw | undefined, key: string): readonly (readonly [string, Value])[] {
  return Object.entries(mappingOf(raw, key) ?? {}) as (readonly [string, Value])[];
}

/** A mapping of text to text; shared when empty. */
export function labelsOf(raw: Raw | undefined, key: string): Readonly<Record<string, string>> {
  const value = mappingOf(raw, key);
  return value === undefined ? noLabels : internedMap({ ...(value as Readonly<Record<string, string>>) });
}
