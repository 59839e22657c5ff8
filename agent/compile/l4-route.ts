import type { ClientView } from './route.js';
import type { L4Rule, TcpRule, TlsRule } from './snapshot.js';
import { subnetHolds } from './subnet.js';
import { hostFit } from './virtual-host.js';

/** What rules for connections are matched against. */
export interface ConnectionView {
  /** Lower case; empty without TLS or without a name. */
  readonly sni: string;
  /** The client's address. */
  readonly source: string;
  /** The address that the client asked for; undefined: not known (ingress). */
  readonly destination: string | undefined;
  /** The port that it asked for. */
  readonly port: number;
}

/** The first `tls` rule that fits a ClientHello. */
export function matchTls(
  rules: readonly TlsRule[],
  connection: ConnectionView,
  client: ClientView,
): TlsRule | undefined {
  return rules.find(
    (rule) => rule.sniHosts.some((host) => hostFit(host, connection.sni) > 0) && fits(rule, connection, client),
  );
}

/** The first `tcp` rule that fits a connection. */
export function matchTcp(
  rules: readonly TcpRule[],
  connection: ConnectionView,
  client: ClientView,
): TcpRule | undefined {
  return rules.find((rule) => inSubnets(rule.sourceSubnets, connection.source) && fits(rule, connection, client));
}

function fits(rule: L4Rule, connection: ConnectionView, client: ClientView): boolean {
  return (
    (rule.namespaces === undefined || rule.namespaces.includes(client.namespace)) &&
    (rule.port === undefined || rule.port === connection.port) &&
    (rule.sourceNamespace === undefined || rule.sourceNamespace === client.namespace) &&
    (rule.gateways === undefined || rule.gateways.includes(client.gateway)) &&
    hasLabels(client.labels, rule.sourceLabels) &&
    inSubnets(rule.destinationSubnets, connection.destination)
  );
}

function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> | undefined,
): boolean {
  return wanted === undefined || Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function inSubnets(subnets: readonly string[], address: string | undefined): boolean {
  if (subnets.length === 0) return true;
  return address !== undefined && subnets.some((subnet) => subnetHolds(subnet, address));
}

/**
 * The cluster that a connection of the rule goes to: by weight, or the only one whatever its weight. `random`: in [0, 1). Undefined: no destination has a
 * weight.
 */
export function destinationOf(rule: L4Rule, random: number): string | undefined {
  const { destinations } = rule;
  if (destinations.length === 1) return destinations[0]!.cluster;
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  let left = random * total;
  for (const { cluster, weight } of destinations) {
    if (left < weight) return cluster;
    left -= weight;
  }
  return undefined;
}
