import type { ConditionItem, Listing } from '../api/items.js';
import { gatewayStatuses, routeStatuses } from '../compile/gateway-status.js';
import { keyOf } from '../model/mesh.js';
import type { ParentReference } from '../model/route.js';
import type { ViewParts } from './parts.js';

type Condition = Pick<ConditionItem, 'type' | 'status' | 'reason' | 'message'>;

/** Conditions of Gateways and of their listeners, then of routes by parent; each in the order of their names. */
export function listConditions(parts: ViewParts): Listing<ConditionItem> {
  const { catalog, compiler, ingressTroubles, sync } = parts;
  const items: ConditionItem[] = [];
  const add = (resource: string, part: string, conditions: readonly Condition[]): void => {
    for (const { type, status, reason, message } of conditions)
      items.push({ resource, part, type, status, reason, message });
  };
  for (const { gateway, conditions, listeners } of gatewayStatuses(compiler.ingress, ingressTroubles())) {
    const resource = `Gateway ${keyOf(gateway)}`;
    add(resource, '', conditions);
    for (const { name, path, port, conditions: own } of listeners)
      add(resource, `${path}${name === '' ? '' : ` (${name})`} port ${port}`, own);
  }
  const routes = [...catalog.httpRoutes(), ...catalog.grpcRoutes()];
  for (const { route, parents } of routeStatuses(routes, compiler.ingress, compiler.rules)) {
    const resource = `${route.kind} ${keyOf(route)}`;
    for (const { parent, conditions } of parents) add(resource, parentText(parent), conditions);
  }
  return { generation: sync.generation, items: items.sort(compare) };
}

function parentText({ kind, namespace, name, sectionName, port }: ParentReference): string {
  const section = sectionName === undefined || sectionName === '' ? '' : ` ${sectionName}`;
  return `${kind} ${namespace}/${name}${section}${port === undefined ? '' : ` port ${port}`}`;
}

function compare(a: ConditionItem, b: ConditionItem): number {
  if (a.resource !== b.resource) return a.resource < b.resource ? -1 : 1;
  return a.part === b.part ? 0 : a.part < b.part ? -1 : 1;
}
