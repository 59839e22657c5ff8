import type { GrpcRouteMatch, HttpRouteMatch, RouteValueMatch } from '../../model/route.js';
import type { HttpMatch, PathMatch, StringMatch } from '../snapshot.js';
import { anyRequest } from './virtual-match.js';

/** How exact a match is, most important first: the higher comes first. */
export type Precision = readonly number[];

export interface PreciseMatch {
  readonly match: HttpMatch;
  readonly precision: Precision;
}

const pathTypes = { Exact: 'exact', PathPrefix: 'elements', RegularExpression: 'regex' } as const;

/**
 * The precedence of HTTPRouteRule: exact path, longest prefix, method, most headers, most query parameters. Regexes come after
 * prefixes.
 */
export function httpRouteMatch({ path, headers, queryParams, method }: HttpRouteMatch): PreciseMatch {
  const rank = { Exact: 2, PathPrefix: 1, RegularExpression: 0 }[path.type];
  return {
    match: {
      ...anyRequest,
      path: { type: pathTypes[path.type], value: path.value },
      method: method === undefined ? undefined : { type: 'exact', value: method },
      headers: namedMatches(headers),
      query: namedMatches(queryParams),
    },
    precision: [rank, path.value.length, Number(method !== undefined), headers.length, queryParams.length],
  };
}

/** The precedence of GRPCRouteRule: longest service, longest method, most headers; an exact method before a regex. */
export function grpcRouteMatch({ method, headers }: GrpcRouteMatch): PreciseMatch {
  const { service = '', method: name = '' } = method ?? {};
  return {
    match: { ...anyRequest, path: grpcPath(method), headers: namedMatches(headers) },
    precision: [Number(method?.type === 'Exact'), service.length, name.length, headers.length],
  };
}

export const anyCall: GrpcRouteMatch = { method: undefined, headers: [] };

/** A call's path is `/SERVICE/METHOD`. */
function grpcPath(method: GrpcRouteMatch['method']): PathMatch | undefined {
  if (method === undefined) return undefined;
  const { type, service, method: name } = method;
  if (type === 'RegularExpression') return { type: 'regex', value: `/${group(service)}/${group(name)}` };
  if (service !== undefined && name !== undefined) return { type: 'exact', value: `/${service}/${name}` };
  if (service !== undefined) return { type: 'prefix', value: `/${service}/` };
  return { type: 'regex', value: `/[^/]+/${name?.replace(/[^\w]/g, '\\$&') ?? ''}` };
}

function group(pattern: string | undefined): string {
  return pattern === undefined ? '[^/]+' : `(?:${pattern})`;
}

function namedMatches(matches: readonly RouteValueMatch[]): readonly (readonly [string, StringMatch])[] {
  return matches.map(({ type, name, value }) => [name, { type: type === 'Exact' ? 'exact' : 'regex', value }]);
}

/** Below 0: `a` comes first. */
export function comparePrecision(a: Precision, b: Precision): number {
  for (const [index, value] of a.entries()) {
    const difference = b[index]! - value;
    if (difference !== 0) return difference;
  }
  return 0;
}
