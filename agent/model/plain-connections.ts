import type { DestinationRule, LoadBalancerSettings, PortPolicy } from './destination-rule.js';
import { at } from './fields.js';

/** A field of a DestinationRule that plain connections do not get. */
export interface GatewayField {
  /** WEFT0304: it is about requests; WEFT0303: only the gateway enforces it; WEFT0305: and it is about security. */
  readonly code: 'WEFT0303' | 'WEFT0304' | 'WEFT0305';
  readonly path: string;
  readonly message: string;
}

type Found = { readonly code: GatewayField['code']; readonly path: string };

/** The fields of a rule that its Service's connections do not get, as no HTTP rule leads them through the gateway. */
export function gatewayFields(rule: DestinationRule): readonly GatewayField[] {
  const found: Found[] = [];
  const plain = (path: string) => found.push({ code: 'WEFT0303', path });
  if (rule.subsets.length > 0) plain('spec.subsets');
  if (rule.exportTo !== undefined) plain('spec.exportTo');
  if (rule.workloadSelector !== undefined) plain('spec.workloadSelector');
  const policy = rule.trafficPolicy;
  if (policy !== undefined) {
    const path = 'spec.trafficPolicy';
    found.push(...ofPolicy(policy, path));
    if (policy.retryBudget !== undefined) found.push({ code: 'WEFT0304', path: `${path}.retryBudget` });
    for (const [index, each] of [...policy.portLevelSettings.values()].entries()) {
      found.push(...ofPolicy(each, at(`${path}.portLevelSettings`, index)));
    }
  }
  return found.map(({ code, path }) => ({
    code,
    path,
    message:
      code === 'WEFT0304'
        ? 'only means something for HTTP requests, and no HTTP rule is about this Service'
        : 'is enforced where an HTTP rule leads to the gateway; connections to this Service are balanced in the kernel',
  }));
}

const hashFields = {
  header: 'httpHeaderName',
  cookie: 'httpCookie',
  query: 'httpQueryParameterName',
} as const;

function ofPolicy({ loadBalancer, connectionPool, outlierDetection, tls }: PortPolicy, path: string): readonly Found[] {
  const found: Found[] = [];
  const plain = (name: string) => found.push({ code: 'WEFT0303', path: `${path}.${name}` });
  if (loadBalancer !== undefined) found.push(...ofBalancer(loadBalancer, `${path}.loadBalancer`));
  if (connectionPool?.http !== undefined) found.push({ code: 'WEFT0304', path: `${path}.connectionPool.http` });
  for (const [key, field] of tcpFields) {
    if (connectionPool?.tcp?.[key] !== undefined) plain(`connectionPool.tcp.${field}`);
  }
  if (outlierDetection !== undefined) plain('outlierDetection');
  if (tls !== undefined && tls.mode !== 'DISABLE') found.push({ code: 'WEFT0305', path: `${path}.tls` });
  return found;
}

const tcpFields = [
  ['connectTimeoutMs', 'connectTimeout'],
  ['tcpKeepalive', 'tcpKeepalive'],
  ['maxConnectionDurationMs', 'maxConnectionDuration'],
  ['idleTimeoutMs', 'idleTimeout'],
] as const;

function ofBalancer(
  { consistentHash, localityLbSetting, warmup }: LoadBalancerSettings,
  path: string,
): readonly Found[] {
  const found: Found[] = [];
  if (consistentHash !== undefined) {
    const { key } = consistentHash;
    if (key.type !== 'sourceIp') {
      found.push({ code: 'WEFT0304', path: `${path}.consistentHash.${hashFields[key.type]}` });
    }
  }
  if (localityLbSetting !== undefined) found.push({ code: 'WEFT0303', path: `${path}.localityLbSetting` });
  if (warmup !== undefined) found.push({ code: 'WEFT0303', path: `${path}.warmup` });
  return found;
}
