import type { GatewayHost } from '../../model/istio-gateway.js';
import { serviceOfHost } from '../../model/names.js';
import type { VirtualService } from '../../model/virtual-service.js';
import type { TcpRule, TlsRule, VirtualHost } from '../snapshot.js';
import { tcpRules, tlsRules } from './connection-rules.js';
import { type Report, silent } from './input.js';
import type { HttpRules } from './rules.js';
import { virtualRuleSet } from './virtual-service.js';

/** A server of an Istio Gateway, as its rules are looked up. */
export interface GatewayPlace {
  /** NS/NAME of the Gateway. */
  readonly gateway: string;
  readonly hosts: readonly GatewayHost[];
  readonly port: number;
}

/**
 * What a server of an Istio Gateway serves over HTTP: the hosts of each VirtualService that names the Gateway, as far as the server has
 * them. A host belongs to the older VirtualService, then to the first by NS/NAME.
 */
export function rulesForGateway(
  place: GatewayPlace,
  rules: HttpRules,
  report: Report = silent,
): readonly VirtualHost[] {
  const claimed = new Set<string>();
  const hosts: VirtualHost[] = [];
  for (const service of exportedTo(place, rules)) {
    const set = virtualRuleSet(service, place, rules, report);
    if (set === undefined) continue;
    const domains = servedHosts(service, place.hosts).filter((host) => !claimed.has(host));
    for (const domain of domains) claimed.add(domain);
    if (domains.length > 0) hosts.push({ domains, table: { sets: [set] } });
  }
  return hosts;
}

/** Of a server that passes TLS through: tls rules, their names as far as the server has them. */
export function tlsRulesForGateway(place: GatewayPlace, rules: HttpRules, report: Report = silent): readonly TlsRule[] {
  return exportedTo(place, rules).flatMap((service) => {
    const own = place.hosts.filter((host) => admits(host, service));
    return tlsRules(service, place, rules.hosts, report).flatMap((rule) => {
      const sniHosts = intersections(rule.sniHosts, own);
      return sniHosts.length === 0 ? [] : [{ ...rule, sniHosts }];
    });
  });
}

/** Of a server of plain TCP, or one that ends TLS and knows no more of the bytes: tcp rules. */
export function tcpRulesForGateway(place: GatewayPlace, rules: HttpRules, report: Report = silent): readonly TcpRule[] {
  return exportedTo(place, rules)
    .filter((service) => servedHosts(service, place.hosts).length > 0)
    .flatMap((service) => tcpRules(service, place, rules.hosts, report));
}

function exportedTo({ gateway }: GatewayPlace, rules: HttpRules): readonly VirtualService[] {
  const namespace = gateway.slice(0, gateway.indexOf('/'));
  return rules
    .virtualServicesOf(gateway)
    .filter(({ exportTo }) => exportTo === undefined || exportTo.includes(namespace));
}

/** The hosts of a VirtualService that a server has for its namespace, in lower case; none: it is not for this server. */
export function servedHosts(service: VirtualService, hosts: readonly GatewayHost[]): readonly string[] {
  const own = hosts.filter((host) => admits(host, service));
  return intersections(
    service.hosts.flatMap((host) => hostForms(host, service.meta.namespace)),
    own,
  );
}

function admits({ namespace }: GatewayHost, service: VirtualService): boolean {
  return namespace === '*' || namespace === service.meta.namespace;
}

/** A short name stands for every form of the Service's name, and so does a name that says `svc` for those with the namespace. */
function hostForms(host: string, namespace: string): readonly string[] {
  const lower = host.toLowerCase().replace(/\.$/, '');
  const key = serviceOfHost(lower, namespace);
  const isShort = !lower.includes('.');
  if (key === undefined || (!isShort && lower.split('.')[2] !== 'svc')) return [lower];
  const [space, name] = key.split('/');
  const long = [`${name}.${space}`, `${name}.${space}.svc`, `${name}.${space}.svc.cluster.local`];
  return isShort ? [lower, ...long] : long;
}

function intersections(domains: readonly string[], hosts: readonly GatewayHost[]): readonly string[] {
  const found = domains.flatMap((domain) => hosts.map(({ host }) => intersection(domain, host.toLowerCase())));
  return [...new Set(found.filter((each) => each !== undefined))];
}

/** The names that both patterns (`*`, `*.REST` or a name) stand for, as a pattern; undefined: none. */
export function intersection(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

/** Whether a pattern stands for every name that another does. */
export function covers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  return outer.startsWith('*.') && inner !== '*' && inner.endsWith(outer.slice(1)) && inner.length >= outer.length;
}
