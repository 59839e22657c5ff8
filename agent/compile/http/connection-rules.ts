import { keyOf } from '../../model/mesh.js';
import type {
  VirtualService,
  VirtualTcpMatch,
  VirtualTlsMatch,
  WeightedDestination,
} from '../../model/virtual-service.js';
import type { L4Rule, TcpRule, TlsRule } from '../snapshot.js';
import type { Hosts } from './hosts.js';
import type { Report } from './input.js';
import { type Place, resolved } from './virtual-service.js';

/** One rule for each match of `spec.tls` that could hold at the place. */
export function tlsRules(service: VirtualService, place: Place, hosts: Hosts, report: Report): readonly TlsRule[] {
  return service.tls.flatMap((route, index) => {
    const path = `spec.tls[${index}]`;
    const destinations = destinationsOf(service, route.route, path, place.port, hosts, report);
    return route.match
      .filter((match) => isPlaced(match, place))
      .map((match) => ({
        ...connectionRule(service, match, `tls[${index}]`, destinations, place),
        sniHosts: match.sniHosts.map((host) => host.toLowerCase()),
      }));
  });
}

/** One rule for each match of `spec.tcp` that could hold at the place; a route without matches is one. */
export function tcpRules(service: VirtualService, place: Place, hosts: Hosts, report: Report): readonly TcpRule[] {
  return service.tcp.flatMap((route, index) => {
    const path = `spec.tcp[${index}]`;
    const destinations = destinationsOf(service, route.route, path, place.port, hosts, report);
    const matches = route.match.length === 0 ? [anyConnection] : route.match;
    return matches
      .filter((match) => isPlaced(match, place))
      .map((match) => ({
        ...connectionRule(service, match, `tcp[${index}]`, destinations, place),
        sourceSubnets: match.sourceSubnet === undefined ? [] : [match.sourceSubnet],
      }));
  });
}

const anyConnection: VirtualTcpMatch = {
  sourceSubnet: undefined,
  destinationSubnets: [],
  port: undefined,
  sourceLabels: {},
  sourceNamespace: undefined,
  gateways: undefined,
};

type ConnectionMatch = VirtualTlsMatch | VirtualTcpMatch;

function isPlaced(match: ConnectionMatch, { port, gateway }: Place): boolean {
  return (match.port ?? port) === port && (match.gateways === undefined || match.gateways.includes(gateway));
}

function connectionRule(
  service: VirtualService,
  match: ConnectionMatch,
  name: string,
  destinations: L4Rule['destinations'],
  { gateway }: Place,
): L4Rule {
  return {
    name: `VirtualService ${keyOf(service)} ${name}`,
    namespaces: gateway === 'mesh' ? service.exportTo : undefined,
    destinationSubnets: match.destinationSubnets,
    port: match.port,
    sourceLabels: Object.keys(match.sourceLabels).length === 0 ? undefined : match.sourceLabels,
    sourceNamespace: match.sourceNamespace,
    gateways: match.gateways,
    destinations,
  };
}

function destinationsOf(
  service: VirtualService,
  route: readonly WeightedDestination[],
  path: string,
  port: number,
  hosts: Hosts,
  report: Report,
): L4Rule['destinations'] {
  const { namespace } = service.meta;
  return route.map(({ destination, weight }, index) => {
    const place = `${path}.route[${index}].destination`;
    return { cluster: resolved(hosts, destination, namespace, port, service, place, report), weight };
  });
}
