/**
 * A set of endpoints that requests are balanced over, with the policy for it. Values only, and JSON-serialisable: compile makes them, gateway workers
 * and explain read them.
 */

export interface Locality {
  /** Labels topology.kubernetes.io/region and /zone and topology.istio.io/subzone of the node; empty when unknown. */
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** Who is behind an endpoint, for metrics; `unknown` where nobody knows. */
export interface Workload {
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
}

export interface ClusterEndpoint {
  /** NS/POD, or `ADDRESS:PORT` when no Pod is known. */
  readonly name: string;
  /** Canonical text, or a DNS name where the cluster's resolution is `dns`. */
  readonly address: string;
  readonly port: number;
  /** Relative; 0 is never. */
  readonly weight: number;
  /** A standby serves only while no endpoint that is ready is there (serving and terminating, KEP-1669). */
  readonly state: 'ready' | 'standby';
  readonly locality: Locality;
  /** Empty when no Node is known. */
  readonly node: string;
  /** Labels of the Pod (or of a ServiceEntry's endpoint) that localityLbSetting.failoverPriority names. */
  readonly labels: Readonly<Record<string, string>>;
  readonly workload: Workload;
}

export type HashKey =
  | {
      readonly type: 'header';
      readonly name: string;
      /** Of the value before it is hashed: every match of the RE2 is replaced, \1 refers to a group. */
      readonly rewrite?: { readonly match: string; readonly value: string };
    }
  | {
      readonly type: 'cookie';
      readonly name: string;
      /** Empty: the cookie has no Path. */
      readonly path: string;
      /** Undefined: the client's own cookie is hashed, none is made. 0: a session cookie. */
      readonly ttlMs: number | undefined;
      readonly attributes: readonly (readonly [string, string])[];
    }
  | { readonly type: 'sourceIp' }
  | { readonly type: 'query'; readonly name: string };

export type Balancing =
  | { readonly type: 'adaptive' | 'least-request' | 'round-robin' | 'random' }
  /** To the address that the client asked for, whatever the endpoints are. */
  | { readonly type: 'passthrough' }
  | {
      readonly type: 'hash';
      readonly key: HashKey;
      readonly algorithm:
        | { readonly type: 'ringHash'; readonly minimumRingSize: number }
        /** `tableSize`: a prime. */
        | { readonly type: 'maglev'; readonly tableSize: number };
    };

/**
 * localityLbSetting (DestinationRule), where it is in effect: `distribute` alone, or the others. Without entries, as with `failover`, endpoints whose
 * region, zone and subzone are more like the client's come first, and others while those are ejected.
 */
export interface LocalityPolicy {
  /** `from` and the keys of `to`: `region/zone/subzone`, with `*`; weights sum to 100. */
  readonly distribute: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[];
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Label names, or `name=value`. `ClusterEndpoint.labels` and `ClientPod.labels` have them. */
  readonly failoverPriority: readonly string[];
}

/** warmup (DestinationRule): w·max(minimum, (t/duration)^(1/aggression)). */
export interface Warmup {
  readonly durationMs: number;
  /** 0…100. */
  readonly minimumPercent: number;
  readonly aggression: number;
}

/** outlierDetection (DestinationRule), with Istio's and Envoy's defaults filled in. 0 consecutive errors: never. */
export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayErrors: number;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutiveLocalOriginFailures: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionPercent: number;
  /** Below this share of healthy endpoints all are used (panic). 0: never. */
  readonly minHealthPercent: number;
}

/** connectionPool (DestinationRule). Undefined: not limited, or the default of the gateway. */
export interface ConnectionPool {
  readonly maxConnections: number | undefined;
  readonly connectTimeoutMs: number;
  readonly tcpKeepalive: { readonly timeMs: number } | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  readonly tcpIdleTimeoutMs: number | undefined;
  /** http1MaxPendingRequests. */
  readonly maxPendingRequests: number | undefined;
  /** http2MaxRequests: requests in flight to the cluster, of any protocol. */
  readonly maxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  /** Retries in flight. */
  readonly maxRetries: number | undefined;
  readonly httpIdleTimeoutMs: number;
  readonly maxConcurrentStreams: number | undefined;
}

/** tls (DestinationRule) of modes SIMPLE and MUTUAL. PEM text, read by the agent. */
export interface UpstreamTls {
  /** Sent as SNI; empty: the request's authority where autoSni says so, else none. */
  readonly sni: string;
  /** Empty: the system's authorities. */
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
  readonly subjectAltNames: readonly string[];
  readonly insecureSkipVerify: boolean;
}

/** How requests of some clients are sent to a cluster. */
export interface ClusterPolicy {
  /** What decided: `default`, `annotation weft.dev/balancing`, `DestinationRule NS/NAME`. */
  readonly source: string;
  readonly balancing: Balancing;
  readonly locality: LocalityPolicy | undefined;
  readonly warmup: Warmup | undefined;
  readonly pool: ConnectionPool;
  readonly outlier: OutlierDetection | undefined;
  readonly tls: UpstreamTls | undefined;
  /** retryBudget: `percent` of the requests in flight, at least `minimum`. */
  readonly retryBudget: { readonly percent: number; readonly minimum: number } | undefined;
  /** `client`: the protocol that the client spoke (useClientProtocol). */
  readonly protocol: 'http1' | 'http2' | 'client';
}

/** The policy for the clients that `when` fits; the first that fits is used. */
export interface PolicyVariant {
  /** Undefined: any, traffic from outside too. `namespaces`: of the client Pod; `labels`: it has all of them (workloadSelector). */
  readonly when: {
    readonly namespaces: readonly string[] | undefined;
    readonly labels: Readonly<Record<string, string>> | undefined;
  };
  readonly policy: ClusterPolicy;
  /** Indexes into the cluster's endpoints of the subset's members; undefined: all. Empty also where these clients may not use the cluster: no healthy upstream. */
  readonly members: readonly number[] | undefined;
}

export interface Cluster {
  /** `HOST:PORT` or `HOST:PORT|SUBSET`; HOST is NAME.NS.svc.cluster.local, or a ServiceEntry's. */
  readonly key: string;
  readonly host: string;
  /** NS/NAME of the Service; empty for a ServiceEntry's host. */
  readonly service: string;
  /** The Service's port. */
  readonly port: number;
  readonly subset: string;
  /** `dns`: endpoints are names that the gateway resolves; `none`: the client's own destination address. */
  readonly resolution: 'static' | 'dns' | 'none';
  readonly endpoints: readonly ClusterEndpoint[];
  /** Never empty; the last fits every client. */
  readonly variants: readonly PolicyVariant[];
}
