import type { HttpRule, IngressListener, L4Rule, RouteTable, Target } from './snapshot.js';

/** Keys of the clusters that a Service port's rules lead to, its own among them. */
export function* clustersOfTarget({ cluster, http, tls, tcp }: Target): Generator<string> {
  yield cluster;
  yield* ofTable(http);
  yield* ofConnections([...tls, ...tcp]);
}

/** Keys of the clusters that the rules of a port for outside traffic lead to. */
export function* clustersOfListener({ servers }: IngressListener): Generator<string> {
  for (const { virtualHosts, tlsRules, tcpRules } of servers) {
    for (const { table } of virtualHosts) yield* ofTable(table);
    yield* ofConnections([...tlsRules, ...tcpRules]);
  }
}

function* ofTable({ sets }: RouteTable): Generator<string> {
  for (const { rules } of sets) for (const rule of rules) yield* ofRule(rule);
}

function* ofRule({ action }: HttpRule): Generator<string> {
  if (action.type !== 'route') return;
  for (const { cluster } of action.mirrors) yield cluster;
  for (const { cluster, mirrors } of action.destinations) {
    if (cluster !== '') yield cluster;
    for (const mirror of mirrors) yield mirror.cluster;
  }
}

function* ofConnections(rules: readonly L4Rule[]): Generator<string> {
  for (const { destinations } of rules) for (const { cluster } of destinations) yield cluster;
}
