import { at } from './fields.js';
import type {
  DestinationRule,
  GrpcRoute,
  HttpRoute,
  IstioGateway,
  KubernetesGateway,
  MeshObject,
  VirtualService,
} from './mesh.js';
import { serviceOfHost } from './names.js';
import { rootNamespace } from './root-namespace.js';
import type { BackendReference, HttpRouteFilter } from './route.js';
import type { Destination } from './virtual-service.js';

/** What an object names that must be there for it to work. */
export interface Reference {
  /** `Host`: a name outside the cluster, which only a ServiceEntry can have. */
  readonly kind: 'Service' | 'Host' | 'Gateway' | 'Secret' | 'GatewayClass' | 'KubernetesGateway' | 'VirtualService';
  /** NS/NAME; of a Host the name. */
  readonly key: string;
  /** The field that says so. */
  readonly path: string;
  /** Where a port of it is named, that port and its field. */
  readonly port: { readonly number: number; readonly path: string } | undefined;
  /** Keys of what does as well when it is not there. */
  readonly substitutes: readonly string[];
}

/** In the order of the fields. DestinationRule.host is looked at elsewhere, as several rules may share it. */
export function referencesOf(object: MeshObject): readonly Reference[] {
  switch (object.kind) {
    case 'VirtualService':
      return ofVirtualService(object);
    case 'DestinationRule':
      return ofPolicies(object);
    case 'Gateway':
      return ofIstioGateway(object);
    case 'KubernetesGateway':
      return ofKubernetesGateway(object);
    case 'HTTPRoute':
    case 'GRPCRoute':
      return ofRoute(object);
    default:
      return [];
  }
}

function refer(kind: Reference['kind'], key: string, path: string, port?: Reference['port']): Reference {
  return { kind, key, path, port, substitutes: [] };
}

/** A Secret of any of the namespaces, the first before the others; one of authorities may lie in NAME-cacert, too, as Istio looks for it. */
function referSecret(namespaces: readonly string[], name: string, path: string, ofAuthorities: boolean): Reference {
  const names = ofAuthorities ? [name, `${name}-cacert`] : [name];
  const [key, ...substitutes] = namespaces.flatMap((namespace) => names.map((each) => `${namespace}/${each}`));
  return { kind: 'Secret', key: key!, path, port: undefined, substitutes };
}

function ofVirtualService(object: VirtualService): readonly Reference[] {
  const { namespace } = object.meta;
  const found: Reference[] = [];
  const gateways = (names: readonly string[] | undefined, path: string) => {
    for (const [index, key] of (names ?? []).entries()) {
      if (key !== 'mesh') found.push(refer('Gateway', key, at(`${path}.gateways`, index)));
    }
  };
  const destination = (to: Destination, path: string) => found.push(toDestination(to, namespace, path));
  gateways(object.gateways, 'spec');
  for (const section of ['http', 'tls', 'tcp'] as const) {
    for (const [index, rule] of object[section].entries()) {
      const path = at(`spec.${section}`, index);
      for (const [number, match] of rule.match.entries()) gateways(match.gateways, at(`${path}.match`, number));
      for (const [number, entry] of rule.route.entries()) {
        destination(entry.destination, `${at(`${path}.route`, number)}.destination`);
      }
      if (!('mirrors' in rule)) continue;
      for (const mirror of rule.mirrors) destination(mirror.destination, `${path}.${mirror.path}`);
      const { delegate } = rule;
      if (delegate) {
        found.push(refer('VirtualService', `${delegate.namespace}/${delegate.name}`, `${path}.delegate.name`));
      }
    }
  }
  return found;
}

function toDestination({ host, port }: Destination, namespace: string, path: string): Reference {
  const service = serviceOfHost(host, namespace);
  const named = port === undefined ? undefined : { number: port, path: `${path}.port.number` };
  return service === undefined
    ? refer('Host', host, `${path}.host`, named)
    : refer('Service', service, `${path}.host`, named);
}

