import { familyOfAddress } from '../model/address.js';
import { connectionPolicy } from '../model/connection-policy.js';
import {
  type DestinationRule,
  type Family,
  keyOf,
  type LoadBalancer,
  type Protocol,
  type Service,
  type ServicePort,
} from '../model/mesh.js';
import { type EndpointSource, endpointSource } from './candidates.js';
import { endpointsOf } from './endpoints.js';
import type { CompileContext, CompileInput } from './input.js';
import { tableSizeFor } from './maglev.js';
import type { FrontendPlan, GatewayUse, PlanBackend } from './plan.js';

const families: readonly Family[] = [4, 6];

const balancingAnnotation = 'weft.dev/balancing';
const removalAnnotation = 'weft.dev/on-removal';

/** What the annotation's values mean on connections; ADAPTIVE has no table here and is LEAST_REQUEST. */
const balancings: ReadonlyMap<string, LoadBalancer> = new Map([
  ['adaptive', 'LEAST_REQUEST'],
  ['least-request', 'LEAST_REQUEST'],
  ['round-robin', 'ROUND_ROBIN'],
  ['random', 'RANDOM'],
]);

interface Decision {
  readonly policy: LoadBalancer;
  readonly policySource: string;
  readonly maxConnections: number;
  readonly tableSize: number | undefined;
}

/** What a plan's endpoints are found in. */
interface Subject {
  readonly source: EndpointSource;
  readonly port: ServicePort;
  readonly input: CompileInput;
  readonly context: CompileContext;
}

/**
 * Keeps what was decided and where the endpoints are found, but not the endpoints, which would be the largest part of a mesh in memory: they are
 * computed at each reading, from the slices or Pods that were there when the plan was made.
 */
class CompiledPlan implements FrontendPlan {
  readonly key: string;
  readonly service: string;
  readonly port: number;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: Family;
  readonly addresses: readonly string[];
  readonly policy: LoadBalancer;
  readonly policySource: string;
  readonly affinitySeconds: number;
  readonly maxConnections: number;
  readonly tableSize: number;
  readonly onRemoval: 'drain' | 'reset';
  readonly gateway: GatewayUse;
  readonly #subject: Subject;

  constructor(service: string, family: Family, addresses: readonly string[], decision: Decision, subject: Subject) {
    const { source, port, context } = subject;
    this.#subject = subject;
    // A template would keep its parts, in six objects.
    this.key = [service, ':', port.port, '/', port.protocol, '/', family].join('');
    this.service = service;
    this.port = port.port;
    this.portName = port.name;
    this.protocol = port.protocol;
    this.family = family;
    this.addresses = addresses;
    this.policy = decision.policy;
    this.policySource = decision.policySource;
    this.affinitySeconds = source.service.affinitySeconds;
    this.maxConnections = decision.maxConnections;
    this.tableSize = decision.policy === 'SOURCE_IP' ? (decision.tableSize ?? tableSizeFor(this.backends.length)) : 0;
    this.onRemoval = source.service.meta.annotations[removalAnnotation] === 'reset' ? 'reset' : 'drain';
    this.gateway = port.protocol === 'TCP' ? (context.gatewayOf?.(service, port.port) ?? 'none') : 'none';
  }

  get backends(): readonly PlanBackend[] {
    const { source, port, input, context } = this.#subject;
    return endpointsOf(source, port, this.family, input, context);
  }
}

/**
 * One plan for each port and address family of the Service `key`, in the order of its ports, IPv4 first. None for
 * a Service that is unknown, headless, ExternalName or without addresses. A family's backends are of that family.
 */
export function compileService(key: string, input: CompileInput, context: CompileContext): readonly FrontendPlan[] {
  const service = input.service(key);
  if (service === undefined || service.headless || service.type === 'ExternalName') return [];
  const rule = input.ruleFor(key);
  const source = endpointSource(service, input);
  const plans: FrontendPlan[] = [];
  for (const port of service.ports) {
    const decision = decide(service, rule, port.port);
    for (const family of families) {
      const addresses = service.addresses.filter((each) => familyOfAddress(each) === family);
      if (addresses.length === 0) continue;
      const own = addresses.length === service.addresses.length ? service.addresses : addresses;
      plans.push(new CompiledPlan(key, family, own, decision, { source, port, input, context }));
    }
  }
  return plans;
}

/** A ServiceEntry without resolution leaves connections as they are. Else the DestinationRule decides, its portLevelSettings instead of its general policy; then the annotation. */
function decide(service: Service, rule: DestinationRule | undefined, port: number): Decision {
  if (service.entry?.resolution === 'NONE') {
    const policySource = `ServiceEntry ${service.entry.key}`;
    return { policy: 'PASSTHROUGH', policySource, maxConnections: 0, tableSize: undefined };
  }
  const traffic = rule && connectionPolicy(rule, port);
  const maxConnections = traffic?.maxConnections ?? 0;
  const tableSize = traffic?.tableSize;
  if (rule !== undefined && traffic?.loadBalancer !== undefined) {
    return {
      policy: traffic.loadBalancer,
      policySource: `DestinationRule ${keyOf(rule)}`,
      maxConnections,
      tableSize,
    };
  }
  const annotated = balancings.get(service.meta.annotations[balancingAnnotation] ?? '');
  return {
    policy: annotated ?? 'LEAST_REQUEST',
    policySource: annotated === undefined ? 'default' : `annotation ${balancingAnnotation}`,
    maxConnections,
    tableSize,
  };
}
