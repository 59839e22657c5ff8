import type { BackendItem, Listing, RouteItem, ServiceItem, ServicePortItem } from '../api/items.js';
import type { FrontendPlan } from '../compile/plan.js';
import type { Snapshot } from '../compile/snapshot.js';
import { frontendKey } from '../kernel/frontends.js';
import type { Programmed } from '../kernel/reconcile.js';
import type { Store } from '../kernel/store.js';
import { keyOf, type Service, type ServicePort } from '../model/mesh.js';
import { viewOf } from '../tables/bytes.js';
import { Protocol, readFrontendRow } from '../tables/layout.gen.js';
import type { ViewParts } from './parts.js';
import { Counts, type PortPlans, programmedPorts, samePort } from './programmed.js';
import { ingressRoutes, policyOf, resourcesOf, rulesOfTarget } from './route-rules.js';

/** Items made from `values` one at a time, as they are asked for. */
function lazily<Value, Item>(values: readonly Value[], items: (value: Value) => Iterable<Item>): Iterable<Item> {
  return {
    *[Symbol.iterator](): Generator<Item> {
      for (const value of values) yield* items(value);
    },
  };
}

function both<Item>(first: Iterable<Item>, second: Iterable<Item>): Iterable<Item> {
  return {
    *[Symbol.iterator](): Generator<Item> {
      yield* first;
      yield* second;
    },
  };
}

/** By NS/NAME; ports as the Service lists them. */
export function listServices({ catalog, reconciler, overrides, store, sync }: ViewParts): Listing<ServiceItem> {
  const counts = new Counts(store, reconciler);
  const unfit = new Map<string, FrontendPlan[]>();
  for (const { plan } of reconciler.unfit()) unfit.set(plan.service, [...(unfit.get(plan.service) ?? []), plan]);
  const { weights } = overrides.current;
  const services = [...catalog.services()].map((service) => {
    const key = keyOf(service);
    return { key, service, plans: reconciler.plansOf(key), unfit: unfit.get(key) ?? [], weights: weights.get(key) };
  });
  services.sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    generation: sync.generation,
    items: lazily(services, ({ key, service, plans, unfit, weights }) => [
      {
        service: key,
        namespace: service.meta.namespace,
        name: service.meta.name,
        addresses: service.addresses,
        ports: service.ports.map((port) => portItem(service, port, plans, unfit, counts)),
        weights: Object.fromEntries([...(weights ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))),
        file: service.meta.origin.file,
      },
    ]),
  };
}

/** A port without a plan in the tables is left alone: its backends are listed, but not used. */
function portItem(
  service: Service,
  port: ServicePort,
  plans: readonly Programmed[],
  unfit: readonly FrontendPlan[],
  counts: Counts,
): ServicePortItem {
  const isOfPort = (plan: FrontendPlan): boolean => plan.port === port.port && plan.protocol === port.protocol;
  const own = plans.filter(({ plan }) => isOfPort(plan));
  const left = own.length > 0 ? [] : unfit.filter(isOfPort);
  const plan = own[0]?.plan ?? left[0];
  return {
    name: port.name,
    port: port.port,
    protocol: port.protocol,
    policy: plan?.policy ?? 'PASSTHROUGH',
    policySource: plan?.policySource ?? 'default',
    backends:
      own.reduce((sum, { ids }) => sum + ids.length, 0) + left.reduce((sum, each) => sum + each.backends.length, 0),
    usable: own.reduce((sum, { slots }) => sum + slots.size, 0),
    inflight: own.reduce((sum, each) => sum + counts.serviceInflight(each.service), 0),
    maxConnections: plan?.maxConnections ?? 0,
    affinitySeconds: service.affinitySeconds,
  };
}

/** Every endpoint in the tables, by service, port, protocol, backend, address. */
export function listBackends({ reconciler, store, sync }: ViewParts): Listing<BackendItem> {
  const counts = new Counts(store, reconciler);
  return {
    generation: sync.generation,
    items: lazily(programmedPorts(reconciler), (plans) => plans.flatMap((each) => itemsOf(each, counts)).sort(byName)),
  };
}

function itemsOf({ plan, ids }: Programmed, counts: Counts): readonly BackendItem[] {
  const { backends } = plan;
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  return backends.map(({ name, address, port, node, zone, state, weight }, index) => ({
    service: plan.service,
    servicePort: plan.port,
    protocol: plan.protocol,
    backend: name,
    address,
    port,
    node,
    zone,
    state,
    weight,
    probability: total === 0 ? 0 : weight / total,
    ...counts.backend(ids[index]!),
  }));
}

function byName(a: BackendItem, b: BackendItem): number {
  if (a.backend !== b.backend) return a.backend < b.backend ? -1 : 1;
  return a.address === b.address ? a.port - b.port : a.address < b.address ? -1 : 1;
}

/** Ports for outside traffic, then every Service address and port in the tables, by service, port, protocol; addresses as the Service lists them. */
export function listRoutes({ reconciler, store, supervisor, sync }: ViewParts): Listing<RouteItem> {
  const { snapshot } = supervisor;
  const ports = programmedPorts(reconciler);
  const owners = contested(ports, store);
  const owns = ({ plan, service }: Programmed, address: string): boolean => {
    const owner = owners.size === 0 ? undefined : owners.get(claimOf(plan, address));
    return owner === undefined || owner === service;
  };
  return {
    generation: sync.generation,
    items: both(
      ingressRoutes(snapshot),
      lazily(ports, (plans) =>
        plans.flatMap((each) =>
          each.plan.addresses
            .filter((address) => owns(each, address))
            .map((address) => routeItem(each, address, snapshot)),
        ),
      ),
    ),
  };
}

function routeItem({ plan, ids, slots }: Programmed, address: string, snapshot: Snapshot): RouteItem {
  const target = plan.gateway === 'none' ? undefined : snapshot.targets[plan.key];
  return {
    address,
    port: plan.port,
    protocol: plan.protocol,
    service: plan.service,
    path: target === undefined ? 'l4' : 'gateway',
    rule: target === undefined ? plan.policySource : resourcesOf(target.http) || plan.policySource,
    policy: target === undefined ? plan.policy : policyOf(snapshot, target),
    backends: ids.length,
    usable: slots.size,
    hosts: [],
    rules: target === undefined ? [] : rulesOfTarget(target),
  };
}

/** Addresses and ports that several Services claim, with the id of the one whose row is in the table. */
function contested(ports: readonly PortPlans[], store: Store): ReadonlyMap<string, number> {
  const first = new Map<string, FrontendPlan>();
  const owners = new Map<string, number>();
  for (const { plan } of ports.flat()) {
    for (const address of plan.addresses) {
      const claim = claimOf(plan, address);
      const other = first.get(claim);
      if (other === undefined) first.set(claim, plan);
      else if (!samePort(other, plan)) owners.set(claim, ownerOf(plan, address, store));
    }
  }
  return owners;
}

function ownerOf({ port, protocol }: FrontendPlan, address: string, store: Store): number {
  const row = store.lookup('frontends', frontendKey({ address, port, protocol: Protocol[protocol] }));
  return row === undefined ? 0 : readFrontendRow(viewOf(row), 0).service;
}

function claimOf(plan: FrontendPlan, address: string): string {
  return `${address} ${plan.port} ${plan.protocol}`;
}
