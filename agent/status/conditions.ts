import type { GatewayCondition, GatewayStatus, ListenerStatus } from '../compile/gateway-status.js';
import type { ParentStatus } from '../compile/http/route-status.js';
import { controllerName } from '../model/gateway-scope.js';
import type { ParentReference } from '../model/route.js';
import { type ApiCondition, type ApiObject, timeText } from './api-object.js';

/**
 * The `status` of objects of the Gateway API, as their types of apis/v1 have it. Each function returns the whole of the new status: what other controllers
 * say in it, and fields and types of conditions that are not ours, stay as they are and where they are.
 */

/** What is said of an object: of which generation of it, and when, as wall time in ms. */
export interface Saying {
  readonly generation: number;
  readonly now: number;
}

type Status = Readonly<Record<string, unknown>>;
type Wanted = Pick<GatewayCondition, 'status' | 'reason' | 'message'> & { readonly type: string };

/** Of meta/v1 Condition's message, in characters. */
const longestMessage = 32_768;
/** Entries of `status.parents` that the API takes. */
const mostParents = 32;

/** GatewayStatus; `addresses` are left as they are. */
export function gatewayStatus(object: ApiObject, wanted: GatewayStatus, saying: Saying): Status {
  const before = new Map(entriesOf(object.status, 'listeners').map((each) => [each.name, each]));
  return {
    ...object.status,
    conditions: merged(conditionsOf(object.status), wanted.conditions, saying),
    listeners: wanted.listeners.map((listener) => listenerEntry(before.get(listener.name), listener, saying)),
  };
}

function listenerEntry(before: Status | undefined, listener: ListenerStatus, saying: Saying): Status {
  const { name, supportedKinds, attachedRoutes, conditions } = listener;
  return {
    ...before,
    name,
    supportedKinds: supportedKinds.map(({ group, kind }) => ({ group, kind })),
    attachedRoutes,
    conditions: merged(conditionsOf(before), conditions, saying),
  };
}

/** RouteStatus: an entry for each of `wanted`; entries of ours for other parents go. */
export function routeStatus(object: ApiObject, wanted: readonly ParentStatus[], saying: Saying): Status {
  const namespace = object.metadata.namespace ?? '';
  const left = new Map(wanted.map((each) => [parentKey(each.parent), each]));
  const written = new Map(entriesOf(object.spec, 'parentRefs').map((raw) => [rawParentKey(raw, namespace), raw]));
  const entry = (before: Status | undefined, { parent, conditions }: ParentStatus): Status => ({
    ...before,
    parentRef: written.get(parentKey(parent)) ?? plainParent(parent),
    controllerName,
    conditions: merged(conditionsOf(before), conditions, saying),
  });
  const kept = entriesOf(object.status, 'parents').flatMap((each) => {
    if (each.controllerName !== controllerName) return [each];
    const key = rawParentKey((each.parentRef ?? {}) as Status, namespace);
    const parent = left.get(key);
    left.delete(key);
    return parent === undefined ? [] : [entry(each, parent)];
  });
  const added = [...left.values()].map((each) => entry(undefined, each));
  const parents = [...kept, ...added].slice(0, Math.max(mostParents, kept.length));
  return parents.length === 0 && object.status?.parents === undefined
    ? (object.status ?? {})
    : { ...object.status, parents };
}

/** GatewayClassStatus of a class of this controller. */
export function classStatus(object: ApiObject, saying: Saying): Status {
  const ignored = object.spec?.parametersRef === undefined ? '' : '; its parametersRef is not read';
  const accepted = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: `Weft serves its Gateways${ignored}`,
  };
  return { ...object.status, conditions: merged(conditionsOf(object.status), [accepted as Wanted], saying) };
}

/** Those of `before` in their order, each of the same type replaced, then new ones; lastTransitionTime is that of the last change of `status`. */
function merged(
  before: readonly ApiCondition[],
  wanted: readonly Wanted[],
  { generation, now }: Saying,
): readonly ApiCondition[] {
  const left = new Map(wanted.map((each) => [each.type, each]));
  const condition = ({ type, status, reason, message }: Wanted, old: ApiCondition | undefined): ApiCondition => ({
    type,
    status,
    observedGeneration: generation,
    lastTransitionTime: old?.status === status ? old.lastTransitionTime : timeText(now),
    reason,
    message: message.slice(0, longestMessage),
  });
  const kept = before.map((old) => {
    const own = left.get(old.type);
    left.delete(old.type);
    return own === undefined ? old : condition(own, old);
  });
  return [...kept, ...[...left.values()].map((each) => condition(each, undefined))];
}

function conditionsOf(status: Status | undefined): readonly ApiCondition[] {
  return entriesOf(status, 'conditions') as unknown as readonly ApiCondition[];
}

function entriesOf(holder: Status | undefined, field: string): readonly Status[] {
  const value = holder?.[field];
  return Array.isArray(value) ? (value as readonly Status[]) : [];
}

function parentKey({ group, kind, namespace, name, sectionName, port }: ParentReference): string {
  return JSON.stringify([group, kind, namespace, name, sectionName ?? '', port ?? 0]);
}

/** With the API's defaults: `namespace` is the route's own. */
function rawParentKey(raw: Status, namespace: string): string {
  return JSON.stringify([
    raw.group ?? 'gateway.networking.k8s.io',
    raw.kind ?? 'Gateway',
    raw.namespace ?? namespace,
    raw.name ?? '',
    raw.sectionName ?? '',
    raw.port ?? 0,
  ]);
}

function plainParent({ group, kind, namespace, name, sectionName, port }: ParentReference): Status {
  return {
    group,
    kind,
    namespace,
    name,
    ...(sectionName === undefined ? {} : { sectionName }),
    ...(port === undefined ? {} : { port }),
  };
}
