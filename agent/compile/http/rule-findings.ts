import type { IstioGateway } from '../../model/istio-gateway.js';
import type { KubernetesGateway } from '../../model/kubernetes-gateway.js';
import { keyOf, type Service, type ServicePort } from '../../model/mesh.js';
import { hostOfService, serviceOfHost, wildcardCovers } from '../../model/names.js';
import type { ObjectFinding } from '../../model/references.js';
import type { VirtualService } from '../../model/virtual-service.js';
import { ObjectFindings } from '../object-findings.js';
import { portProtocol } from '../port-protocol.js';
import type { HttpRule } from '../snapshot.js';
import { attach, isParent } from './attachment.js';
import type { GatewayRoute } from './gateway-routes.js';
import { rulesForGateway, servedHosts } from './ingress-hosts.js';
import { type HttpInput, type Report, silent } from './input.js';
import { rulesForListener } from './listener-rules.js';
import { HttpRules, isHttp, isServiceParent, namesPort } from './rules.js';
import { shadowsIn } from './shadow.js';
import { virtualRuleSet } from './virtual-service.js';

export interface RuleFindingsInput extends HttpInput {
  istioGateways(): Iterable<IstioGateway>;
  kubernetesGateways(): Iterable<KubernetesGateway>;
}

/**
 * What is wrong with HTTP rules beyond references to nothing: rules that never match, for nothing, or unused; destinations
 * without a port or subset.
 */
export function routeFindings(
  input: RuleFindingsInput,
  rules: HttpRules = new HttpRules(input),
): readonly ObjectFinding[] {
  const found = new ObjectFindings();
  const report: Report = (object, code, path, message) => found.report(object, code, path, message);
  for (const service of input.services()) {
    for (const port of service.ports) if (port.protocol === 'TCP') checkBound(service, port, rules, report);
  }
  const gateways = new Map([...input.istioGateways()].map((gateway) => [keyOf(gateway), gateway]));
  for (const service of input.virtualServices()) {
    checkMeshHosts(service, gateways, rules, report);
    checkGateways(service, gateways, report);
    checkShadows(service, rules, report);
  }
  for (const gateway of gateways.values()) {
    for (const { hosts, port } of gateway.servers) {
      rulesForGateway({ gateway: keyOf(gateway), hosts, port: port.number }, rules, report);
    }
  }
  const listening = [...input.kubernetesGateways()];
  for (const gateway of listening) {
    for (const listener of gateway.listeners) rulesForListener(gateway, listener, rules, report);
  }
  for (const route of [...input.httpRoutes(), ...input.grpcRoutes()]) checkParents(route, listening, rules, report);
  return found.list();
}

function checkBound(service: Service, port: ServicePort, rules: HttpRules, report: Report): void {
  const { http } = rules.compileBound(service, port, report);
  const routes = new Map(
    rules.routesFor(keyOf(service), port).map((route) => [`${route.kind} ${keyOf(route)}`, route]),
  );
  for (const set of http.sets) {
    if (routes.size === 0) continue;
    for (const { rule, by } of shadowsIn(set.rules)) {
      const route = routes.get(rule.resource);
      if (route !== undefined) report(route, 'WEFT0508', rule.path, `${by.name} matches all of its requests before it`);
    }
  }
}

/** Rules of a VirtualService, with delegates', that earlier ones leave nothing for. */
function checkShadows(service: VirtualService, rules: HttpRules, report: Report): void {
  if (service.hosts.length === 0 || service.http.length === 0) return;
  for (const { rule, match, by } of shadowsIn(allRules(service, rules))) {
    const [, key = ''] = rule.resource.split(' ');
    const owner = rules.virtualService(key);
    if (owner === undefined) continue;
    const path = match === undefined ? rule.path : `${rule.path}.match[${match}]`;
    const earlier = by.resource === rule.resource ? by.path.replace('spec.', '') : by.name;
    report(
      owner,
      'WEFT0508',
      path,
      `${by === rule ? 'an earlier match' : earlier} takes all of its requests before it`,
    );
  }
}

