import type { GatewayListener, KubernetesGateway, LabelSelector } from '../../model/kubernetes-gateway.js';
import { keyOf } from '../../model/mesh.js';
import type { ParentReference } from '../../model/route.js';
import type { GatewayRoute } from './gateway-routes.js';
import { intersection } from './ingress-hosts.js';
import type { HttpInput } from './input.js';

const group = 'gateway.networking.k8s.io';

/** Reasons of a route's condition Accepted (Gateway API, RouteConditionReason). */
export type Refusal = 'NoMatchingParent' | 'NotAllowedByListeners' | 'NoMatchingListenerHostname';

/** The hosts that a route has on a listener (`*` for any), or why it is not taken there. */
export type Attachment = { readonly hosts: readonly string[] } | { readonly refused: Refusal };

/** Whether a parentRef of a route attaches it to a listener. */
export function attach(
  route: GatewayRoute,
  parent: ParentReference,
  gateway: KubernetesGateway,
  listener: GatewayListener,
  input: HttpInput,
): Attachment {
  if (!isParent(parent, gateway) || !namesListener(parent, listener)) return { refused: 'NoMatchingParent' };
  if (!allowsKind(listener, route.kind) || !allowsNamespace(listener, gateway, route.meta.namespace, input)) {
    return { refused: 'NotAllowedByListeners' };
  }
  const own = listener.hostname?.toLowerCase() ?? '*';
  const wanted = route.hostnames.length === 0 ? ['*'] : route.hostnames.map((host) => host.toLowerCase());
  const hosts = wanted.map((host) => intersection(host, own)).filter((host) => host !== undefined);
  return hosts.length === 0 ? { refused: 'NoMatchingListenerHostname' } : { hosts: [...new Set(hosts)] };
}

export function isParent(parent: ParentReference, gateway: KubernetesGateway): boolean {
  return parent.group === group && parent.kind === 'Gateway' && `${parent.namespace}/${parent.name}` === keyOf(gateway);
}

function namesListener({ sectionName, port }: ParentReference, listener: GatewayListener): boolean {
  return (sectionName === undefined || sectionName === listener.name) && (port === undefined || port === listener.port);
}

/** HTTP and HTTPS take both kinds where `kinds` says nothing; TLS and TCP none of them. */
function allowsKind({ protocol, allowedRoutes: { kinds } }: GatewayListener, kind: string): boolean {
  if (protocol !== 'HTTP' && protocol !== 'HTTPS') return false;
  return kinds.length === 0 || kinds.some((each) => each.kind === kind && each.group === group);
}

function allowsNamespace(
  { allowedRoutes: { namespaces } }: GatewayListener,
  gateway: KubernetesGateway,
  namespace: string,
  input: HttpInput,
): boolean {
  switch (namespaces.from) {
    case 'All':
      return true;
    case 'None':
      return false;
    case 'Same':
      return namespace === gateway.meta.namespace;
    case 'Selector': {
      const labels = { 'kubernetes.io/metadata.name': namespace, ...input.namespace(namespace)?.meta.labels };
      return selects(namespaces.selector, labels);
    }
  }
}

/** meta/v1 LabelSelector; an empty one selects everything. */
function selects({ matchLabels, matchExpressions }: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const read = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  return (
    Object.entries(matchLabels).every(([key, value]) => read(key) === value) &&
    matchExpressions.every((expression) => meets(read(expression.key), expression))
  );
}

function meets(value: string | undefined, { operator, values }: LabelSelector['matchExpressions'][number]): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
