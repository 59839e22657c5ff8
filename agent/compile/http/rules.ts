import { keyOf, type Service, type ServicePort } from '../../model/mesh.js';
import { hostOfService, hostsMeant, wildcardCovers } from '../../model/names.js';
import type { ParentReference } from '../../model/route.js';
import type { VirtualService } from '../../model/virtual-service.js';
import { type PortProtocol, portProtocol } from '../port-protocol.js';
import type { RouteTable, RuleSet, TcpRule, TlsRule } from '../snapshot.js';
import { tcpRules, tlsRules } from './connection-rules.js';
import { compareAge, type GatewayRoute, routeSet } from './gateway-routes.js';
import { Hosts } from './hosts.js';
import { type HttpInput, type Report, silent } from './input.js';
import { type Place, virtualRuleSet } from './virtual-service.js';

/** What is bound to a Service port for clients of the mesh. */
export interface BoundRules {
  readonly http: RouteTable;
  readonly tls: readonly TlsRule[];
  readonly tcp: readonly TcpRule[];
}

export interface BoundRoute {
  readonly route: GatewayRoute;
  readonly parent: ParentReference;
}

const nothing: BoundRules = { http: { sets: [] }, tls: [], tcp: [] };

/** Every HTTP rule by what it is bound to. Made anew when a rule, a Service or a reference between them has changed. */
export class HttpRules {
  readonly input: HttpInput;
  readonly hosts: Hosts;
  readonly #virtual = new Map<string, VirtualService>();
  /** Of the mesh, by the full hosts that theirs can mean. */
  readonly #byHost = new Map<string, VirtualService[]>();
  readonly #byWildcard: (readonly [host: string, service: VirtualService])[] = [];
  /** By NS/NAME of the Gateway. */
  readonly #byGateway = new Map<string, VirtualService[]>();
  readonly #routes = new Map<string, BoundRoute[]>();
  /** By NS/NAME of the Gateway API Gateway. */
  readonly #gatewayRoutes = new Map<string, GatewayRoute[]>();
  readonly #bound = new Map<string, BoundRules>();

  constructor(input: HttpInput) {
    this.input = input;
    this.hosts = new Hosts(input);
    for (const service of [...input.virtualServices()].sort(compareAge)) this.#fileVirtual(service);
    this.#byWildcard.sort(([a], [b]) => b.length - a.length);
    for (const route of [...input.httpRoutes(), ...input.grpcRoutes()]) this.#fileRoute(route);
  }

