import { createHash } from 'node:crypto';
import type { GatewayStatus, RouteStatus } from '../compile/gateway-status.js';
import { controllerName } from '../model/gateway-scope.js';
import type { GatewayClass } from '../model/kubernetes-gateway.js';
import type { Metadata } from '../model/mesh.js';
import { type ApiObject, timeText } from './api-object.js';
import { classStatus, gatewayStatus, routeStatus } from './conditions.js';
import type { StatusKind } from './resources.js';

/** What the mesh says of the objects that have a status. */
export interface Statuses {
  readonly gateways: readonly GatewayStatus[];
  /** Of every route that is known: those without parents of ours too, so that what an earlier generation had there goes. */
  readonly routes: readonly RouteStatus[];
  readonly classes: readonly GatewayClass[];
}

/** The status that one object of the API should have. */
export interface WantedStatus {
  /** `KIND NS/NAME`. */
  readonly key: string;
  readonly kind: StatusKind;
  readonly namespace: string;
  readonly name: string;
  /** Whether the object is, as it is now, what this was worked out from: the same one, of the same generation. */
  readonly isOf: (object: ApiObject) => boolean;
  /** The same for the same saying. */
  readonly digest: string;
  /** Nothing is said, except that what was is not true any more. */
  readonly isEmpty: boolean;
  /** The whole status for the object as it is; `now` is wall time in ms. */
  readonly statusFor: (object: ApiObject, now: number) => NonNullable<ApiObject['status']>;
}

/**
 * For the API's objects alone, which have a generation: not for those of a directory. Istio's Gateways have no such
 * conditions. Classes first, then Gateways, then routes, each as they came.
 */
export function wantedStatuses({ gateways, routes, classes }: Statuses): readonly WantedStatus[] {
  return [...classes.flatMap(ofClass), ...gateways.flatMap(ofGateway), ...routes.flatMap(ofRoute)];
}

function ofClass(object: GatewayClass): readonly WantedStatus[] {
  if (object.controllerName !== controllerName) return [];
  const { generation } = object.meta;
  return wanted('GatewayClass', object.meta, '', false, (raw, now) => classStatus(raw, { generation, now }));
}

function ofGateway(status: GatewayStatus): readonly WantedStatus[] {
  const { gateway, conditions, listeners } = status;
  if (gateway.kind !== 'KubernetesGateway') return [];
  const { generation } = gateway.meta;
  const said = JSON.stringify([conditions, listeners]);
  return wanted('Gateway', gateway.meta, said, false, (raw, now) => gatewayStatus(raw, status, { generation, now }));
}

function ofRoute({ route, parents }: RouteStatus): readonly WantedStatus[] {
  const { generation } = route.meta;
  const said = JSON.stringify(parents);
  const isEmpty = parents.length === 0;
  return wanted(route.kind, route.meta, said, isEmpty, (raw, now) => routeStatus(raw, parents, { generation, now }));
}

function wanted(
  kind: StatusKind,
  { created, generation, name, namespace }: Metadata,
  said: string,
  isEmpty: boolean,
  statusFor: WantedStatus['statusFor'],
): readonly WantedStatus[] {
  if (generation === 0) return [];
  const key = `${kind} ${namespace}/${name}`;
  const digest = `${created} ${generation} ${createHash('sha256').update(said).digest('base64').slice(0, 22)}`;
  const isOf = ({ metadata }: ApiObject) =>
    metadata.generation === generation && created === Date.parse(metadata.creationTimestamp ?? timeText(0));
  return [{ key, kind, namespace, name, isOf, digest, isEmpty, statusFor }];
}
