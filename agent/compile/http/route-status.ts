import type { KubernetesGateway } from '../../model/kubernetes-gateway.js';
import { keyOf } from '../../model/mesh.js';
import type { BackendReference, ParentReference } from '../../model/route.js';
import { attach, isParent, type Refusal } from './attachment.js';
import type { GatewayRoute } from './gateway-routes.js';
import { type HttpRules, isServiceParent, namesPort } from './rules.js';

/** A condition of the status of a Gateway API object. */
export interface Condition {
  readonly type: 'Accepted' | 'ResolvedRefs';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** An entry of `status.parents` of a route. */
export interface ParentStatus {
  readonly parent: ParentReference;
  readonly conditions: readonly [accepted: Condition, resolvedRefs: Condition];
}

/** The status of a route for those of its parents that are a Service or one of `gateways` (those of this controller). */
export function routeStatus(
  route: GatewayRoute,
  gateways: readonly KubernetesGateway[],
  rules: HttpRules,
): readonly ParentStatus[] {
  const resolved = resolvedRefs(route, rules);
  return route.parentRefs.flatMap((parent) => {
    const accepted = isServiceParent(parent)
      ? serviceAccepted(parent, rules)
      : gatewayAccepted(route, parent, gateways, rules);
    return accepted === undefined ? [] : [{ parent, conditions: [accepted, resolved] as const }];
  });
}

function accepted(refused: Refusal | undefined, message: string): Condition {
  return {
    type: 'Accepted',
    status: refused === undefined ? 'True' : 'False',
    reason: refused ?? 'Accepted',
    message,
  };
}

function serviceAccepted(parent: ParentReference, rules: HttpRules): Condition {
  const key = `${parent.namespace}/${parent.name}`;
  const service = rules.input.service(key);
  if (service === undefined) return accepted('NoMatchingParent', `there is no Service ${key}`);
  if (service.ports.some((port) => namesPort(parent, port))) return accepted(undefined, `bound to Service ${key}`);
  return accepted('NoMatchingParent', `Service ${key} has no such TCP port`);
}

const refusals: readonly (readonly [Refusal, string])[] = [
  ['NoMatchingListenerHostname', 'no listener has one of its hostnames'],
  ['NotAllowedByListeners', 'no listener allows routes of its kind and namespace'],
  ['NoMatchingParent', 'the Gateway has no such listener'],
];

function gatewayAccepted(
  route: GatewayRoute,
  parent: ParentReference,
  gateways: readonly KubernetesGateway[],
  rules: HttpRules,
): Condition | undefined {
  const gateway = gateways.find((each) => isParent(parent, each));
  if (gateway === undefined) return undefined;
  const attachments = gateway.listeners.map((listener) => attach(route, parent, gateway, listener, rules.input));
  if (attachments.some((each) => 'hosts' in each)) return accepted(undefined, `attached to Gateway ${keyOf(gateway)}`);
  const refused = new Set(attachments.flatMap((each) => ('refused' in each ? [each.refused] : [])));
  const [reason, message] = refusals.find(([each]) => refused.has(each)) ?? refusals.at(-1)!;
  return accepted(reason, message);
}

function resolvedRefs(route: GatewayRoute, rules: HttpRules): Condition {
  for (const reference of referencesOf(route)) {
    const backend = rules.hosts.backend(reference, route.kind, route.meta.namespace);
    if ('cluster' in backend) continue;
    return { type: 'ResolvedRefs', status: 'False', reason: backend.reason, message: backend.message };
  }
  return { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'every reference is resolved' };
}

function referencesOf(route: GatewayRoute): readonly BackendReference[] {
  return route.rules.flatMap(({ backendRefs, filters }) => {
    const all = [...filters, ...backendRefs.flatMap((each) => each.filters)];
    const mirrors = all.flatMap((filter) => (filter.type === 'RequestMirror' ? [filter.requestMirror.backendRef] : []));
    return [...backendRefs, ...mirrors];
  });
}
