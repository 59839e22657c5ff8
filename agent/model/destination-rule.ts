import type { RegexRewrite } from './matches.js';
import type { Metadata } from './mesh.js';

/**
 * networking.istio.io DestinationRule, its fields named as the API names them (istio/api, destination_rule.proto).
 * Undefined: not said. Durations are in ms, percentages from 0 to 100.
 */
export interface DestinationRule {
  readonly kind: 'DestinationRule';
  readonly meta: Metadata;
  /** As written. */
  readonly host: string;
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  /** Namespaces whose clients it is for; undefined: all. */
  readonly exportTo: readonly string[] | undefined;
  /** Labels of the client Pods it is for; undefined: all. */
  readonly workloadSelector: Readonly<Record<string, string>> | undefined;
}

export interface Subset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Its settings replace those of the rule's, setting by setting. */
  readonly trafficPolicy: TrafficPolicy | undefined;
}

/** What a port's policy says; it replaces the whole policy of that port. */
export interface PortPolicy {
  readonly loadBalancer: LoadBalancerSettings | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
}

export interface TrafficPolicy extends PortPolicy {
  /** portLevelSettings by port number. */
  readonly portLevelSettings: ReadonlyMap<number, PortPolicy>;
  readonly retryBudget: RetryBudget | undefined;
}

export interface LoadBalancerSettings {
  /** LEAST_CONN is read as LEAST_REQUEST, UNSPECIFIED as undefined. */
  readonly simple: 'ROUND_ROBIN' | 'RANDOM' | 'LEAST_REQUEST' | 'PASSTHROUGH' | undefined;
  /** Excludes simple. */
  readonly consistentHash: ConsistentHash | undefined;
  readonly localityLbSetting: LocalityLbSetting | undefined;
  /** Or warmupDurationSecs, its older form. */
  readonly warmup: Warmup | undefined;
}

export interface ConsistentHash {
  readonly key: HashKey;
  /** Ring hash with a minimumRingSize of 1024 when omitted; an undefined tableSize is the default of the path. */
  readonly algorithm:
    | { readonly type: 'ringHash'; readonly minimumRingSize: number }
    | { readonly type: 'maglev'; readonly tableSize: number | undefined };
}

export type HashKey =
  | {
      readonly type: 'header';
      /** In lower case. */
      readonly name: string;
      /** Applied to the value before it is hashed. */
      readonly regexRewrite: RegexRewrite | undefined;
    }
  | HashCookie
  | { readonly type: 'sourceIp' }
  | { readonly type: 'query'; readonly name: string };

export interface HashCookie {
  readonly type: 'cookie';
  readonly name: string;
  readonly path: string | undefined;
  /** Undefined: no cookie is made. 0: a session cookie. */
  readonly ttlMs: number | undefined;
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}

/** Localities are REGION/ZONE/SUBZONE, `*` for what follows. distribute excludes failover. */
export interface LocalityLbSetting {
  readonly enabled: boolean | undefined;
  readonly distribute: readonly { readonly from: string; readonly to: ReadonlyMap<string, number> }[];
  /** Regions. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Label keys, or KEY=VALUE, most important first. */
  readonly failoverPriority: readonly string[];
}

export interface Warmup {
  readonly durationMs: number;
  /** 10 when omitted. */
  readonly minimumPercent: number;
  /** 1 when omitted. */
  readonly aggression: number;
}

export interface ConnectionPool {
  readonly tcp: TcpPool | undefined;
  readonly http: HttpPool | undefined;
}

export interface TcpPool {
  readonly maxConnections: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  /** `probes` and `interval` are not enforced. */
  readonly tcpKeepalive: { readonly timeMs: number | undefined } | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  /** 0: none. */
  readonly idleTimeoutMs: number | undefined;
}

/** A limit that the object gives as 0 is not said, as Istio reads it. */
export interface HttpPool {
  readonly http1MaxPendingRequests: number | undefined;
  readonly http2MaxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  /** 0: none. */
  readonly idleTimeoutMs: number | undefined;
  readonly h2UpgradePolicy: 'DO_NOT_UPGRADE' | 'UPGRADE' | undefined;
  readonly useClientProtocol: boolean | undefined;
  readonly maxConcurrentStreams: number | undefined;
}

export interface OutlierDetection {
  /** 0: off, here and in the next. */
  readonly consecutive5xxErrors: number | undefined;
  /** Or consecutiveErrors, which also turns consecutive5xxErrors off. */
  readonly consecutiveGatewayErrors: number | undefined;
  readonly splitExternalLocalOriginErrors: boolean | undefined;
  readonly consecutiveLocalOriginFailures: number | undefined;
  readonly intervalMs: number | undefined;
  readonly baseEjectionTimeMs: number | undefined;
  readonly maxEjectionPercent: number | undefined;
  readonly minHealthPercent: number | undefined;
}

/** Towards the destination. Certificates come from files or from the Secret credentialName of the rule's namespace. */
export interface ClientTls {
  readonly mode: 'DISABLE' | 'SIMPLE' | 'MUTUAL';
  readonly clientCertificate: string | undefined;
  readonly privateKey: string | undefined;
  readonly caCertificates: string | undefined;
  readonly credentialName: string | undefined;
  readonly subjectAltNames: readonly string[];
  readonly sni: string | undefined;
  readonly insecureSkipVerify: boolean | undefined;
}

/** Retries at one time: percent of the requests that are active or pending, at least minRetryConcurrency. */
export interface RetryBudget {
  /** 20 when omitted. */
  readonly percent: number;
  /** 3 when omitted. */
  readonly minRetryConcurrency: number;
}
