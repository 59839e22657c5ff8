import type { Cluster, Locality, Workload } from '../balance/cluster.js';

/**
 * What a gateway worker serves by: one immutable, JSON-serialisable value. A request keeps the snapshot that it began with.
 */
export interface Snapshot {
  readonly generation: number;
  readonly node: string;
  readonly locality: Locality;
  /** Captured Service ports, by the key of their plan: `NS/NAME:PORT/TCP/FAMILY`. */
  readonly targets: Readonly<Record<string, Target>>;
  /** Keys of `targets` by the id that the kernel writes into the redirected address. */
  readonly ids: Readonly<Record<string, string>>;
  /** Captured Pods of this node, by NS/POD. */
  readonly clients: Readonly<Record<string, ClientPod>>;
  /** Ports that outside traffic comes in by, by their number. */
  readonly ingress: Readonly<Record<string, IngressListener>>;
  /** By `Cluster.key`. A rule may name one that is not there: 503 (an unresolvable backendRef: 500). */
  readonly clusters: Readonly<Record<string, Cluster>>;
  readonly accessLog: boolean;
}

/** Serves nothing. */
export const emptySnapshot: Snapshot = {
  generation: 0,
  node: '',
  locality: { region: '', zone: '', subzone: '' },
  targets: {},
  ids: {},
  clients: {},
  ingress: {},
  clusters: {},
  accessLog: false,
};

export interface ClientPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly workload: Workload;
}

/** A Service port whose connections come to the gateway. */
export interface Target {
  /** NS/NAME. */
  readonly service: string;
  /** NAME.NS.svc.cluster.local, or a ServiceEntry's host. */
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  /** The Service's own address that was asked for, for names. */
  readonly addresses: readonly string[];
  /** `http`: bytes that are not HTTP get 400. `sniff`: they are carried as L4. `opaque`: only `tls` and `tcp` rules count. */
  readonly detection: 'http' | 'sniff' | 'opaque';
  /** Key of the cluster of the Service port itself: where requests without a rule, and L4, go. */
  readonly cluster: string;
  readonly http: RouteTable;
  readonly tls: readonly TlsRule[];
  readonly tcp: readonly TcpRule[];
}

/**
 * The rules of one addressee. The first set that is visible to the client decides alone: when none of its rules matches, the answer is 404.
 * No visible set: the request goes to the addressee's own cluster.
 */
export interface RouteTable {
  readonly sets: readonly RuleSet[];
}

export interface RuleSet {
  /** `VirtualService NS/NAME`, or the HTTPRoutes or GRPCRoutes that were merged, comma-separated. */
  readonly resource: string;
  /** Namespaces of clients that see it (exportTo); undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly rules: readonly HttpRule[];
}

export type StringMatch =
  | { readonly type: 'exact'; readonly value: string }
  | { readonly type: 'prefix'; readonly value: string }
  /** RE2; the whole value must match. */
  | { readonly type: 'regex'; readonly value: string }
  | { readonly type: 'present' };

export type PathMatch =
  | StringMatch
  /** Gateway API PathPrefix: by path elements, a trailing slash is ignored. */
  | { readonly type: 'elements'; readonly value: string };

/** All conditions must hold. Undefined or empty: any. */
export interface HttpMatch {
  readonly name: string;
  readonly path: PathMatch | undefined;
  /** Of `path` and, as in Istio, only of exact and prefix. */
  readonly ignoreCase: boolean;
  readonly scheme: StringMatch | undefined;
  readonly method: StringMatch | undefined;
  readonly authority: StringMatch | undefined;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, StringMatch])[];
  readonly withoutHeaders: readonly (readonly [string, StringMatch])[];
  readonly query: readonly (readonly [string, StringMatch])[];
  /** Port that the client addressed. */
  readonly port: number | undefined;
  readonly sourceLabels: Readonly<Record<string, string>> | undefined;
  readonly sourceNamespace: string | undefined;
  /** `mesh` or NS/NAME of Gateways; undefined: wherever the rule is bound. */
  readonly gateways: readonly string[] | undefined;
  /** Hosts of an HTTPRoute with several hostnames on one listener are separate virtual hosts, not matches. */
  readonly statPrefix: string;
}

export interface HeaderChange {
  /** In the order: remove, set, add. Names as written; values may hold Envoy's %COMMANDS% (which ones: gateway/proxy). */
  readonly remove: readonly string[];
  readonly set: readonly (readonly [string, string])[];
  readonly add: readonly (readonly [string, string])[];
}

export interface HeaderChanges {
  readonly request: HeaderChange;
  readonly response: HeaderChange;
}

export interface HttpRule {
  /** `VirtualService NS/NAME http[0]` or `HTTPRoute NS/NAME rules[0]`, with ` (NAME)` when the rule has a name. Shown by explain, used in metrics and flows. */
  readonly name: string;
  readonly resource: string;
  /** Where in the resource: `spec.http[0]`. */
  readonly path: string;
  /** Empty: everything. */
  readonly matches: readonly HttpMatch[];
  /** GRPCRoute rules take only gRPC requests (content-type application/grpc…). */
  readonly grpcOnly: boolean;
  readonly headers: HeaderChanges;
  readonly cors: CorsPolicy | undefined;
  readonly fault: Fault | undefined;
  readonly action: RouteAction | RedirectAction | DirectAction;
}