  #fileVirtual(service: VirtualService): void {
    this.#virtual.set(keyOf(service), service);
    for (const gateway of new Set(service.gateways)) {
      if (gateway !== 'mesh') file(this.#byGateway, gateway, service);
    }
    if (!service.gateways.includes('mesh')) return;
    const hosts = service.hosts.flatMap((host) => [...hostsMeant(host, service.meta.namespace)]);
    for (const host of new Set(hosts)) file(this.#byHost, host, service);
    for (const host of service.hosts) {
      if (host.startsWith('*')) this.#byWildcard.push([host.toLowerCase(), service]);
    }
  }

  #fileRoute(route: GatewayRoute): void {
    const gateways = new Set<string>();
    for (const parent of route.parentRefs) {
      const key = `${parent.namespace}/${parent.name}`;
      if (isServiceParent(parent)) file(this.#routes, key, { route, parent });
      else if (parent.kind === 'Gateway') gateways.add(key);
    }
    for (const key of gateways) file(this.#gatewayRoutes, key, route);
  }

  /** By NS/NAME. */
  virtualService(key: string): VirtualService | undefined {
    return this.#virtual.get(key);
  }

  virtualServices(): Iterable<VirtualService> {
    return this.#virtual.values();
  }

  /** Routes that have the Gateway API Gateway (NS/NAME) as a parent, each once. */
  gatewayRoutesOf(gateway: string): readonly GatewayRoute[] {
    return this.#gatewayRoutes.get(gateway) ?? [];
  }

  /** VirtualServices that name the Gateway (NS/NAME), older first. */
  virtualServicesOf(gateway: string): readonly VirtualService[] {
    return this.#byGateway.get(gateway) ?? [];
  }

  /**
   * VirtualServices of the mesh that have the Service as a host: those that name it before those whose wildcard covers it, the
   * longer wildcard first; then the older, then by NS/NAME.
   */
  virtualServicesFor(key: string): readonly VirtualService[] {
    const host = hostOfService(key);
    const named = this.#byHost.get(host) ?? [];
    if (this.#byWildcard.length === 0) return named;
    const covering = this.#byWildcard
      .filter(([pattern]) => wildcardCovers(pattern, host))
      .map(([, service]) => service);
    return [...new Set([...named, ...covering])];
  }

  /** Routes with this Service port as a parent, each once. */
  routesFor(key: string, port: ServicePort): readonly GatewayRoute[] {
    const bound = (this.#routes.get(key) ?? []).filter(({ parent }) => namesPort(parent, port));
    return [...new Set(bound.map(({ route }) => route))];
  }

  /** What decides for clients that connect to the port; the same object as long as this one lives. */
  bound(service: Service, port: ServicePort): BoundRules {
    const key = `${keyOf(service)}:${port.port}`;
    let found = this.#bound.get(key);
    if (found === undefined) {
      found = port.protocol === 'TCP' ? this.compileBound(service, port, silent) : nothing;
      this.#bound.set(key, found);
    }
    return found;
  }

  /** As `bound`, telling what is wrong. */
  compileBound(service: Service, port: ServicePort, report: Report): BoundRules {
    const key = keyOf(service);
    const services = this.virtualServicesFor(key);
    const routes = this.routesFor(key, port);
    if (services.length === 0 && routes.length === 0) return nothing;
    const protocol = portProtocol(port);
    const place: Place = { port: port.port, gateway: 'mesh' };
    const sets = protocol === 'opaque' ? [] : this.#sets(service, services, routes, place, report);
    const connections = isHttp(protocol) ? [] : services;
    return {
      http: { sets },
      tls: connections.flatMap((each) => tlsRules(each, place, this.hosts, report)),
      tcp: connections.flatMap((each) => tcpRules(each, place, this.hosts, report)),
    };
  }

  /**
   * Routes of a client's own namespace decide for it (consumer routes, GEP-1426), then those of the Service's namespace for
   * everybody, then VirtualServices.
   */
  #sets(
    service: Service,
    services: readonly VirtualService[],
    routes: readonly GatewayRoute[],
    place: Place,
    report: Report,
  ): readonly RuleSet[] {
    const home = service.meta.namespace;
    const producers = routes.filter(({ meta }) => meta.namespace === home);
    const consumers = new Map<string, GatewayRoute[]>();
    for (const route of routes) if (route.meta.namespace !== home) file(consumers, route.meta.namespace, route);
    const sets: RuleSet[] = [];
    for (const [namespace, own] of [...consumers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      sets.push(routeSet(own, [namespace], this.hosts, report));
    }
    if (producers.length > 0) {
      const set = routeSet(producers, undefined, this.hosts, report);
      const port = `port ${place.port} of Service ${keyOf(service)}`;
      for (const each of services) {
        if (each.http.length > 0)
          report(each, 'WEFT0509', 'spec.hosts', `${set.resource} is bound to ${port}, and wins`);
      }
      return [...sets, set];
    }
    for (const each of services) {
      const set = virtualRuleSet(each, place, this, report);
      if (set === undefined) continue;
      sets.push(set);
      if (set.namespaces === undefined) break;
    }
    return sets;
  }
}

function file<T>(index: Map<string, T[]>, key: string, value: T): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [value]);
  else list.push(value);
}

export function isServiceParent({ group, kind }: ParentReference): boolean {
  return kind === 'Service' && (group === '' || group === 'core');
}

/** `port` and `sectionName` (a port's name) of a Service as a parent (GEP-1426). */
export function namesPort(parent: ParentReference, port: ServicePort): boolean {
  return (
    port.protocol === 'TCP' &&
    (parent.port === undefined || parent.port === port.port) &&
    (parent.sectionName === undefined || parent.sectionName === port.name)
  );
}

export function isHttp(protocol: PortProtocol): boolean {
  return protocol === 'http1' || protocol === 'http2';
}
