import type { HttpRouteFilter, PathModifier, RouteCors } from '../../model/route.js';
import type {
  CorsPolicy,
  HeaderChange,
  HeaderChanges,
  Mirror,
  PathChange,
  RedirectAction,
  Rewrite,
  StringMatch,
} from '../snapshot.js';
import { headerChange, joinChanges } from './header-change.js';
import { type Hosts, isDangling } from './hosts.js';
import type { Report, RuleObject } from './input.js';

/** What the filters of a rule, or of a backendRef, do together. */
export interface Filters {
  readonly headers: HeaderChanges;
  readonly mirrors: readonly Mirror[];
  readonly redirect: RedirectAction | undefined;
  readonly rewrite: Rewrite | undefined;
  readonly cors: CorsPolicy | undefined;
  /** A filter that cannot be resolved: its requests are answered with 500. */
  readonly broken: boolean;
}

/** `path`: of the list of filters in `route`. */
export function filtersOf(
  filters: readonly HttpRouteFilter[],
  route: RuleObject & { readonly kind: 'HTTPRoute' | 'GRPCRoute' },
  path: string,
  hosts: Hosts,
  report: Report,
): Filters {
  const request: HeaderChange[] = [];
  const response: HeaderChange[] = [];
  const mirrors: Mirror[] = [];
  let redirect: RedirectAction | undefined;
  let rewrite: Rewrite | undefined;
  let cors: CorsPolicy | undefined;
  let broken = false;
  for (const [index, filter] of filters.entries()) {
    switch (filter.type) {
      case 'RequestHeaderModifier':
        request.push(headerChange(filter.requestHeaderModifier));
        break;
      case 'ResponseHeaderModifier':
        response.push(headerChange(filter.responseHeaderModifier));
        break;
      case 'RequestMirror': {
        const { backendRef, percentage } = filter.requestMirror;
        const backend = hosts.backend(backendRef, route.kind, route.meta.namespace);
        if ('cluster' in backend) mirrors.push({ cluster: backend.cluster, percent: percentage });
        else if (!isDangling(backend.code))
          report(route, backend.code, `${path}[${index}].requestMirror.backendRef`, backend.message);
        break;
      }
      case 'RequestRedirect':
        redirect = redirectOf(filter.requestRedirect);
        break;
      case 'URLRewrite':
        rewrite = { path: pathChange(filter.urlRewrite.path), authority: filter.urlRewrite.hostname ?? '' };
        break;
      case 'CORS':
        cors = corsPolicy(filter.cors);
        break;
      case 'ExtensionRef':
        broken = true;
    }
  }
  const headers = { request: joinChanges(request), response: joinChanges(response) };
  return { headers, mirrors: mirrors.filter(({ percent }) => percent > 0), redirect, rewrite, cors, broken };
}

/** HTTPRequestRedirectFilter.port: the one that is said, the scheme's, or the listener's. */
function redirectOf(written: (HttpRouteFilter & { type: 'RequestRedirect' })['requestRedirect']): RedirectAction {
  return {
    type: 'redirect',
    path: pathChange(written.path),
    authority: written.hostname ?? '',
    scheme: written.scheme ?? '',
    port: written.port ?? (written.scheme === undefined ? 'request' : 'protocol'),
    status: written.statusCode,
  };
}

function pathChange(modifier: PathModifier | undefined): PathChange | undefined {
  if (modifier === undefined) return undefined;
  return modifier.type === 'ReplaceFullPath'
    ? { type: 'full', value: modifier.replaceFullPath }
    : { type: 'prefix', value: modifier.replacePrefixMatch };
}

function corsPolicy(written: RouteCors): CorsPolicy {
  return {
    allowOrigins: written.allowOrigins.map(originMatch),
    allowMethods: written.allowMethods,
    allowHeaders: written.allowHeaders,
    exposeHeaders: written.exposeHeaders,
    maxAgeSeconds: Math.floor(written.maxAgeMs / 1000),
    allowCredentials: written.allowCredentials,
    unmatchedPreflights: 'ignore',
  };
}

function originMatch(origin: string): StringMatch {
  if (origin === '*') return { type: 'present' };
  if (!origin.includes('*')) return { type: 'exact', value: origin };
  return { type: 'regex', value: origin.replace(/[^\w*]/g, '\\$&').replaceAll('*', '[^/]+') };
}
