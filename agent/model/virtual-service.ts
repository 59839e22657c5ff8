import type { HeaderOperations, NamedMatch, RegexRewrite, StringMatch } from './matches.js';
import type { Metadata } from './mesh.js';

/**
 * networking.istio.io VirtualService, its fields named as the API names them (istio/api, virtual_service.proto).
 * Undefined: not said. Durations are in ms, percentages from 0 to 100. Names of gateways are `mesh` or NAMESPACE/NAME.
 */
export interface VirtualService {
  readonly kind: 'VirtualService';
  readonly meta: Metadata;
  /** As written; none for one that is only delegated to. */
  readonly hosts: readonly string[];
  /** `['mesh']` when omitted; none for one that is only delegated to. */
  readonly gateways: readonly string[];
  readonly http: readonly VirtualHttpRoute[];
  readonly tls: readonly VirtualTlsRoute[];
  readonly tcp: readonly VirtualTcpRoute[];
  /** Namespaces whose clients it is for; undefined: all. */
  readonly exportTo: readonly string[] | undefined;
}

/** One of route, redirect, directResponse and delegate is there (a mirror alone is not enough). */
export interface VirtualHttpRoute {
  readonly name: string | undefined;
  /** One of them must match; none: every request does. */
  readonly match: readonly VirtualHttpMatch[];
  readonly route: readonly HttpRouteDestination[];
  readonly redirect: HttpRedirect | undefined;
  readonly directResponse: HttpDirectResponse | undefined;
  readonly delegate: { readonly namespace: string; readonly name: string } | undefined;
  readonly rewrite: HttpRewrite | undefined;
  /** 0 and undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly retries: HttpRetry | undefined;
  readonly fault: HttpFault | undefined;
  /** `mirrors`, or the one of `mirror` with `mirrorPercentage`. */
  readonly mirrors: readonly HttpMirror[];
  readonly corsPolicy: CorsPolicy | undefined;
  readonly headers: HeaderChanges | undefined;
}

/** All that is said must match. */
export interface VirtualHttpMatch {
  readonly name: string | undefined;
  readonly uri: StringMatch | undefined;
  readonly scheme: StringMatch | undefined;
  readonly method: StringMatch | undefined;
  readonly authority: StringMatch | undefined;
  readonly headers: readonly NamedMatch[];
  /** None of them may match. */
  readonly withoutHeaders: readonly NamedMatch[];
  readonly queryParams: readonly NamedMatch[];
  /** Of `uri`, exact and prefix. */
  readonly ignoreUriCase: boolean;
  /** The port that was addressed. */
  readonly port: number | undefined;
  /** Of the client's Pod; empty: any. */
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
  /** Instead of the VirtualService's. */
  readonly gateways: readonly string[] | undefined;
  readonly statPrefix: string | undefined;
}

export interface Destination {
  /** As written: a Service by a short or long name, or a ServiceEntry's host. */
  readonly host: string;
  readonly subset: string | undefined;
  /** `port.number`; undefined: the port that was addressed, or the only one. */
  readonly port: number | undefined;
}

export interface WeightedDestination {
  readonly destination: Destination;
  /** Relative to its neighbours': 1 for an only destination whatever it says, 0 where several and omitted. */
  readonly weight: number;
}

export interface HttpRouteDestination extends WeightedDestination {
  readonly headers: HeaderChanges | undefined;
}

export interface HeaderChanges {
  readonly request: HeaderOperations | undefined;
  readonly response: HeaderOperations | undefined;
}

export interface HttpRedirect {
  /** Replaces the whole path, or its matched prefix where it is `%PREFIX()%`. */
  readonly uri: string | undefined;
  readonly authority: string | undefined;
  readonly scheme: string | undefined;
  /** At most one of port and derivePort is there. */
  readonly port: number | undefined;
  readonly derivePort: 'FROM_PROTOCOL_DEFAULT' | 'FROM_REQUEST_PORT' | undefined;
  /** 301 when omitted. */
  readonly redirectCode: 301 | 302 | 303 | 307 | 308;
}

export interface HttpDirectResponse {
  readonly status: number;
  /** `bytes` are base64. */
  readonly body: { readonly type: 'string' | 'bytes'; readonly value: string } | undefined;
}

/** uri replaces the matched prefix, or the whole path of another match; it excludes uriRegexRewrite. */
export interface HttpRewrite {
  readonly uri: string | undefined;
  readonly authority: string | undefined;
  readonly uriRegexRewrite: RegexRewrite | undefined;
}

export interface HttpRetry {
  /** Besides the first; 0, also when omitted: never. (Without `retries` Istio's default is in effect.) */
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  /** Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on conditions, and status codes such as `503`. */
  readonly retryOn: readonly string[] | undefined;
  readonly retryRemoteLocalities: boolean | undefined;
  readonly retryIgnorePreviousHosts: boolean | undefined;
  readonly backoffMs: number | undefined;
}

export interface HttpFault {
  /** An omitted percentage is 0, here and in abort: no request is affected. */
  readonly delay: { readonly fixedDelayMs: number; readonly percentage: number } | undefined;
  readonly abort: HttpAbort | undefined;
}

/** grpcStatus is the code's number. */
export type HttpAbort =
  | { readonly type: 'httpStatus'; readonly httpStatus: number; readonly percentage: number }
  | { readonly type: 'grpcStatus'; readonly grpcStatus: number; readonly percentage: number };

export interface HttpMirror {
  /** Where the destination is written, below the rule: `mirror` or `mirrors[N].destination`. */
  readonly path: string;
  readonly destination: Destination;
  readonly percentage: number;
}

export interface CorsPolicy {
  /** An exact `*` allows any. */
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeMs: number | undefined;
  readonly allowCredentials: boolean | undefined;
  /** FORWARD when omitted: a preflight whose origin is not allowed goes to the destination. */
  readonly unmatchedPreflights: 'FORWARD' | 'IGNORE';
}

/** What a connection is matched by; subnets are in CIDR form, an address alone stands for itself. */
interface ConnectionMatch {
  readonly destinationSubnets: readonly string[];
  readonly port: number | undefined;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
  readonly gateways: readonly string[] | undefined;
}

export interface VirtualTlsRoute {
  readonly match: readonly VirtualTlsMatch[];
  readonly route: readonly WeightedDestination[];
}

export interface VirtualTlsMatch extends ConnectionMatch {
  readonly sniHosts: readonly string[];
}

export interface VirtualTcpRoute {
  /** None: every connection matches. */
  readonly match: readonly VirtualTcpMatch[];
  readonly route: readonly WeightedDestination[];
}

export interface VirtualTcpMatch extends ConnectionMatch {
  readonly sourceSubnet: string | undefined;
}
