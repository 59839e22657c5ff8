import { grpcRouteRows } from './grpc-route-rows.js';
import { httpRouteRows } from './http-route-rows.js';
import { ingressRows } from './ingress-rows.js';
import { matchRows } from './match-rows.js';
import type { Row } from './row.js';
import { virtualServiceRows } from './virtual-service-rows.js';

/** Every field of the HTTP rules: where it applies, and where it must not. Names are unique. */
export const rows: readonly Row[] = [
  ...matchRows,
  ...virtualServiceRows,
  ...httpRouteRows,
  ...grpcRouteRows,
  ...ingressRows,
];
