import { keyOf } from '../../model/mesh.js';
import type { GrpcRoute, HttpBackendReference, HttpRoute, HttpRouteRule } from '../../model/route.js';
import type { Destination, HttpRule, RouteAction, RuleSet } from '../snapshot.js';
import { type Hosts, isDangling } from './hosts.js';
import type { Report } from './input.js';
import { defaultRetries, routeRetries } from './retries.js';
import { type Filters, filtersOf } from './route-filters.js';
import { anyCall, comparePrecision, grpcRouteMatch, httpRouteMatch, type PreciseMatch } from './route-match.js';

export type GatewayRoute = HttpRoute | GrpcRoute;

interface SortedRule {
  readonly rule: HttpRule;
  readonly precision: PreciseMatch['precision'];
}

/**
 * The rules of all routes of one target, in the Gateway API's order: by the precision of each match, then the older route, then by
 * NS/NAME, then as written. A rule of several matches is one HttpRule for each. Where there is a GRPCRoute, the HTTPRoutes are not used.
 */
export function routeSet(
  routes: readonly GatewayRoute[],
  namespaces: readonly string[] | undefined,
  hosts: Hosts,
  report: Report,
): RuleSet {
  const grpc = routes.some(({ kind }) => kind === 'GRPCRoute');
  const used = routes.filter(({ kind }) => !grpc || kind === 'GRPCRoute').toSorted(compareAge);
  for (const route of routes) {
    if (used.includes(route)) continue;
    report(route, 'WEFT0509', 'spec.parentRefs', `GRPCRoute ${keyOf(used[0]!)} is bound to the same port, and wins`);
  }
  const sorted = used.flatMap((route) => rulesOf(route, hosts, report));
  sorted.sort((a, b) => comparePrecision(a.precision, b.precision));
  return {
    resource: used.map((route) => `${route.kind} ${keyOf(route)}`).join(', '),
    namespaces,
    rules: sorted.map(({ rule }) => rule),
  };
}

/** Below 0: `a` is older, or its NS/NAME comes first. */
export function compareAge(a: { readonly meta: HttpRoute['meta'] }, b: { readonly meta: HttpRoute['meta'] }): number {
  return a.meta.created - b.meta.created || (keyOf(a) < keyOf(b) ? -1 : 1);
}

function rulesOf(route: GatewayRoute, hosts: Hosts, report: Report): readonly SortedRule[] {
  const resource = `${route.kind} ${keyOf(route)}`;
  const grpcOnly = route.kind === 'GRPCRoute';
  return route.rules.flatMap((written, index) => {
    const path = `spec.rules[${index}]`;
    const matches =
      route.kind === 'HTTPRoute'
        ? route.rules[index]!.matches.map(httpRouteMatch)
        : (route.rules[index]!.matches.length === 0 ? [anyCall] : route.rules[index]!.matches).map(grpcRouteMatch);
    const filters = filtersOf(written.filters, route, `${path}.filters`, hosts, report);
    const action = actionOf(written, filters, route, path, hosts, report);
    const name = `${resource} rules[${index}]${written.name === undefined ? '' : ` (${written.name})`}`;
    const { headers } = filters;
    const cors = filters.broken ? undefined : filters.cors;
    return matches.map(({ match, precision }) => ({
      precision,
      rule: { name, resource, path, matches: [match], grpcOnly, headers, cors, fault: undefined, action },
    }));
  });
}

type RouteRule = GatewayRoute['rules'][number];

function actionOf(
  rule: RouteRule,
  filters: Filters,
  route: GatewayRoute,
  path: string,
  hosts: Hosts,
  report: Report,
): HttpRule['action'] {
  if (filters.broken) return { type: 'direct', status: 500, body: '', contentType: '' };
  if (filters.redirect !== undefined) return filters.redirect;
  const destinations = rule.backendRefs.map((reference, index) =>
    destinationOf(reference, route, `${path}.backendRefs[${index}]`, hosts, report),
  );
  const taken = destinations.filter(({ weight }) => weight > 0);
  return {
    type: 'route',
    destinations: taken,
    rewrite: filters.rewrite,
    mirrors: filters.mirrors,
    ...patienceOf(route.kind === 'HTTPRoute' ? (rule as HttpRouteRule) : undefined),
  };
}

function patienceOf(rule: HttpRouteRule | undefined): Pick<RouteAction, 'timeoutMs' | 'retries'> {
  if (rule === undefined) return { timeoutMs: undefined, retries: defaultRetries };
  return { timeoutMs: rule.timeouts?.requestMs || undefined, retries: routeRetries(rule) };
}

/** A reference that cannot be resolved, or has a filter that cannot, answers 500 for its share. */
function destinationOf(
  reference: HttpBackendReference | GrpcRoute['rules'][number]['backendRefs'][number],
  route: GatewayRoute,
  path: string,
  hosts: Hosts,
  report: Report,
): Destination {
  const backend = hosts.backend(reference, route.kind, route.meta.namespace);
  if ('code' in backend && !isDangling(backend.code)) report(route, backend.code, path, backend.message);
  const filters = filtersOf(reference.filters, route, `${path}.filters`, hosts, report);
  if (filters.redirect !== undefined) {
    report(
      route,
      'WEFT0303',
      `${path}.filters`,
      'a RequestRedirect of one backend cannot be done: its requests get 500',
    );
  }
  if (filters.cors !== undefined) {
    report(route, 'WEFT0303', `${path}.filters`, 'CORS of one backend cannot be done: it is a matter of the rule');
  }
  const fails = !('cluster' in backend) || filters.broken || filters.redirect !== undefined;
  return {
    cluster: 'cluster' in backend ? backend.cluster : '',
    weight: reference.weight,
    headers: filters.headers,
    rewrite: filters.rewrite,
    mirrors: filters.mirrors,
    failWith: fails ? 500 : undefined,
  };
}
