import { at, type Raw } from './fields.js';
import { child, type Findings } from './findings.js';
import type { DestinationRule, LoadBalancer, Metadata, TrafficPolicy } from './mesh.js';
import {
  any,
  boolean,
  checkShape,
  choice,
  count,
  dig,
  digList,
  duration,
  type Fields,
  host,
  http,
  integer,
  listOf,
  mapOf,
  number,
  object,
  port,
  required,
  type Shape,
  security,
  string,
  strings,
  unsigned,
  unsupported,
} from './schema.js';

/** Every field of networking.istio.io DestinationRule (istio/api, destination_rule.proto). */
const consistentHash = object({
  httpHeaderName: http(string),
  httpHeaderRegexRewrite: http(object({ match: string, rewrite: string })),
  httpCookie: http(object({ name: required(string), path: string, ttl: duration(0), attributes: any })),
  httpQueryParameterName: http(string),
  useSourceIp: boolean,
  minimumRingSize: unsupported(unsigned),
  ringHash: unsupported(object({ minimumRingSize: unsigned })),
  maglev: object({ tableSize: integer(0, 5_000_011) }),
});

const simple = ['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'] as const;

const loadBalancer = object({
  simple: choice(...simple),
  consistentHash,
  localityLbSetting: unsupported(
    object({
      distribute: listOf(object({ from: string, to: mapOf(unsigned) })),
      failover: listOf(object({ from: string, to: string })),
      failoverPriority: strings,
      enabled: boolean,
    }),
  ),
  warmupDurationSecs: unsupported(duration(0)),
  warmup: unsupported(
    object({
      duration: required(duration(0)),
      minimumPercent: number(0, 100),
      aggression: number(1, Number.MAX_VALUE),
    }),
  ),
});

