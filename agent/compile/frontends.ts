import { familyOfAddress } from '../model/address.js';
import { type DestinationRule, type Family, keyOf, type LoadBalancer, type Service } from '../model/mesh.js';
import { endpointSource } from './candidates.js';
import { endpointsOf } from './endpoints.js';
import type { CompileContext, CompileInput } from './input.js';
import { tableSizeFor } from './maglev.js';
import type { FrontendPlan } from './plan.js';

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
      const backends = endpointsOf(source, port, family, input, context);
      plans.push({
        key: `${key}:${port.port}/${port.protocol}/${family}`,
        service: key,
        port: port.port,
        portName: port.name,
        protocol: port.protocol,
        family,
        addresses,
        policy: decision.policy,
        policySource: decision.policySource,
        affinitySeconds: service.affinitySeconds,
        maxConnections: decision.maxConnections,
        tableSize: decision.policy === 'SOURCE_IP' ? (decision.tableSize ?? tableSizeFor(backends.length)) : 0,
        onRemoval: service.meta.annotations[removalAnnotation] === 'reset' ? 'reset' : 'drain',
        backends,
      });
    }
  }
  return plans;
}

/** The DestinationRule decides, its portLevelSettings instead of its general policy; then the annotation. */
function decide(service: Service, rule: DestinationRule | undefined, port: number): Decision {
  const traffic = rule?.portPolicies.get(port) ?? rule?.policy;
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