export interface RouteAction {
  readonly type: 'route';
  /** Weights are relative; a destination of weight 0 is never taken. Empty: 500 (Gateway API). */
  readonly destinations: readonly Destination[];
  readonly rewrite: Rewrite | undefined;
  /** Whole request, retries included; undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly retries: Retries | undefined;
  readonly mirrors: readonly Mirror[];
}

export interface Destination {
  /** Key of a cluster. */
  readonly cluster: string;
  readonly weight: number;
  readonly headers: HeaderChanges;
  /** Gateway API: filters of a backendRef. */
  readonly rewrite: Rewrite | undefined;
  readonly mirrors: readonly Mirror[];
  /** Status for this share when the reference cannot be resolved (Gateway API: 500); undefined: resolvable. */
  readonly failWith: number | undefined;
}

export interface Mirror {
  readonly cluster: string;
  /** 0…100, with fractions. */
  readonly percent: number;
}

export interface Rewrite {
  readonly path: PathChange | undefined;
  /** Replaces the authority; empty: as it is. */
  readonly authority: string;
}

export type PathChange =
  | { readonly type: 'full'; readonly value: string }
  /** What the match's `prefix` or `elements` covered is replaced; the whole path of an exact or regex match; `/` where no path is matched. */
  | { readonly type: 'prefix'; readonly value: string }
  /** Every match of the RE2 is replaced; \1 refers to a group. */
  | { readonly type: 'regex'; readonly match: string; readonly value: string };

export interface RedirectAction {
  readonly type: 'redirect';
  readonly path: PathChange | undefined;
  /** Empty: the request's. */
  readonly authority: string;
  readonly scheme: string;
  /** A number; `protocol`: the scheme's default port; `request`: the one that was asked for; undefined: by Istio's and the Gateway API's rules. */
  readonly port: number | 'protocol' | 'request' | undefined;
  readonly status: number;
}

export interface DirectAction {
  readonly type: 'direct';
  readonly status: number;
  /** Base64. */
  readonly body: string;
  readonly contentType: string;
}

export interface Retries {
  /** Besides the first. */
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  /** Envoy's conditions (`5xx`, `gateway-error`, `reset`, `reset-before-request`, `connect-failure`, `envoy-ratelimited`, `retriable-4xx`, `refused-stream`, `retriable-status-codes`, gRPC: `cancelled`, `deadline-exceeded`, `internal`, `resource-exhausted`, `unavailable`). */
  readonly on: readonly string[];
  readonly statuses: readonly number[];
  /** Base interval of the exponential back-off with jitter. */
  readonly backoffMs: number;
  readonly ignorePreviousHosts: boolean;
}

export interface Fault {
  readonly delay: { readonly percent: number; readonly delayMs: number } | undefined;
  /** `grpcStatus`: a number. One of them is there. */
  readonly abort:
    | { readonly percent: number; readonly status: number | undefined; readonly grpcStatus: number | undefined }
    | undefined;
}

export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  readonly allowCredentials: boolean;
  /** Preflights whose origin is not allowed: answered here without CORS headers, or forwarded. */
  readonly unmatchedPreflights: 'forward' | 'ignore';
}

/** Of `tls` routes: by the SNI of a ClientHello, the bytes go through untouched. */
export interface TlsRule extends L4Rule {
  /** Exact or `*.` names. */
  readonly sniHosts: readonly string[];
}

export interface TcpRule extends L4Rule {
  /** CIDRs of the client; empty: any. */
  readonly sourceSubnets: readonly string[];
}

export interface L4Rule {
  readonly name: string;
  readonly namespaces: readonly string[] | undefined;
  /** CIDRs of the address that was asked for; empty: any. */
  readonly destinationSubnets: readonly string[];
  readonly port: number | undefined;
  readonly sourceLabels: Readonly<Record<string, string>> | undefined;
  readonly sourceNamespace: string | undefined;
  readonly gateways: readonly string[] | undefined;
  readonly destinations: readonly { readonly cluster: string; readonly weight: number }[];
}

/** One port of the node for traffic from outside. */
export interface IngressListener {
  readonly port: number;
  /** Addresses to bind; empty: 0.0.0.0 and ::. */
  readonly binds: readonly string[];
  /**
   * `tls` and `https`: by SNI. A server without `tls` is passed through by its tlsRules. With `tls` it is terminated there: then carried by its
   * tcpRules where it has some, else HTTP. `https`: a server of it is HTTP; `tls`: none is.
   */
  readonly protocol: 'http' | 'https' | 'tls' | 'tcp';
  /** What is served on it. By SNI (https, tls), then by Host. */
  readonly servers: readonly IngressServer[];
}

export interface IngressServer {
  /** `Gateway NS/NAME servers[0]` or `Gateway NS/NAME listeners[0] (NAME)`. */
  readonly name: string;
  /** NS/NAME, as `gateways` in matches names it. */
  readonly gateway: string;
  /** Host patterns of the listener: exact, `*.REST`, `*`. */
  readonly hosts: readonly string[];
  /** Every request is answered 301 to https. */
  readonly httpsRedirect: boolean;
  readonly tls: ServerTls | undefined;
  readonly virtualHosts: readonly VirtualHost[];
  readonly tlsRules: readonly TlsRule[];
  readonly tcpRules: readonly TcpRule[];
}

export interface VirtualHost {
  /** Host patterns without a port: exact before longer wildcards before `*`. */
  readonly domains: readonly string[];
  readonly table: RouteTable;
}

/** PEM text, read by the agent. */
export interface ServerTls {
  readonly certificates: readonly { readonly certificate: string; readonly key: string }[];
  /** Empty: client certificates are not asked for. */
  readonly authorities: string;
  readonly clientCertificate: 'none' | 'optional' | 'required';
  readonly subjectAltNames: readonly string[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL names; empty: Node's. */
  readonly cipherSuites: readonly string[];
}
