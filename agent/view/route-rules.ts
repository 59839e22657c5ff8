import type { RouteItem, RouteRuleItem } from '../api/items.js';
import type { Balancing } from '../balance/cluster.js';
import { showAction, showMatches } from '../compile/rule-text.js';
import type {
  IngressListener,
  IngressServer,
  L4Rule,
  RouteTable,
  Snapshot,
  Target,
  TlsRule,
} from '../compile/snapshot.js';

/** The resources that have rules of a table, comma-separated. */
export function resourcesOf({ sets }: RouteTable): string {
  return sets.map(({ resource }) => resource).join(', ');
}

const policies: Readonly<Record<Balancing['type'], RouteItem['policy']>> = {
  adaptive: 'ADAPTIVE',
  'least-request': 'LEAST_REQUEST',
  'round-robin': 'ROUND_ROBIN',
  random: 'RANDOM',
  passthrough: 'PASSTHROUGH',
  hash: 'CONSISTENT_HASH',
};

/** How requests to a target's own cluster are balanced, for clients that no DestinationRule singles out. */
export function policyOf({ clusters }: Snapshot, { cluster }: Target): RouteItem['policy'] {
  const balancing = clusters[cluster]?.variants.at(-1)?.policy.balancing.type;
  return balancing === undefined ? 'PASSTHROUGH' : policies[balancing];
}

/** Every rule in the order in which they are tried. */
export function rulesOf({ sets }: RouteTable): readonly RouteRuleItem[] {
  return sets.flatMap(({ namespaces, rules }) =>
    rules.map((rule) => ({
      rule: rule.name,
      match: showMatches(rule),
      action: showAction(rule),
      namespaces: namespaces ?? [],
    })),
  );
}

function l4Rules(rules: readonly (L4Rule | TlsRule)[]): readonly RouteRuleItem[] {
  return rules.map((rule) => ({
    rule: rule.name,
    match: 'sniHosts' in rule ? `server name ${rule.sniHosts.join(' or ')}` : 'every connection',
    action: rule.destinations.map(({ cluster, weight }) => `${cluster} weight ${weight}`).join(', '),
    namespaces: rule.namespaces ?? [],
  }));
}

export function rulesOfTarget({ http, tls, tcp }: Target): readonly RouteRuleItem[] {
  return [...rulesOf(http), ...l4Rules(tls), ...l4Rules(tcp)];
}

/** One item a virtual host of each port for outside traffic; TCP and TLS servers are one each. */
export function ingressRoutes({ ingress }: Pick<Snapshot, 'ingress'>): readonly RouteItem[] {
  return Object.values(ingress).flatMap((listener) =>
    listener.servers.flatMap((server) => serverRoutes(listener, server)),
  );
}

function serverRoutes({ binds, port }: IngressListener, server: IngressServer): readonly RouteItem[] {
  const item = (hosts: readonly string[], rules: readonly RouteRuleItem[]): RouteItem => ({
    address: binds.length === 0 ? '*' : binds.join(','),
    port,
    protocol: 'TCP',
    service: '',
    path: 'gateway',
    rule: server.name,
    policy: 'PASSTHROUGH',
    backends: 0,
    usable: 0,
    hosts,
    rules,
  });
  const connections = [...l4Rules(server.tlsRules), ...l4Rules(server.tcpRules)];
  return [
    ...server.virtualHosts.map(({ domains, table }) => item(domains, rulesOf(table))),
    ...(connections.length > 0 || server.virtualHosts.length === 0 ? [item(server.hosts, connections)] : []),
  ];
}
