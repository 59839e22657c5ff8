import { choiceOf, mappingOf, mappingsOf, textOf } from './checked.js';
import { at, type Raw } from './fields.js';
import { type Findings, quote } from './findings.js';
import { checkRegex } from './parse-match.js';
import { firstOfEachName } from './parse-route-names.js';
import type { GrpcRouteMatch, HttpRouteMatch, RouteValueMatch } from './route.js';

/** The matches of HTTPRoute and GRPCRoute rules. */

const everything: HttpRouteMatch = {
  path: { type: 'PathPrefix', value: '/' },
  headers: [],
  queryParams: [],
  method: undefined,
};

/** Never empty: the API's default is everything. */
export function readHttpMatches(found: Findings, rule: Raw, path: string): readonly HttpRouteMatch[] {
  const matches = mappingsOf(rule, 'matches');
  if (matches.length === 0) return [everything];
  return matches.map((raw, index) => {
    const place = at(path, index);
    return {
      path: readPath(found, mappingOf(raw, 'path'), `${place}.path`),
      headers: readValues(found, raw, place, 'headers'),
      queryParams: readValues(found, raw, place, 'queryParams'),
      method: textOf(raw, 'method'),
    };
  });
}

function readPath(found: Findings, raw: Raw | undefined, path: string): HttpRouteMatch['path'] {
  const type = choiceOf<HttpRouteMatch['path']['type']>(raw, 'type') ?? 'PathPrefix';
  const value = textOf(raw, 'value') ?? '/';
  if (type === 'RegularExpression') checkRegex(found, value, `${path}.value`);
  else checkRoutePath(found, value, `${path}.value`, true);
  return { type, value };
}

/** What the CRD demands of paths: a normal form, so that no other text means the same. `matched`: it must be absolute. */
export function checkRoutePath(found: Findings, value: string, path: string, matched: boolean): void {
  if (matched && !value.startsWith('/')) found.error('WEFT0222', path, `must begin with /, not ${quote(value)}`);
  if (/[\s#]/.test(value) || /[^\x21-\x7e]/.test(value)) {
    found.error('WEFT0222', path, 'has a character that no path may have');
  } else if (/\/\/|\/\.\.?(\/|$)|%2f/i.test(value)) {
    found.error('WEFT0222', path, `must not have //, /./, /../ or %2F: ${quote(value)}`);
  }
}

function readValues(
  found: Findings,
  raw: Raw,
  path: string,
  key: 'headers' | 'queryParams',
): readonly RouteValueMatch[] {
  return firstOfEachName(found, raw, path, key).map(({ name, raw: entry, path: place }) => {
    const type = choiceOf<RouteValueMatch['type']>(entry, 'type') ?? 'Exact';
    const value = textOf(entry, 'value') ?? '';
    if (value === '') found.error('WEFT0208', `${place}.value`, 'is required');
    else if (type === 'RegularExpression') checkRegex(found, value, `${place}.value`);
    return { type, name: key === 'headers' ? name.toLowerCase() : name, value };
  });
}

const grpcNames = {
  service: /^[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$/i,
  method: /^[A-Za-z_][A-Za-z_0-9]*$/,
} as const;

export function readGrpcMatches(found: Findings, rule: Raw, path: string): readonly GrpcRouteMatch[] {
  return mappingsOf(rule, 'matches').map((raw, index) => {
    const place = at(path, index);
    return {
      method: readMethod(found, mappingOf(raw, 'method'), `${place}.method`),
      headers: readValues(found, raw, place, 'headers'),
    };
  });
}

function readMethod(found: Findings, raw: Raw | undefined, path: string): GrpcRouteMatch['method'] {
  if (raw === undefined) return undefined;
  const type = choiceOf<'Exact' | 'RegularExpression'>(raw, 'type') ?? 'Exact';
  const method = { type, service: textOf(raw, 'service'), method: textOf(raw, 'method') };
  if (method.service === undefined && method.method === undefined) {
    found.error('WEFT0208', path, 'needs service or method');
  }
  for (const key of ['service', 'method'] as const) {
    const value = method[key];
    if (value === undefined) continue;
    if (type === 'RegularExpression') checkRegex(found, value, `${path}.${key}`);
    else if (!grpcNames[key].test(value)) {
      found.error('WEFT0204', `${path}.${key}`, `must be the name of a gRPC ${key}, not ${quote(value)}`);
    }
  }
  return method;
}
