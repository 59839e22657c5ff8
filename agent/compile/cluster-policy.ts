import type {
  Balancing,
  ClusterPolicy,
  ConnectionPool,
  HashKey,
  LocalityPolicy,
  OutlierDetection,
  Warmup,
} from '../balance/cluster.js';
import type * as model from '../model/destination-rule.js';
import { keyOf, type Service } from '../model/mesh.js';
import type { EffectiveRule, Placed } from './rule-lookup.js';
import { settingsOf, type TrafficSettings } from './traffic-settings.js';

/** Envoy's defaults, as Istio leaves or sets them (cluster_traffic_policy.go; Envoy's OutlierDetection and HttpProtocolOptions). */
const connectTimeoutMs = 10_000;
const httpIdleTimeoutMs = 3_600_000;
const consecutive5xx = 5;
const consecutiveLocalOriginFailures = 5;
const intervalMs = 10_000;
const baseEjectionMs = 30_000;
const maxEjectionPercent = 10;
const maglevTableSize = 65_537;

/** Linux', for a tcpKeepalive that omits it (tcp(7)). */
const keepaliveTimeMs = 7_200_000;

const balancingAnnotation = 'weft.dev/balancing';
const annotated = new Set(['adaptive', 'least-request', 'round-robin', 'random']);

const simple: Readonly<Record<NonNullable<model.LoadBalancerSettings['simple']>, Balancing>> = {
  ROUND_ROBIN: { type: 'round-robin' },
  RANDOM: { type: 'random' },
  LEAST_REQUEST: { type: 'least-request' },
  PASSTHROUGH: { type: 'passthrough' },
};

/** Whose policy is wanted. */
export interface PolicySubject {
  /** Undefined for the host of a ServiceEntry. */
  readonly service: Service | undefined;
  readonly port: number;
  /** Empty: the host itself. */
  readonly subset: string;
  /** What the port's name or appProtocol declares; `sniff`: nothing. */
  readonly declares: 'http1' | 'http2' | 'sniff';
}

/** The policy without `tls`, and the settings that say how to find it. */
export interface DecidedPolicy {
  readonly policy: Omit<ClusterPolicy, 'tls'>;
  readonly tls: Placed<model.ClientTls> | undefined;
  /** Settings that have no effect, and why: `path`, `message`. */
  readonly idle: readonly (Placed<unknown> & { readonly message: string })[];
}

export function policyOf(rule: EffectiveRule | undefined, subject: PolicySubject): DecidedPolicy {
  const settings = settingsOf(rule, subject.subset, subject.port);
  const { balancing, decidedBy } = balancingOf(settings.loadBalancer?.part, subject.service);
  const outlier = outlierOf(settings.outlierDetection?.part);
  const warmup = settings.loadBalancer?.part.warmup;
  return {
    policy: {
      source: sourceOf(settings, decidedBy),
      balancing,
      locality: localityOf(settings.loadBalancer?.part.localityLbSetting, outlier !== undefined),
      warmup: canWarmUp(balancing) ? warmupOf(warmup) : undefined,
      pool: poolOf(settings.connectionPool?.part),
      outlier,
      retryBudget: budgetOf(settings.retryBudget?.part),
      protocol: protocolOf(settings.connectionPool?.part.http, subject.declares),
    },
    tls: settings.tls,
    idle: idleSettings(settings, balancing, outlier !== undefined),
  };
}

/** `default`, or all that contributed: `DestinationRule NS/NAME, annotation weft.dev/balancing`. */
function sourceOf(settings: TrafficSettings, decidedBy: string): string {
  const rules = Object.values(settings).map((setting: Placed<unknown>) => `DestinationRule ${keyOf(setting.rule)}`);
  const sources = new Set(decidedBy === '' ? rules : [...rules, decidedBy]);
  return sources.size === 0 ? 'default' : [...sources].join(', ');
}

/** The DestinationRule decides, then the annotation, then the Service's affinity, which is kept as a hash of the client's address. */
function balancingOf(
  settings: model.LoadBalancerSettings | undefined,
  service: Service | undefined,
): { readonly balancing: Balancing; readonly decidedBy: string } {
  if (settings?.consistentHash !== undefined) return { balancing: hashOf(settings.consistentHash), decidedBy: '' };
  if (settings?.simple !== undefined) return { balancing: simple[settings.simple], decidedBy: '' };
  const wish = service?.meta.annotations[balancingAnnotation] ?? '';
  if (annotated.has(wish)) {
    return { balancing: { type: wish } as Balancing, decidedBy: `annotation ${balancingAnnotation}` };
  }
  if (service !== undefined && service.affinitySeconds > 0) {
    const algorithm = { type: 'maglev', tableSize: maglevTableSize } as const;
    return { balancing: { type: 'hash', key: { type: 'sourceIp' }, algorithm }, decidedBy: 'sessionAffinity ClientIP' };
  }
  return { balancing: { type: 'adaptive' }, decidedBy: '' };
}

function hashOf({ key, algorithm }: model.ConsistentHash): Balancing {
  return {
    type: 'hash',
    key: hashKeyOf(key),
    algorithm:
      algorithm.type === 'ringHash'
        ? { type: 'ringHash', minimumRingSize: algorithm.minimumRingSize }
        : { type: 'maglev', tableSize: algorithm.tableSize ?? maglevTableSize },
  };
}

