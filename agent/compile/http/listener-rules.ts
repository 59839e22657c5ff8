import type { GatewayListener, KubernetesGateway } from '../../model/kubernetes-gateway.js';
import { keyOf } from '../../model/mesh.js';
import type { HttpRule, VirtualHost } from '../snapshot.js';
import { attach } from './attachment.js';
import { compareAge, type GatewayRoute, routeSet } from './gateway-routes.js';
import { covers } from './ingress-hosts.js';
import { type Report, silent } from './input.js';
import type { HttpRules } from './rules.js';

/** What a listener of a Gateway API Gateway serves over HTTP. */
export interface ListenerRules {
  readonly virtualHosts: readonly VirtualHost[];
  /** Routes that are attached: attachedRoutes of its status. */
  readonly attached: number;
}

interface AttachedRoute {
  readonly route: GatewayRoute;
  readonly hosts: readonly string[];
}

/**
 * The HTTPRoutes and GRPCRoutes of a listener by host. For one host the rules of routes with a closer hostname come first, then the Gateway
 * API's order (routeSet). Where a GRPCRoute has the host, the HTTPRoutes are not used for it.
 */
export function rulesForListener(
  gateway: KubernetesGateway,
  listener: GatewayListener,
  rules: HttpRules,
  report: Report = silent,
): ListenerRules {
  const attached: AttachedRoute[] = [];
  for (const route of rules.gatewayRoutesOf(keyOf(gateway))) {
    const hosts = route.parentRefs.flatMap((parent) => {
      const attachment = attach(route, parent, gateway, listener, rules.input);
      return 'hosts' in attachment ? attachment.hosts : [];
    });
    if (hosts.length > 0) attached.push({ route, hosts });
  }
  const domains = [...new Set(attached.flatMap(({ hosts }) => hosts))].sort();
  return {
    virtualHosts: domains.map((domain) => virtualHost(domain, attached, rules, report)),
    attached: attached.length,
  };
}

function virtualHost(
  domain: string,
  attached: readonly AttachedRoute[],
  rules: HttpRules,
  report: Report,
): VirtualHost {
  const tiers = new Map<number, GatewayRoute[]>();
  const fitting = attached.filter(({ hosts }) => hosts.some((host) => covers(host, domain)));
  const grpc = fitting.find(({ route }) => route.kind === 'GRPCRoute')?.route;
  for (const { route, hosts } of fitting) {
    if (grpc !== undefined && route.kind !== 'GRPCRoute') {
      report(route, 'WEFT0509', 'spec.hostnames', `GRPCRoute ${keyOf(grpc)} has the host ${domain} too, and wins`);
      continue;
    }
    const closest = Math.max(...hosts.filter((host) => covers(host, domain)).map((host) => host.length));
    tiers.set(closest, [...(tiers.get(closest) ?? []), route]);
  }
  const used: GatewayRoute[] = [];
  const list: HttpRule[] = [];
  for (const [, routes] of [...tiers].sort(([a], [b]) => b - a)) {
    list.push(...routeSet(routes, undefined, rules.hosts, report).rules);
    used.push(...routes.toSorted(compareAge));
  }
  const resource = used.map((route) => `${route.kind} ${keyOf(route)}`).join(', ');
  return { domains: [domain], table: { sets: [{ resource, namespaces: undefined, rules: list }] } };
}