function ofIstioGateway({ meta, servers }: IstioGateway): readonly Reference[] {
  const found: Reference[] = [];
  for (const [index, { tls }] of servers.entries()) {
    if (tls === undefined) continue;
    const path = `${at('spec.servers', index)}.tls`;
    const secret = (name: string, field: string, ofAuthorities = false) =>
      found.push(referSecret([meta.namespace, rootNamespace], name, `${path}.${field}`, ofAuthorities));
    const several = tls.credentialNames.length > 1;
    for (const [number, name] of tls.credentialNames.entries()) {
      secret(name, several ? at('credentialNames', number) : 'credentialName');
    }
    if (tls.caCertCredentialName !== undefined) secret(tls.caCertCredentialName, 'caCertCredentialName', true);
  }
  return found;
}

function ofKubernetesGateway({ gatewayClassName, listeners }: KubernetesGateway): readonly Reference[] {
  const found = [refer('GatewayClass', `/${gatewayClassName}`, 'spec.gatewayClassName')];
  for (const [index, { tls }] of listeners.entries()) {
    for (const [number, { group, kind, namespace, name }] of (tls?.certificateRefs ?? []).entries()) {
      if (group !== '' || kind !== 'Secret') continue;
      const path = at(`${at('spec.listeners', index)}.tls.certificateRefs`, number);
      found.push(refer('Secret', `${namespace}/${name}`, `${path}.name`));
    }
  }
  return found;
}

function ofPolicies(rule: DestinationRule): readonly Reference[] {
  const found: Reference[] = [];
  const policies = [
    { policy: rule.trafficPolicy, path: 'spec.trafficPolicy' },
    ...rule.subsets.map(({ trafficPolicy }, index) => ({
      policy: trafficPolicy,
      path: `${at('spec.subsets', index)}.trafficPolicy`,
    })),
  ];
  for (const { policy, path } of policies) {
    if (policy === undefined) continue;
    const ports = [...policy.portLevelSettings.values()].map((each, index) => ({
      tls: each.tls,
      place: at(`${path}.portLevelSettings`, index),
    }));
    for (const { tls, place } of [{ tls: policy.tls, place: path }, ...ports]) {
      if (tls?.credentialName === undefined || tls.mode === 'DISABLE') continue;
      const field = `${place}.tls.credentialName`;
      found.push(referSecret([rule.meta.namespace], tls.credentialName, field, tls.mode === 'SIMPLE'));
    }
  }
  return found;
}

function ofRoute(route: HttpRoute | GrpcRoute): readonly Reference[] {
  const found: Reference[] = [];
  for (const [index, { group, kind, namespace, name, port }] of route.parentRefs.entries()) {
    const path = at('spec.parentRefs', index);
    const named = port === undefined ? undefined : { number: port, path: `${path}.port` };
    const key = `${namespace}/${name}`;
    if (group === '' && kind === 'Service') found.push(refer('Service', key, `${path}.name`, named));
    else if (group === 'gateway.networking.k8s.io' && kind === 'Gateway') {
      found.push(refer('KubernetesGateway', key, `${path}.name`));
    }
  }
  const backend = ({ group, kind, namespace, name, port }: BackendReference, path: string) => {
    if (group !== '' || kind !== 'Service') return;
    const named = port === undefined ? undefined : { number: port, path: `${path}.port` };
    found.push(refer('Service', `${namespace}/${name}`, `${path}.name`, named));
  };
  const filters = (list: readonly HttpRouteFilter[], path: string) => {
    for (const [index, filter] of list.entries()) {
      if (filter.type === 'RequestMirror') {
        backend(filter.requestMirror.backendRef, `${at(`${path}.filters`, index)}.requestMirror.backendRef`);
      }
    }
  };
  for (const [index, rule] of route.rules.entries()) {
    const path = at('spec.rules', index);
    filters(rule.filters, path);
    for (const [number, each] of rule.backendRefs.entries()) {
      const place = at(`${path}.backendRefs`, number);
      backend(each, place);
      filters(each.filters, place);
    }
  }
  return found;
}
