/** A JSON Schema (2020-12) as ajv and OpenAPI 3.1 take it. */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly [keyword: string]: unknown;
}

type Keywords = Readonly<Record<string, unknown>>;

/** An object that has all of `required` and may have `optional`; fields of no name here are refused when `closed`. */
export function record(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
  closed = false,
): Schema {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    ...(Object.keys(required).length === 0 ? {} : { required: Object.keys(required) }),
    ...(closed ? { additionalProperties: false } : {}),
  };
}

/** An object with names of the user's own. */
export function mapOf(values: Schema): Schema {
  return { type: 'object', additionalProperties: values };
}

export function list(items: Schema, keywords: Keywords = {}): Schema {
  return { type: 'array', items, ...keywords };
}

export function text(keywords: Keywords = {}): Schema {
  return { type: 'string', ...keywords };
}

export function oneOf(values: readonly string[], keywords: Keywords = {}): Schema {
  return { type: 'string', enum: values, ...keywords };
}

/** A whole number from 0 to `maximum`. */
export function count(maximum?: number): Schema {
  return { type: 'integer', minimum: 0, ...(maximum === undefined ? {} : { maximum }) };
}

export function number(keywords: Keywords = {}): Schema {
  return { type: 'number', ...keywords };
}

export const flag: Schema = { type: 'boolean' };