const connectionPool = object({
  tcp: object({
    maxConnections: count,
    connectTimeout: unsupported(duration(1)),
    tcpKeepalive: unsupported(object({ probes: unsigned, time: duration(0), interval: duration(0) })),
    maxConnectionDuration: unsupported(duration(1)),
    idleTimeout: unsupported(duration(0)),
  }),
  http: http(
    object({
      http1MaxPendingRequests: count,
      http2MaxRequests: count,
      maxRequestsPerConnection: count,
      maxRetries: count,
      idleTimeout: duration(0),
      h2UpgradePolicy: choice('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
      useClientProtocol: boolean,
      maxConcurrentStreams: count,
    }),
  ),
});

const outlierDetection = object({
  consecutiveErrors: count,
  splitExternalLocalOriginErrors: boolean,
  consecutiveLocalOriginFailures: unsigned,
  consecutiveGatewayErrors: unsigned,
  consecutive5xxErrors: unsigned,
  interval: duration(1),
  baseEjectionTime: duration(1),
  maxEjectionPercent: integer(0, 100),
  minHealthPercent: integer(0, 100),
});

const tls = object({
  mode: choice('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
  clientCertificate: string,
  privateKey: string,
  caCertificates: string,
  credentialName: string,
  subjectAltNames: strings,
  sni: string,
  insecureSkipVerify: boolean,
  caCrl: string,
});

const portFields: Fields = {
  loadBalancer,
  connectionPool,
  outlierDetection: unsupported(outlierDetection),
  tls,
};

const policyFields: Fields = {
  ...portFields,
  portLevelSettings: listOf(object({ ...portFields, port: required(object({ number: required(port) })) })),
  tunnel: security(
    object({ protocol: choice('CONNECT', 'POST'), targetHost: required(host), targetPort: required(port) }),
  ),
  proxyProtocol: unsupported(object({ version: choice('V1', 'V2') })),
  retryBudget: http(object({ percent: number(0, 100), minRetryConcurrency: unsigned })),
};

const spec: Shape = object({
  host: required(host),
  trafficPolicy: object(policyFields),
  subsets: unsupported(
    listOf(object({ name: required(string), labels: mapOf(string), trafficPolicy: object(policyFields) })),
  ),
  exportTo: strings,
  workloadSelector: object({ matchLabels: mapOf(string) }),
});

/** networking.istio.io DestinationRule. One with a workloadSelector is left alone: it is not for every client. */
export function parseDestinationRule(found: Findings, raw: Raw, meta: Metadata): DestinationRule | undefined {
  checkShape(found, dig(raw, 'spec') ?? {}, spec, 'spec');
  if (found.failed) return undefined;
  if (dig(raw, 'spec', 'workloadSelector', 'matchLabels') !== undefined) {
    found.warning('WEFT0310', 'spec.workloadSelector', 'rules for some clients only are not enforced by this version');
    return undefined;
  }
  const exported = dig(raw, 'spec', 'exportTo');
  if (Array.isArray(exported) && exported.length > 0 && !exported.includes('*')) {
    found.warning(
      'WEFT0303',
      'spec.exportTo',
      'is not enforced by this version: the rule is for clients of all namespaces',
    );
  }
  const policy = dig(raw, 'spec', 'trafficPolicy') ?? {};
  return {
    kind: 'DestinationRule',
    meta,
    host: dig(raw, 'spec', 'host') as string,
    policy: readPolicy(found, policy, 'spec.trafficPolicy'),
    portPolicies: readPortPolicies(found, policy),
  };
}

function readPortPolicies(found: Findings, policy: unknown): ReadonlyMap<number, TrafficPolicy> {
  const policies = new Map<number, TrafficPolicy>();
  for (const [index, entry] of digList(policy, 'portLevelSettings')) {
    const path = at('spec.trafficPolicy.portLevelSettings', index);
    const number = dig(entry, 'port', 'number') as number;
    if (policies.has(number)) found.error('WEFT0211', `${path}.port.number`, `port ${number} has two policies`);
    policies.set(number, readPolicy(found, entry, path));
  }
  return policies;
}

/** Of a policy whose shape was checked. */
function readPolicy(found: Findings, policy: unknown, path: string): TrafficPolicy {
  const mode = dig(policy, 'tls', 'mode');
  if (mode !== undefined && mode !== 'DISABLE') {
    found.error('WEFT0305', `${path}.tls.mode`, 'Weft does not encrypt connections in this version');
  }
  const connections = dig(policy, 'connectionPool', 'tcp', 'maxConnections') as number | undefined;
  const hash = dig(policy, 'loadBalancer', 'consistentHash');
  const size = dig(hash, 'maglev', 'tableSize') as number | undefined;
  if (size && !isPrime(size)) {
    found.error(
      'WEFT0207',
      `${path}.loadBalancer.consistentHash.maglev.tableSize`,
      `must be a prime number, not ${size}`,
    );
  }
  return {
    loadBalancer: readLoadBalancer(found, policy, child(path, 'loadBalancer')),
    tableSize: size || undefined,
    maxConnections: connections || undefined,
  };
}

const hashKeys = ['httpHeaderName', 'httpCookie', 'httpQueryParameterName', 'useSourceIp'];

function readLoadBalancer(found: Findings, policy: unknown, path: string): LoadBalancer | undefined {
  const settings = dig(policy, 'loadBalancer');
  const named = dig(settings, 'simple') as (typeof simple)[number] | undefined;
  const hash = dig(settings, 'consistentHash');
  if (hash !== undefined) {
    if (named !== undefined) found.error('WEFT0212', path, 'has both simple and consistentHash');
    const keys = hashKeys.filter((key) => dig(hash, key) !== undefined && dig(hash, key) !== false);
    if (keys.length > 1) found.error('WEFT0212', child(path, 'consistentHash'), `has several keys: ${keys.join(', ')}`);
    if (keys.length === 0) found.error('WEFT0208', child(path, 'consistentHash'), 'names no key, such as useSourceIp');
    return keys[0] === 'useSourceIp' ? 'SOURCE_IP' : undefined;
  }
  if (named === 'LEAST_CONN') {
    found.warning('WEFT0308', child(path, 'simple'), 'LEAST_CONN is now called LEAST_REQUEST', 'write LEAST_REQUEST');
    return 'LEAST_REQUEST';
  }
  return named === 'UNSPECIFIED' ? undefined : named;
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}
