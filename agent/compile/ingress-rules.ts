import type { GatewayServer, IstioGateway } from '../model/istio-gateway.js';
import { keyOf } from '../model/mesh.js';
import { rulesForGateway, tcpRulesForGateway, tlsRulesForGateway } from './http/ingress-hosts.js';
import { rulesForListener } from './http/listener-rules.js';
import type { HttpRules } from './http/rules.js';
import { type IngressContext, listenerProtocol, type ServerRules } from './ingress.js';

/** What the HTTP rules bind to the servers and listeners of Gateways. */
export function ingressRules(rules: HttpRules): Pick<IngressContext, 'rulesForServer' | 'rulesForListener'> {
  return {
    rulesForServer: (gateway, server) => rulesForServer(gateway, server, rules),
    rulesForListener: (gateway, listener) => ({
      ...rulesForListener(gateway, listener, rules),
      tlsRules: [],
      tcpRules: [],
    }),
  };
}

const nothing: ServerRules = { virtualHosts: [], tlsRules: [], tcpRules: [] };

function rulesForServer(gateway: IstioGateway, server: GatewayServer, rules: HttpRules): ServerRules {
  const place = { gateway: keyOf(gateway), hosts: server.hosts, port: server.port.number };
  const { protocol, ends } = listenerProtocol(server);
  if (protocol === 'http' || protocol === 'https') {
    return { ...nothing, virtualHosts: rulesForGateway(place, rules) };
  }
  return protocol === 'tls' && !ends
    ? { ...nothing, tlsRules: tlsRulesForGateway(place, rules) }
    : { ...nothing, tcpRules: tcpRulesForGateway(place, rules) };
}
