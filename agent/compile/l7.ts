import { familyOfAddress } from '../model/address.js';
import { type Family, keyOf, type Service, type ServicePort } from '../model/mesh.js';
import { hostOfService } from '../model/names.js';
import { clusterKeyOf } from './cluster-key.js';
import { type HttpRules, isHttp } from './http/rules.js';
import { portProtocol } from './port-protocol.js';
import type { Target } from './snapshot.js';

/** Whether connections to a Service port come to the gateway, and what becomes of them while no gateway answers. */
export type GatewayUse = 'none' | 'bypass' | 'closed';

export const l7Annotation = 'weft.dev/l7';
const downAnnotation = 'weft.dev/when-agent-down';

/**
 * A port is the gateway's when an HTTP rule for the mesh is bound to it, or a tls or tcp rule, or annotation weft.dev/l7 is
 * `enabled`; the last, as HTTP rules, only on a port that is HTTP or does not say what it is. Always that of a ServiceEntry whose endpoints are
 * names, which the kernel cannot look up. Annotation weft.dev/when-agent-down says the rest.
 */
export function gatewayOf(service: Service, port: ServicePort, rules: HttpRules): GatewayUse {
  if (port.protocol !== 'TCP' || service.addresses.length === 0) return 'none';
  const { http, tls, tcp } = rules.bound(service, port);
  const enabled = service.meta.annotations[l7Annotation] === 'enabled' && portProtocol(port) !== 'opaque';
  if (!enabled && !isNamed(service) && http.sets.length + tls.length + tcp.length === 0) return 'none';
  return service.meta.annotations[downAnnotation] === 'closed' ? 'closed' : 'bypass';
}

function isNamed({ entry }: Service): boolean {
  return entry?.resolution === 'DNS' || entry?.resolution === 'DNS_ROUND_ROBIN';
}

/** What the gateway does for a port of the Service `key` (NS/NAME) in a family; undefined for one that is not the gateway's. */
export function compileTarget(key: string, port: ServicePort, family: Family, rules: HttpRules): Target | undefined {
  const service = rules.input.service(key);
  if (service === undefined || gatewayOf(service, port, rules) === 'none') return undefined;
  const addresses = service.addresses.filter((address) => familyOfAddress(address) === family);
  if (addresses.length === 0) return undefined;
  const host = hostOfService(keyOf(service));
  return {
    service: key,
    host,
    port: port.port,
    family,
    addresses,
    detection: detectionOf(port),
    cluster: clusterKeyOf(host, port.port),
    ...rules.bound(service, port),
  };
}

/** `http`: it says so; `opaque`: it says something else; `sniff`: it says nothing. */
export function detectionOf(port: ServicePort): Target['detection'] {
  const protocol = portProtocol(port);
  return isHttp(protocol) ? 'http' : protocol === 'opaque' ? 'opaque' : 'sniff';
}
