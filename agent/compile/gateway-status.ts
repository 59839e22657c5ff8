import type { GatewayListener, KubernetesGateway } from '../model/kubernetes-gateway.js';
import { keyOf } from '../model/mesh.js';
import type { GatewayRoute } from './http/gateway-routes.js';
import { type ParentStatus, routeStatus } from './http/route-status.js';
import type { HttpRules } from './http/rules.js';
import type { GatewayObject, Ingress, Outcome, Place } from './ingress.js';

/** A condition of the status of a Gateway or of one of its listeners (Gateway API, GatewayConditionType and ListenerConditionType). */
export interface GatewayCondition {
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'Conflicted';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Of a Gateway of either API. */
export interface GatewayStatus {
  readonly gateway: GatewayObject;
  readonly conditions: readonly [accepted: GatewayCondition, programmed: GatewayCondition];
  readonly listeners: readonly ListenerStatus[];
}

export interface ListenerStatus {
  /** Of an Istio server that has none: empty. */
  readonly name: string;
  /** As `spec.listeners[0]`. */
  readonly path: string;
  readonly port: number;
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  /** Accepted, ResolvedRefs, Programmed, Conflicted. */
  readonly conditions: readonly GatewayCondition[];
}

/** Of an HTTPRoute or GRPCRoute. */
export interface RouteStatus {
  readonly route: GatewayRoute;
  /** Those that are this controller's. */
  readonly parents: readonly ParentStatus[];
}

const group = 'gateway.networking.k8s.io';
const kinds: readonly string[] = ['HTTPRoute', 'GRPCRoute'];

/** The status of every Gateway that is this node's. `troubles`: ports that cannot be listened on, with the end of a sentence that says why. */
export function gatewayStatuses(
  ingress: Pick<Ingress, 'places'>,
  troubles: ReadonlyMap<number, string>,
): readonly GatewayStatus[] {
  const byGateway = new Map<GatewayObject, Place[]>();
  for (const place of ingress.places) {
    const known = byGateway.get(place.gateway);
    if (known === undefined) byGateway.set(place.gateway, [place]);
    else known.push(place);
  }
  return [...byGateway].map(([gateway, places]) => statusOf(gateway, places, troubles));
}

/** The status of every route; one that has none of these Gateways, nor a Service, as a parent has no `parents`. */
export function routeStatuses(
  routes: Iterable<GatewayRoute>,
  ingress: Pick<Ingress, 'places'>,
  rules: HttpRules,
): readonly RouteStatus[] {
  const gateways = new Map<string, KubernetesGateway>();
  for (const { gateway } of ingress.places)
    if (gateway.kind === 'KubernetesGateway') gateways.set(keyOf(gateway), gateway);
  const own = [...gateways.values()];
  return Array.from(routes, (route) => ({ route, parents: routeStatus(route, own, rules) }));
}

/** Accepted as a whole while one listener is valid; programmed when one serves and no port was taken by somebody else. */
function statusOf(
  gateway: GatewayObject,
  places: readonly Place[],
  troubles: ReadonlyMap<number, string>,
): GatewayStatus {
  const listeners = places.map((place) => listenerStatus(place, troubles));
  const valid = places.filter(({ outcome }) => outcome.type === 'served');
  const taken = valid.find(({ port }) => troubles.has(port));
  const invalid = places.length - valid.length;
  const acceptance =
    invalid === 0
      ? condition('Accepted', true, 'Accepted', 'every listener is valid')
      : condition(
          'Accepted',
          valid.length > 0,
          'ListenersNotValid',
          `${invalid} of ${places.length} listeners not valid`,
        );
  const programmed =
    taken !== undefined
      ? condition('Programmed', false, 'Invalid', `port ${taken.port}: ${troubles.get(taken.port)}`)
      : valid.length === 0
        ? condition('Programmed', false, 'Invalid', 'no listener is valid')
        : condition('Programmed', true, 'Programmed', 'its ports are listened on');
  return { gateway, conditions: [acceptance, programmed], listeners };
}

function listenerStatus(place: Place, troubles: ReadonlyMap<number, string>): ListenerStatus {
  const { gateway, path, name, port, outcome, attached } = place;
  const listener =
    gateway.kind === 'KubernetesGateway' ? gateway.listeners.find((each) => each.name === name) : undefined;
  const supportedKinds = listener === undefined ? [] : supportedOf(listener);
  const trouble = outcome.type === 'served' ? troubles.get(port) : undefined;
  return {
    name,
    path,
    port,
    attachedRoutes: attached,
    supportedKinds,
    conditions: [
      acceptedOf(outcome, trouble),
      resolvedOf(outcome, listener, supportedKinds.length),
      programmedOf(outcome, trouble),
      conflictedOf(outcome),
    ],
  };
}

function supportedOf({ protocol, allowedRoutes }: GatewayListener): ListenerStatus['supportedKinds'] {
  if (protocol !== 'HTTP' && protocol !== 'HTTPS') return [];
  const asked = allowedRoutes.kinds.length === 0 ? kinds.map((kind) => ({ group, kind })) : allowedRoutes.kinds;
  return asked.filter((each) => each.group === group && kinds.includes(each.kind));
}

function acceptedOf(outcome: Outcome, trouble: string | undefined): GatewayCondition {
  if (outcome.type === 'unsupported') return condition('Accepted', false, 'UnsupportedProtocol', outcome.message);
  if (trouble !== undefined) return condition('Accepted', false, 'PortUnavailable', trouble);
  return outcome.type === 'conflict' && outcome.over === 'address'
    ? condition('Accepted', false, 'PortUnavailable', outcome.message)
    : condition('Accepted', true, 'Accepted', 'the listener is valid');
}

function resolvedOf(outcome: Outcome, listener: GatewayListener | undefined, supported: number): GatewayCondition {
  if (outcome.type === 'unresolved') return condition('ResolvedRefs', false, outcome.reason, outcome.message);
  const unknown = (listener?.allowedRoutes.kinds.length ?? 0) > supported;
  return unknown
    ? condition('ResolvedRefs', false, 'InvalidRouteKinds', 'allowedRoutes names a kind that is not supported')
    : condition('ResolvedRefs', true, 'ResolvedRefs', 'every reference is resolved');
}

function programmedOf(outcome: Outcome, trouble: string | undefined): GatewayCondition {
  if (outcome.type !== 'served') return condition('Programmed', false, 'Invalid', outcome.message);
  return trouble === undefined
    ? condition('Programmed', true, 'Programmed', 'the port is listened on')
    : condition('Programmed', false, 'Invalid', trouble);
}

function conflictedOf(outcome: Outcome): GatewayCondition {
  if (outcome.type !== 'conflict') return condition('Conflicted', false, 'NoConflicts', 'nobody else wants this');
  const reason = outcome.over === 'hostname' ? 'HostnameConflict' : 'ProtocolConflict';
  return condition(
    'Conflicted',
    outcome.over !== 'address',
    outcome.over === 'address' ? 'NoConflicts' : reason,
    outcome.message,
  );
}

function condition(type: GatewayCondition['type'], isTrue: boolean, reason: string, message: string): GatewayCondition {
  return { type, status: isTrue ? 'True' : 'False', reason, message };
}
