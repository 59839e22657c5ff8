import { keyOf } from '../../model/mesh.js';
import type { HttpRouteDestination, VirtualHttpRoute, VirtualService } from '../../model/virtual-service.js';
import type { Destination, HttpRule, Mirror, RouteAction, RuleSet } from '../snapshot.js';
import { answersItself, type PlacedRoute, placedRoutes } from './delegates.js';
import { authorityOf, headerChanges } from './header-change.js';
import { type Hosts, isDangling } from './hosts.js';
import type { Report, RuleObject } from './input.js';
import { virtualRetries } from './retries.js';
import { corsOf, directAction, faultOf, redirectAction, rewriteOf } from './virtual-action.js';
import { isFor, virtualMatch } from './virtual-match.js';

/** Where the rules are to serve: the port that requests come to, by `mesh` or a Gateway's NS/NAME. */
export interface Place {
  readonly port: number;
  readonly gateway: string;
}

export interface VirtualContext {
  readonly hosts: Hosts;
  /** By NS/NAME. */
  virtualService(key: string): VirtualService | undefined;
}

/** The rules of a VirtualService for one place; undefined when none of them could match there. */
export function virtualRuleSet(
  service: VirtualService,
  place: Place,
  context: VirtualContext,
  report: Report,
): RuleSet | undefined {
  const placed = placedRoutes(service, (key) => context.virtualService(key), report);
  const rules = placed.map((each) => virtualRule(each, place.port, context.hosts, report));
  const { port, gateway } = place;
  const reachable = rules.some(
    ({ matches }) => matches.length === 0 || matches.some((match) => isFor(match, port, gateway)),
  );
  if (!reachable) return undefined;
  const namespaces = gateway === 'mesh' ? service.exportTo : undefined;
  return { resource: `VirtualService ${keyOf(service)}`, namespaces, rules };
}

function virtualRule({ owner, index, route }: PlacedRoute, port: number, hosts: Hosts, report: Report): HttpRule {
  const path = `spec.http[${index}]`;
  const resource = `VirtualService ${keyOf(owner)}`;
  return {
    name: `${resource} http[${index}]${route.name === undefined ? '' : ` (${route.name})`}`,
    resource,
    path,
    matches: route.match.map(virtualMatch),
    grpcOnly: false,
    headers: headerChanges(route.headers),
    cors: answersItself(route) ? undefined : corsOf(route.corsPolicy),
    fault: faultOf(route.fault),
    action: actionOf(owner, route, path, port, hosts, report),
  };
}

function actionOf(
  owner: VirtualService,
  route: VirtualHttpRoute,
  path: string,
  port: number,
  hosts: Hosts,
  report: Report,
): HttpRule['action'] {
  if (route.redirect !== undefined) return redirectAction(route.redirect);
  if (route.directResponse !== undefined) return directAction(route.directResponse);
  const { namespace } = owner.meta;
  const clusterOf = (destination: HttpRouteDestination['destination'], place: string): string =>
    resolved(hosts, destination, namespace, port, owner, place, report);
  const rewrite = rewriteOf(route.rewrite, authorityOf(route.headers?.request));
  const mirrors: Mirror[] = route.mirrors.map(({ destination, percentage }, index) => ({
    cluster: clusterOf(destination, `${path}.mirrors[${index}].destination`),
    percent: percentage,
  }));
  const destinations = route.route.map((each, index) => {
    const cluster = clusterOf(each.destination, `${path}.route[${index}].destination`);
    return destinationOf(each, cluster, (rewrite?.authority ?? '') !== '');
  });
  return {
    type: 'route',
    destinations,
    rewrite,
    timeoutMs: route.timeoutMs || undefined,
    retries: virtualRetries(route.retries),
    mirrors: mirrors.filter(({ percent }) => percent > 0),
  } satisfies RouteAction;
}

/** The authority that a destination sets gives way to one that the rule sets (Istio's processDestination). */
function destinationOf({ headers, weight }: HttpRouteDestination, cluster: string, hasAuthority: boolean): Destination {
  const authority = hasAuthority ? '' : authorityOf(headers?.request);
  return {
    cluster,
    weight,
    headers: headerChanges(headers),
    rewrite: authority === '' ? undefined : { path: undefined, authority },
    mirrors: [],
    failWith: undefined,
  };
}

/** The key of a destination's cluster; what is wrong with it is reported. `place`: its path in `owner`. */
export function resolved(
  hosts: Hosts,
  destination: HttpRouteDestination['destination'],
  namespace: string,
  port: number,
  owner: RuleObject,
  place: string,
  report: Report,
): string {
  const { cluster, problem } = hosts.destination(destination, namespace, port);
  if (problem !== undefined && !isDangling(problem.code))
    report(owner, problem.code, place + problem.field, problem.message);
  return cluster;
}