/** Whatever port and gateway they are for. */
function allRules(service: VirtualService, rules: HttpRules): readonly HttpRule[] {
  const places = [...service.gateways].flatMap((gateway) =>
    portsOf(service).map((port) => virtualRuleSet(service, { port, gateway }, rules, () => {})),
  );
  return places.find((set) => set !== undefined)?.rules ?? [];
}

/** Ports that its matches name, and one that none does. */
function portsOf(service: VirtualService): readonly number[] {
  return [0, ...service.http.flatMap(({ match }) => match.flatMap(({ port }) => port ?? []))];
}

type Gateways = ReadonlyMap<string, IstioGateway>;

/** Hosts whose traffic never comes by, and kinds of rules that no port takes; of hosts that a Gateway serves, what is only true of the mesh. */
function checkMeshHosts(service: VirtualService, gateways: Gateways, rules: HttpRules, report: Report): void {
  const mesh = service.gateways.indexOf('mesh');
  if (mesh < 0) return;
  for (const [index, host] of service.hosts.entries()) {
    const path = `spec.hosts[${index}]`;
    if (servesOutside(service, host, gateways, rules)) {
      checkMeshProtocol(service, host, `spec.gateways[${mesh}]`, rules, report);
      continue;
    }
    const covered = servicesOf(host, service.meta.namespace, rules);
    if (covered === undefined) {
      const message = `no ServiceEntry gives ${host} addresses as its first host: its connections do not come by the rules`;
      if (rules.hosts.isEntry(host)) report(service, 'WEFT0412', path, message);
      continue;
    }
    const addressed = covered.filter(({ addresses }) => addresses.length > 0);
    if (addressed.length === 0) {
      const why =
        covered.length === 0 ? 'covers no Service' : 'has no address of its own, so that clients connect to its Pods';
      report(service, 'WEFT0412', path, `${host} ${why}`);
    } else checkPorts(service, host, addressed, rules, report);
  }
}

/** Whether a Gateway takes requests or connections for the host to the rules. */
function servesOutside(service: VirtualService, host: string, gateways: Gateways, rules: HttpRules): boolean {
  return service.gateways.some((key) => {
    const gateway = gateways.get(key);
    if (gateway === undefined || !isExportedTo(service, gateway)) return false;
    const servers = gateway.servers.filter(({ hosts }) => servedHosts({ ...service, hosts: [host] }, hosts).length > 0);
    if (service.tls.length > 0 || service.tcp.length > 0) return servers.length > 0;
    return servers.some(({ port }) => virtualRuleSet(service, { port: port.number, gateway: key }, rules, silent));
  });
}

function isExportedTo({ exportTo }: VirtualService, gateway: IstioGateway): boolean {
  return exportTo === undefined || exportTo.includes(gateway.meta.namespace);
}

/** `path`: of what binds the rules to the mesh. */
function checkMeshProtocol(
  service: VirtualService,
  host: string,
  path: string,
  rules: HttpRules,
  report: Report,
): void {
  const ports = servicesOf(host, service.meta.namespace, rules)
    ?.filter(({ addresses }) => addresses.length > 0)
    .flatMap((each) => each.ports.filter(({ protocol }) => protocol === 'TCP'));
  if (service.http.length === 0 || ports === undefined || ports.length === 0) return;
  if (ports.every((port) => portProtocol(port) === 'opaque')) {
    report(service, 'WEFT0304', path, `no port of ${host} is HTTP: in the mesh the http rules are not for it`);
  }
}

/** Undefined: the host is the name of no Service, and of no ServiceEntry with addresses. */
function servicesOf(host: string, namespace: string, rules: HttpRules): readonly Service[] | undefined {
  if (host.startsWith('*')) {
    return [...rules.input.services()].filter((each) => wildcardCovers(host.toLowerCase(), hostOfService(keyOf(each))));
  }
  const key = serviceOfHost(host, namespace);
  const service = key === undefined ? undefined : rules.input.service(key);
  if (service !== undefined) return [service];
  const entries = rules.input.entryServicesOf(host);
  return entries.length === 0 ? undefined : entries;
}

