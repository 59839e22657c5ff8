import type { Catalog } from './catalog.js';
import { at } from './fields.js';
import { child, quote } from './findings.js';
import { type GatewayScope, ownGateways } from './gateway-scope.js';
import { type DestinationRule, keyOf, type MeshObject, type Service, type VirtualService } from './mesh.js';
import { serviceOfHost, wildcardCovers } from './names.js';
import { gatewayFields } from './plain-connections.js';
import type { ProblemCode } from './problem-codes.js';
import { type Reference, referencesOf } from './refers.js';
import type { ServiceEntry } from './service-entry.js';

export type Report = (object: MeshObject, code: ProblemCode, path: string, message: string) => void;

/** What is wrong between the objects that HTTP rules are made of, and what they refer to. */
export function checkRouting(catalog: Catalog, scope: GatewayScope, report: Report): void {
  const entries = [...catalog.serviceEntries()];
  const isOwn = ownGateways(catalog.gatewayClasses(), scope);
  for (const object of [
    ...catalog.virtualServices(),
    ...catalog.istioGateways(),
    ...catalog.kubernetesGateways(),
    ...catalog.httpRoutes(),
    ...catalog.grpcRoutes(),
    ...catalog.destinationRules(),
  ]) {
    const isGateway = object.kind === 'Gateway' || object.kind === 'KubernetesGateway';
    const isServed = !isGateway || isOwn(object);
    for (const reference of referencesOf(object)) {
      if (reference.kind === 'GatewayClass' && isServed) continue;
      // Secrets of Gateways that others serve are not watched: whether they are there is not known.
      if (reference.kind === 'Secret' && !isServed) continue;
      checkReference(catalog, entries, report, object, reference);
    }
  }
  for (const entry of entries) checkEntry(report, entry);
  checkHosts(catalog, report);
  checkDelegates(catalog, report);
  const served = servicesByRules(catalog);
  for (const rule of catalog.destinationRules()) checkRule(catalog, entries, served, report, rule);
  for (const service of catalog.services()) {
    if (service.entry === undefined && !served.has(keyOf(service))) checkAnnotations(report, service);
  }
}

/** What of an entry's hosts connections are not captured of. */
function checkEntry(report: Report, entry: ServiceEntry): void {
  const [first, ...others] = entry.hosts;
  const single = entry.addresses.filter((address) => !address.includes('/'));
  for (const [index, address] of entry.addresses.entries()) {
    if (!address.includes('/')) continue;
    const message = 'a block of addresses is not supported: connections to it are left alone';
    report(entry, 'WEFT0303', at('spec.addresses', index), message);
  }
  if (single.length === 0) {
    const why = entry.addresses.length === 0 ? 'without addresses' : 'without single addresses';
    report(entry, 'WEFT0312', 'spec.addresses', `${why} it is a destination of rules only`);
    return;
  }
  for (const [index, host] of others.entries()) {
    const message = `its addresses are those of ${first}: ${host} is a destination of rules only`;
    report(entry, 'WEFT0312', at('spec.hosts', index + 1), message);
  }
  if (entry.exportTo !== undefined) {
    const message = 'connections to its addresses are captured in every namespace';
    report(entry, 'WEFT0303', 'spec.exportTo', message);
  }
  for (const [index, { protocol }] of entry.ports.entries()) {
    if (protocol !== 'UDP' || !entry.resolution.startsWith('DNS')) continue;
    const message = 'datagrams are not sent to names: those to its addresses are left alone';
    report(entry, 'WEFT0303', `${at('spec.ports', index)}.protocol`, message);
  }
}

/** Of a Service whose connections never come to the gateway. */
function checkAnnotations(report: Report, service: Service): void {
  const path = (name: string) => child('metadata.annotations', name);
  if (service.meta.annotations['weft.dev/balancing'] === 'adaptive') {
    const message = 'the kernel has no adaptive balancing: least-request is used';
    report(service, 'WEFT0311', path('weft.dev/balancing'), message);
  }
  if (service.meta.annotations['weft.dev/when-agent-down'] === 'closed') {
    const message = 'no HTTP rule is about this Service: its connections go on without the agent';
    report(service, 'WEFT0312', path('weft.dev/when-agent-down'), message);
  }
}

function checkReference(
  catalog: Catalog,
  entries: readonly ServiceEntry[],
  report: Report,
  object: MeshObject,
  { kind, key, path, port, substitutes }: Reference,
): void {
  switch (kind) {
    case 'Host': {
      if (key.includes('*')) return;
      const entry = entryOf(entries, key);
      if (entry === undefined) report(object, 'WEFT0402', path, `no ServiceEntry has the host ${quote(key)}`);
      else if (port !== undefined && !entry.ports.some(({ number }) => number === port.number)) {
        report(object, 'WEFT0407', port.path, `ServiceEntry ${keyOf(entry)} has no port ${port.number}`);
      }
      return;
    }
    case 'Service': {
      const service = catalog.service(key);
      if (service === undefined) {
        if (entryOf(entries, hostOfKey(key)) === undefined) {
          report(object, 'WEFT0401', path, `there is no Service ${key}`);
        }
      } else if (port !== undefined && !service.ports.some((each) => each.port === port.number)) {
        report(object, 'WEFT0407', port.path, `Service ${key} has no port ${port.number}`);
      }
      return;
    }
    default: {
      if ([key, ...substitutes].some((each) => catalog.object(kind, each) !== undefined)) return;
      const name = key.startsWith('/') ? key.slice(1) : key;
      const title = kind === 'KubernetesGateway' ? 'Gateway' : kind;
      report(object, 'WEFT0402', path, `there is no ${title} ${name}`);
    }
  }
}

