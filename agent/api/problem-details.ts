import { STATUS_CODES } from 'node:http';
import type { Problem } from '../model/problem.js';
import type { Refusal } from './view.js';

/** A place in the request that is wrong: `path` is a JSON pointer (RFC 6901) inside `in`. */
export interface FieldError {
  readonly in: string;
  readonly path: string;
  readonly message: string;
}

/** application/problem+json, RFC 9457. `type` is about:blank: the status says which problem it is. */
export interface ProblemDetails {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly problems?: readonly Problem[];
}

export const problemType = 'application/problem+json';

export function problemDetails(
  status: number,
  detail: string,
  more: Pick<ProblemDetails, 'errors' | 'problems'> = {},
): ProblemDetails {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...more };
}

const statuses: Record<Refusal['type'], number> = {
  unknown: 404,
  invalid: 422,
  malformed: 400,
  'not-ready': 503,
  full: 507,
};

export function refusalDetails(refusal: Refusal): ProblemDetails {
  const more = refusal.problems.length === 0 ? {} : { problems: refusal.problems };
  return problemDetails(statuses[refusal.type], refusal.message, more);
}

/** The part of ajv's error object that is shown. */
interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Says which field of `context` (body, querystring, params) breaks the schema, and how. */
export function fieldErrors(context: string, errors: readonly SchemaError[]): readonly FieldError[] {
  const place = context === 'querystring' ? 'query' : context;
  return errors.map((error) => {
    const unknown = error.params.additionalProperty;
    if (error.keyword === 'additionalProperties' && typeof unknown === 'string') {
      const pointer = unknown.replaceAll('~', '~0').replaceAll('/', '~1');
      return { in: place, path: `${error.instancePath}/${pointer}`, message: 'is not a known field' };
    }
    const allowed = error.params.allowedValues;
    const values = Array.isArray(allowed) ? `: ${allowed.join(', ')}` : '';
    return { in: place, path: error.instancePath, message: `${error.message ?? 'is not valid'}${values}` };
  });
}

export function showFieldErrors(errors: readonly FieldError[]): string {
  return errors.map((error) => `${error.in}${error.path} ${error.message}`).join('; ');
}
