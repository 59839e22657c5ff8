import { pino } from 'pino';
import { parse } from 'yaml';
import { gatewayStatuses, routeStatuses } from '../../agent/compile/gateway-status.js';
import type { Problem } from '../../agent/model/problem.js';
import type { ApiObject } from '../../agent/status/api-object.js';
import { type StatusReporter, startStatus } from '../../agent/status/status.js';
import type { Statuses } from '../../agent/status/wanted.js';
import { World } from '../compile/gateway/world.js';
import { FakeApi, type FakeClient } from './fake-api.js';
import { Time } from './time.js';

const plurals: Readonly<Record<string, string>> = {
  GatewayClass: 'gatewayclasses',
  Gateway: 'gateways',
  HTTPRoute: 'httproutes',
  GRPCRoute: 'grpcroutes',
  VirtualService: 'virtualservices',
  DestinationRule: 'destinationrules',
};

type Manifest = ApiObject & { readonly apiVersion: string; readonly kind: string };

/** Where the API has an object. */
export function pathOf({ apiVersion, kind, metadata: { name, namespace } }: Manifest): string {
  const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `/apis/${apiVersion}${place}/${plurals[kind]}/${name}`;
}

const gatewayApi = 'apiVersion: gateway.networking.k8s.io/v1';

/** GatewayClass `weft`. */
export const gatewayClass: string = `
${gatewayApi}
kind: GatewayClass
metadata: {name: weft, generation: 1}
spec: {controllerName: weft.dev/gateway}
`;

/** Gateway `shop/gate` on port 80. */
export function gateway(generation = 1, port = 80): string {
  return `
${gatewayApi}
kind: Gateway
metadata: {name: gate, namespace: shop, generation: ${generation}}
spec: {gatewayClassName: weft, listeners: [{name: web, port: ${port}, protocol: HTTP}]}
`;
}

export const service: string = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}
`;

/** HTTPRoute in `shop` to Service `cart`. */
export function route(name: string, parents = '[{name: gate}]', generation = 1): string {
  return `
${gatewayApi}
kind: HTTPRoute
metadata: {name: ${name}, namespace: shop, generation: ${generation}}
spec: {parentRefs: ${parents}, rules: [{backendRefs: [{name: cart, port: 80}]}]}
`;
}

/** What the mesh says of manifests. */
export function statusesOf(manifests: readonly string[], troubles: ReadonlyMap<number, string> = new Map()): Statuses {
  const { catalog, compiler } = new World(manifests, { directoryMode: false });
  const routes = [...catalog.httpRoutes(), ...catalog.grpcRoutes()];
  return {
    gateways: gatewayStatuses(compiler.ingress, troubles),
    routes: routeStatuses(routes, compiler.ingress, compiler.rules),
    classes: [...catalog.gatewayClasses()],
  };
}

export function problem(more: Partial<Problem> = {}): Problem {
  return {
    ...{ code: 'WEFT0205', severity: 'error', file: 'https://api.test:6443', line: 0, column: 0 },
    ...{ resource: 'VirtualService shop/cart', path: 'spec.hosts', message: 'must be a list', fix: '' },
    ...more,
  };
}

/** A reporter over a fake API that has what the mesh has. */
export class Scene {
  readonly api: FakeApi = new FakeApi();
  readonly time: Time = new Time();
  statuses: Statuses | undefined;
  problems: readonly Problem[] = [];
  trouble = '';
  /** How often the trouble has changed. */
  tellings = 0;

  /** The mesh and the API have these. */
  apply(...manifests: readonly string[]): void {
    for (const manifest of manifests) this.store(manifest);
    this.statuses = statusesOf([service, ...manifests]);
  }

  /** The API alone has it; the status it had stays. */
  store(manifest: string): void {
    const object = parse(manifest) as Manifest;
    const status = this.api.objects.get(pathOf(object))?.status;
    this.api.put(pathOf(object), { ...object, ...(status === undefined ? {} : { status }) });
  }

  join(node: string): { readonly reporter: StatusReporter; readonly client: FakeClient } {
    const clock = this.time.clock();
    const client = this.api.client(node, clock);
    const reporter = startStatus({
      agents: () => 1,
      ...{ client, clock, node, namespace: 'weft', random: () => 0.5, log: pino({ enabled: false }) },
      statuses: () => this.statuses,
      problems: () => this.problems,
      onTrouble: (why) => {
        this.trouble = why;
        this.tellings++;
      },
    });
    return { reporter, client };
  }

  status(plural: string, name: string): Record<string, unknown> | undefined {
    const path = [...this.api.objects.keys()].find((each) => each.endsWith(`/${plural}/${name}`));
    return this.api.objects.get(path ?? '')?.status as Record<string, unknown> | undefined;
  }

  /** Of conditions, by entry of `status.parents` or of the object itself: `Type=Status Reason generation`. */
  shown(plural: string, name: string): readonly string[] {
    const { conditions, parents = [] } = this.status(plural, name) ?? {};
    const lists = [conditions ?? [], ...(parents as readonly { conditions: unknown }[]).map((each) => each.conditions)];
    return (lists as Record<string, string>[][])
      .flat()
      .map(({ type, status, reason, observedGeneration }) => `${type}=${status} ${reason} ${observedGeneration}`);
  }

  /** What was written, as `METHOD PATH` without the API's group. */
  written(): readonly string[] {
    return this.api.writes().map(({ method, path }) => `${method} ${path.split('/').slice(4).join('/')}`);
  }
}