function entryOf(entries: readonly ServiceEntry[], host: string): ServiceEntry | undefined {
  const name = host.toLowerCase();
  return entries.find(({ hosts }) => hosts.some((each) => each.toLowerCase() === name || wildcardCovers(each, name)));
}

/** NS/NAME as the two-part host that it may have been written as: example.com reads like a Service of a namespace. */
function hostOfKey(key: string): string {
  const [namespace, name] = key.split('/');
  return `${name}.${namespace}`;
}

/** Hosts of VirtualServices, by gateway: the older resource has a host, then the first by NS/NAME. */
function checkHosts(catalog: Catalog, report: Report): void {
  const claims = new Map<string, VirtualService>();
  const routes = [...catalog.virtualServices()].sort(
    (a, b) => a.meta.created - b.meta.created || (keyOf(a) < keyOf(b) ? -1 : 1),
  );
  for (const route of routes) {
    for (const [index, host] of route.hosts.entries()) {
      const name = serviceOfHost(host, route.meta.namespace) ?? host.toLowerCase();
      const winner = claimAll(claims, route, name);
      if (winner === undefined) continue;
      const message = `VirtualService ${keyOf(winner)} has the host ${quote(host)} too`;
      report(route, 'WEFT0506', at('spec.hosts', index), message);
    }
  }
}

/** Claims the name at each of the route's gateways; another that has it at one of them already. */
function claimAll(
  claims: Map<string, VirtualService>,
  route: VirtualService,
  name: string,
): VirtualService | undefined {
  let other: VirtualService | undefined;
  for (const gateway of route.gateways) {
    const claim = `${gateway} ${name}`;
    const winner = claims.get(claim);
    if (winner === undefined) claims.set(claim, route);
    else if (winner !== route) other ??= winner;
  }
  return other;
}

function checkDelegates(catalog: Catalog, report: Report): void {
  const named = new Set<string>();
  for (const root of catalog.virtualServices()) {
    for (const [index, { delegate }] of root.http.entries()) {
      if (delegate === undefined) continue;
      const key = `${delegate.namespace}/${delegate.name}`;
      named.add(key);
      const target = catalog.virtualService(key);
      if (target === undefined || target.hosts.length === 0) continue;
      const path = `${at('spec.http', index)}.delegate.name`;
      report(root, 'WEFT0402', path, `VirtualService ${key} has hosts: only one without can be delegated to`);
    }
  }
  for (const route of catalog.virtualServices()) {
    if (route.hosts.length > 0 || named.has(keyOf(route))) continue;
    report(route, 'WEFT0414', 'spec', 'has no hosts, and nobody delegates to it');
  }
}

/** NS/NAME of the Services that requests reach by way of a rule, so that the gateway balances them. */
function servicesByRules(catalog: Catalog): ReadonlySet<string> {
  const found = new Set<string>();
  for (const service of catalog.services()) {
    const isNamed = service.entry?.resolution.startsWith('DNS');
    if (isNamed || service.meta.annotations['weft.dev/l7'] === 'enabled') found.add(keyOf(service));
  }
  for (const route of catalog.virtualServices()) {
    if (!route.gateways.includes('mesh')) continue;
    for (const host of route.hosts) {
      for (const key of catalog.servicesMeant(host, route.meta.namespace)) found.add(key);
    }
  }
  for (const route of [...catalog.virtualServices(), ...catalog.httpRoutes(), ...catalog.grpcRoutes()]) {
    for (const { kind, key } of referencesOf(route)) {
      if (kind === 'Service') found.add(key);
      else if (kind === 'Host') for (const service of catalog.entryServicesOf(key)) found.add(keyOf(service));
    }
  }
  return found;
}

function checkRule(
  catalog: Catalog,
  entries: readonly ServiceEntry[],
  served: ReadonlySet<string>,
  report: Report,
  rule: DestinationRule,
): void {
  if (rule.host.startsWith('*')) return;
  const own = serviceOfHost(rule.host, rule.meta.namespace);
  const key = catalog.servicesMeant(rule.host, rule.meta.namespace).find((each) => catalog.service(each) !== undefined);
  const service = key === undefined ? undefined : catalog.service(key);
  if (service === undefined) {
    if (entryOf(entries, rule.host) !== undefined) return;
    if (own !== undefined) report(rule, 'WEFT0401', 'spec.host', `there is no Service ${own}`);
    else report(rule, 'WEFT0402', 'spec.host', `no ServiceEntry has the host ${quote(rule.host)}`);
    return;
  }
  checkPorts(report, rule, service, key!);
  if (served.has(key!)) return;
  const winner = catalog.ruleFor(key!);
  if (winner !== undefined && winner !== rule && rule.workloadSelector === undefined) {
    report(rule, 'WEFT0502', 'spec.host', `DestinationRule ${keyOf(winner)} is in effect for Service ${key}`);
  }
  for (const { code, path, message } of gatewayFields(rule)) report(rule, code, path, message);
}

function checkPorts(report: Report, rule: DestinationRule, service: Service, key: string): void {
  const policies = [
    { policy: rule.trafficPolicy, path: 'spec.trafficPolicy' },
    ...rule.subsets.map(({ trafficPolicy }, index) => ({
      policy: trafficPolicy,
      path: `${at('spec.subsets', index)}.trafficPolicy`,
    })),
  ];
  for (const { policy, path } of policies) {
    for (const [index, port] of [...(policy?.portLevelSettings.keys() ?? [])].entries()) {
      if (service.ports.some((each) => each.port === port)) continue;
      report(
        rule,
        'WEFT0407',
        `${at(`${path}.portLevelSettings`, index)}.port.number`,
        `Service ${key} has no port ${port}`,
      );
    }
  }
}