function hashKeyOf(key: model.HashKey): HashKey {
  if (key.type === 'header') {
    const rewrite = key.regexRewrite;
    if (rewrite === undefined) return { type: 'header', name: key.name };
    return { type: 'header', name: key.name, rewrite: { match: rewrite.match, value: rewrite.rewrite } };
  }
  if (key.type !== 'cookie') return key;
  return {
    type: 'cookie',
    name: key.name,
    path: key.path ?? '',
    ttlMs: key.ttlMs,
    attributes: key.attributes.map(({ name, value }) => [name, value] as const),
  };
}

/**
 * In effect with distribute, or with outlierDetection, without which nobody is ever ejected to fail over from; then Istio prefers near
 * endpoints even when the setting is omitted.
 */
function localityOf(setting: model.LocalityLbSetting | undefined, ejects: boolean): LocalityPolicy | undefined {
  if (setting?.enabled === false) return undefined;
  if (setting !== undefined && setting.distribute.length > 0) {
    const distribute = setting.distribute.map(({ from, to }) => ({ from, to: Object.fromEntries(to) }));
    return { distribute, failover: [], failoverPriority: [] };
  }
  if (!ejects) return undefined;
  return { distribute: [], failover: setting?.failover ?? [], failoverPriority: setting?.failoverPriority ?? [] };
}

/** Envoy has slow start for round robin and least request alone; ADAPTIVE is Weft's own. */
function canWarmUp({ type }: Balancing): boolean {
  return type === 'round-robin' || type === 'least-request' || type === 'adaptive';
}

function warmupOf(warmup: model.Warmup | undefined): Warmup | undefined {
  if (warmup === undefined || warmup.durationMs === 0) return undefined;
  const { durationMs, minimumPercent, aggression } = warmup;
  return { durationMs, minimumPercent, aggression };
}

/** A limit of 0 is none, as Istio reads it. http.idleTimeout falls back to tcp.idleTimeout. */
function poolOf(pool: model.ConnectionPool | undefined): ConnectionPool {
  const { tcp, http } = pool ?? {};
  const tcpKeepalive = tcp?.tcpKeepalive;
  return {
    maxConnections: limit(tcp?.maxConnections),
    connectTimeoutMs: limit(tcp?.connectTimeoutMs) ?? connectTimeoutMs,
    tcpKeepalive: tcpKeepalive && { timeMs: tcpKeepalive.timeMs ?? keepaliveTimeMs },
    maxConnectionDurationMs: limit(tcp?.maxConnectionDurationMs),
    tcpIdleTimeoutMs: tcp?.idleTimeoutMs,
    maxPendingRequests: limit(http?.http1MaxPendingRequests),
    maxRequests: limit(http?.http2MaxRequests),
    maxRequestsPerConnection: limit(http?.maxRequestsPerConnection),
    maxRetries: limit(http?.maxRetries),
    httpIdleTimeoutMs: http?.idleTimeoutMs ?? tcp?.idleTimeoutMs ?? httpIdleTimeoutMs,
    maxConcurrentStreams: limit(http?.maxConcurrentStreams),
  };
}

function limit(value: number | undefined): number | undefined {
  return value === undefined || value === 0 ? undefined : value;
}

function outlierOf(outlier: model.OutlierDetection | undefined): OutlierDetection | undefined {
  if (outlier === undefined) return undefined;
  const split = outlier.splitExternalLocalOriginErrors ?? false;
  return {
    consecutive5xx: outlier.consecutive5xxErrors ?? consecutive5xx,
    consecutiveGatewayErrors: outlier.consecutiveGatewayErrors ?? 0,
    splitExternalLocalOriginErrors: split,
    consecutiveLocalOriginFailures: split
      ? (limit(outlier.consecutiveLocalOriginFailures) ?? consecutiveLocalOriginFailures)
      : 0,
    intervalMs: limit(outlier.intervalMs) ?? intervalMs,
    baseEjectionMs: limit(outlier.baseEjectionTimeMs) ?? baseEjectionMs,
    maxEjectionPercent: limit(outlier.maxEjectionPercent) ?? maxEjectionPercent,
    minHealthPercent: outlier.minHealthPercent ?? 0,
  };
}

function budgetOf(budget: model.RetryBudget | undefined): ClusterPolicy['retryBudget'] {
  return budget === undefined ? undefined : { percent: budget.percent, minimum: budget.minRetryConcurrency };
}

/** A port that declares HTTP/2 or gRPC is always spoken to in it; on a sniffed port backends get what the client speaks. */
function protocolOf(http: model.HttpPool | undefined, declares: PolicySubject['declares']): ClusterPolicy['protocol'] {
  if (http?.useClientProtocol === true) return 'client';
  if (http?.h2UpgradePolicy === 'UPGRADE' || declares === 'http2') return 'http2';
  return declares === 'sniff' ? 'client' : 'http1';
}

function idleSettings(settings: TrafficSettings, balancing: Balancing, ejects: boolean): DecidedPolicy['idle'] {
  const { loadBalancer } = settings;
  if (loadBalancer === undefined) return [];
  const { warmup, localityLbSetting } = loadBalancer.part;
  const idle: (Placed<unknown> & { readonly message: string })[] = [];
  if (warmup !== undefined && !canWarmUp(balancing)) {
    idle.push({ ...loadBalancer, message: `warmup has no effect with ${balancing.type} balancing` });
  }
  const failsOver = (localityLbSetting?.failover.length ?? 0) + (localityLbSetting?.failoverPriority.length ?? 0) > 0;
  if (failsOver && !ejects && localityLbSetting?.enabled !== false) {
    idle.push({ ...loadBalancer, message: 'localityLbSetting fails over only with outlierDetection' });
  }
  return idle;
}
