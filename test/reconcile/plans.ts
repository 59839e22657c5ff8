import fc from 'fast-check';
import type { FrontendPlan, PlanBackend } from '../../agent/compile/plan.js';
import type { Family, LoadBalancer } from '../../agent/model/mesh.js';

export interface PlanSketch {
  readonly port?: number;
  readonly protocol?: 'TCP' | 'UDP';
  readonly family?: Family;
  readonly addresses: readonly string[];
  readonly policy?: LoadBalancer;
  readonly maxConnections?: number;
  readonly tableSize?: number;
  readonly onRemoval?: 'drain' | 'reset';
  /** `ADDRESS` or `ADDRESS:PORT` (IPv4; port 8080 when absent) to weight. */
  readonly backends: Readonly<Record<string, number>>;
}

function backendOf(endpoint: string, weight: number): PlanBackend {
  const [address, port] = endpoint.split(':');
  const state = weight > 0 ? 'ready' : 'unready';
  return { name: endpoint, address: address!, port: Number(port ?? 8080), node: '', zone: '', state, weight };
}

/** A plan as the compiler makes it. */
export function makePlan(service: string, sketch: PlanSketch): FrontendPlan {
  const { port = 80, protocol = 'TCP', family = 4, policy = 'LEAST_REQUEST' } = sketch;
  return {
    key: `${service}:${port}/${protocol}/${family}`,
    service,
    port,
    portName: '',
    protocol,
    family,
    addresses: sketch.addresses,
    policy,
    policySource: 'default',
    affinitySeconds: 0,
    maxConnections: sketch.maxConnections ?? 0,
    tableSize: policy === 'SOURCE_IP' ? (sketch.tableSize ?? 31) : 0,
    onRemoval: sketch.onRemoval ?? 'drain',
    gateway: 'none',
    backends: Object.entries(sketch.backends).map(([endpoint, weight]) => backendOf(endpoint, weight)),
  };
}

/** A service of one port. */
export function change(
  service: string,
  ...sketches: readonly PlanSketch[]
): ReadonlyMap<string, readonly FrontendPlan[]> {
  return new Map([[service, sketches.map((sketch) => makePlan(service, sketch))]]);
}

export type Change = ReadonlyMap<string, readonly FrontendPlan[]>;

const services = ['a/one', 'a/two', 'b/one', 'c/one'];
const endpoints = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.1:9090', '10.0.0.5', '10.0.0.6', '10.0.0.7'];
const policies = ['LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM', 'SOURCE_IP', 'PASSTHROUGH'] as const;

const backendsArbitrary = fc
  .uniqueArray(fc.constantFrom(...endpoints), { maxLength: 5 })
  .chain((chosen) =>
    fc.tuple(...chosen.map((endpoint) => fc.tuple(fc.constant(endpoint), fc.integer({ min: 0, max: 4 })))),
  )
  .map((pairs) => Object.fromEntries(pairs));

function sketchArbitrary(addresses: readonly string[]): fc.Arbitrary<PlanSketch> {
  return fc.record({
    port: fc.constantFrom(80, 81),
    protocol: fc.constantFrom('TCP', 'UDP'),
    addresses: fc.uniqueArray(fc.constantFrom(...addresses), { minLength: 1, maxLength: 3 }),
    policy: fc.constantFrom(...policies),
    maxConnections: fc.constantFrom(0, 7),
    backends: backendsArbitrary,
  });
}

const shared = ['10.96.0.1', '10.96.0.2', '10.96.0.3'];

/** New plans of one to three Services. With `contested`, several Services may claim one address and port. */
export function changeArbitrary(contested: boolean): fc.Arbitrary<Change> {
  const serviceArbitrary = fc.constantFrom(...services).chain((service) => {
    const own = contested
      ? shared
      : shared.map((address) => address.replace('96', `${100 + services.indexOf(service)}`));
    return fc
      .uniqueArray(sketchArbitrary(own), { maxLength: 2, selector: ({ port, protocol }) => `${port} ${protocol}` })
      .map((sketches) => [service, sketches.map((sketch) => makePlan(service, sketch))] as const);
  });
  return fc
    .uniqueArray(serviceArbitrary, { minLength: 1, maxLength: 3, selector: ([service]) => service })
    .map((pairs) => new Map(pairs));
}