function checkPorts(
  service: VirtualService,
  host: string,
  addressed: readonly Service[],
  rules: HttpRules,
  report: Report,
): void {
  const ports = addressed.flatMap((each) => each.ports).filter(({ protocol }) => protocol === 'TCP');
  const protocols = ports.map(portProtocol);
  if (service.http.length > 0) {
    if (protocols.every((protocol) => protocol === 'opaque')) {
      report(service, 'WEFT0304', 'spec.http', `no port of ${host} is HTTP`);
    } else if (!ports.some(({ port }) => virtualRuleSet(service, { port, gateway: 'mesh' }, rules, () => {}))) {
      report(service, 'WEFT0412', 'spec.http', `no rule is for the mesh and a port of ${host}`);
    }
  }
  for (const kind of ['tls', 'tcp'] as const) {
    if (service[kind].length === 0 || !protocols.every(isHttp)) continue;
    report(service, 'WEFT0412', `spec.${kind}`, `every port of ${host} is HTTP, which http rules decide`);
  }
}

function checkGateways(service: VirtualService, gateways: Gateways, report: Report): void {
  for (const [index, key] of service.gateways.entries()) {
    const gateway = gateways.get(key);
    if (gateway === undefined) continue;
    const path = `spec.gateways[${index}]`;
    if (!isExportedTo(service, gateway)) {
      report(service, 'WEFT0412', path, `is not exported to the namespace of Gateway ${key}`);
    } else if (!gateway.servers.some(({ hosts }) => servedHosts(service, hosts).length > 0)) {
      report(service, 'WEFT0412', path, `no server of Gateway ${key} has one of its hosts`);
    }
  }
}

const refusals = {
  NoMatchingParent: 'has no such listener',
  NotAllowedByListeners: 'allows no routes of this kind and namespace',
  NoMatchingListenerHostname: 'has no listener with one of its hostnames',
} as const;

function checkParents(
  route: GatewayRoute,
  gateways: readonly KubernetesGateway[],
  rules: HttpRules,
  report: Report,
): void {
  for (const [index, parent] of route.parentRefs.entries()) {
    const path = `spec.parentRefs[${index}]`;
    if (isServiceParent(parent)) {
      checkServiceParent(route, `${parent.namespace}/${parent.name}`, index, rules, report);
      continue;
    }
    const gateway = gateways.find((each) => isParent(parent, each));
    if (gateway === undefined) continue;
    const attachments = gateway.listeners.map((listener) => attach(route, parent, gateway, listener, rules.input));
    if (attachments.some((each) => 'hosts' in each)) continue;
    const reasons = attachments.flatMap((each) => ('refused' in each ? [each.refused] : []));
    const reason = reasons.find((each) => each !== 'NoMatchingParent') ?? 'NoMatchingParent';
    report(route, 'WEFT0412', path, `Gateway ${keyOf(gateway)} ${refusals[reason]}`);
  }
}

function checkServiceParent(route: GatewayRoute, key: string, index: number, rules: HttpRules, report: Report): void {
  const parent = route.parentRefs[index]!;
  const path = `spec.parentRefs[${index}]`;
  const service = rules.input.service(key);
  if (service === undefined) return;
  const ports = service.ports.filter((port) => namesPort(parent, port));
  if (service.addresses.length === 0) {
    report(route, 'WEFT0412', path, `Service ${key} has no address of its own, so that clients connect to its Pods`);
  } else if (ports.length === 0) {
    if (parent.sectionName === undefined) return;
    report(route, 'WEFT0407', `${path}.sectionName`, `Service ${key} has no such port ${parent.sectionName}`);
  } else if (ports.every((port) => portProtocol(port) === 'opaque')) {
    report(route, 'WEFT0304', path, `no port of Service ${key} that it is bound to is HTTP`);
  }
}
