import type { DestinationRule, PortPolicy } from './destination-rule.js';
import type { LoadBalancer } from './mesh.js';

/** The part of a rule that connections without a proxy are balanced by. */
export interface ConnectionPolicy {
  readonly loadBalancer: LoadBalancer | undefined;
  /** consistentHash.maglev.tableSize; undefined: chosen by the number of backends. */
  readonly tableSize: number | undefined;
  /** connectionPool.tcp.maxConnections. */
  readonly maxConnections: number | undefined;
}

/** Of one port: portLevelSettings replace the whole policy of their port, as Istio does. */
export function connectionPolicy(rule: DestinationRule, port: number): ConnectionPolicy {
  const policy: PortPolicy | undefined = rule.trafficPolicy?.portLevelSettings.get(port) ?? rule.trafficPolicy;
  const hash = policy?.loadBalancer?.consistentHash;
  return {
    loadBalancer:
      hash === undefined ? policy?.loadBalancer?.simple : hash.key.type === 'sourceIp' ? 'SOURCE_IP' : undefined,
    tableSize: hash?.algorithm.type === 'maglev' ? hash.algorithm.tableSize : undefined,
    maxConnections: policy?.connectionPool?.tcp?.maxConnections,
  };
}
