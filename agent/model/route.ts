import type { HeaderOperations } from './matches.js';
import type { Metadata } from './mesh.js';

/**
 * gateway.networking.k8s.io HTTPRoute and GRPCRoute, their fields named as the API names them. Undefined: not said; what
 * the API defaults is filled in. Durations are in ms, percentages from 0 to 100.
 */

export interface ParentReference {
  /** gateway.networking.k8s.io when omitted; `''` is the core group. */
  readonly group: string;
  /** Gateway when omitted; a mesh route's is Service. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly sectionName: string | undefined;
  readonly port: number | undefined;
}

/** Can be resolved when group is `''`, kind is Service and port is there. */
export interface BackendReference {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly port: number | undefined;
}

export interface HttpRoute {
  readonly kind: 'HTTPRoute';
  readonly meta: Metadata;
  readonly parentRefs: readonly ParentReference[];
  readonly hostnames: readonly string[];
  readonly rules: readonly HttpRouteRule[];
}

export interface HttpRouteRule {
  readonly name: string | undefined;
  /** One of them must match; never empty: an omitted one is PathPrefix `/`. */
  readonly matches: readonly HttpRouteMatch[];
  readonly filters: readonly HttpRouteFilter[];
  readonly backendRefs: readonly HttpBackendReference[];
  /** request: 0 is none; backendRequest: of each try. */
  readonly timeouts:
    | { readonly requestMs: number | undefined; readonly backendRequestMs: number | undefined }
    | undefined;
  readonly retry: HttpRouteRetry | undefined;
}

export interface HttpBackendReference extends BackendReference {
  readonly weight: number;
  readonly filters: readonly HttpRouteFilter[];
}

/** GEP-1731. */
export interface HttpRouteRetry {
  readonly codes: readonly number[];
  readonly attempts: number | undefined;
  readonly backoffMs: number | undefined;
}

export interface RouteValueMatch {
  readonly type: 'Exact' | 'RegularExpression';
  /** Of a header: in lower case. */
  readonly name: string;
  readonly value: string;
}

export interface HttpRouteMatch {
  /** PathPrefix matches by path element. */
  readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string };
  readonly headers: readonly RouteValueMatch[];
  readonly queryParams: readonly RouteValueMatch[];
  readonly method: string | undefined;
}

export type PathModifier =
  | { readonly type: 'ReplaceFullPath'; readonly replaceFullPath: string }
  | { readonly type: 'ReplacePrefixMatch'; readonly replacePrefixMatch: string };

/** An ExtensionRef that is present cannot be resolved: its requests are answered with 500. */
export type CommonFilter =
  | { readonly type: 'RequestHeaderModifier'; readonly requestHeaderModifier: HeaderOperations }
  | { readonly type: 'ResponseHeaderModifier'; readonly responseHeaderModifier: HeaderOperations }
  | { readonly type: 'RequestMirror'; readonly requestMirror: RequestMirror }
  | {
      readonly type: 'ExtensionRef';
      readonly extensionRef: { readonly group: string; readonly kind: string; readonly name: string };
    };

export type HttpRouteFilter =
  | CommonFilter
  | { readonly type: 'RequestRedirect'; readonly requestRedirect: RequestRedirect }
  | { readonly type: 'URLRewrite'; readonly urlRewrite: UrlRewrite }
  | { readonly type: 'CORS'; readonly cors: RouteCors };

export interface RequestMirror {
  readonly backendRef: BackendReference;
  /** Of `percent` or `fraction`; 100 when neither is said. */
  readonly percentage: number;
}

export interface RequestRedirect {
  readonly scheme: 'http' | 'https' | undefined;
  readonly hostname: string | undefined;
  readonly path: PathModifier | undefined;
  readonly port: number | undefined;
  /** 302 when omitted. */
  readonly statusCode: 301 | 302 | 303 | 307 | 308;
}

export interface UrlRewrite {
  readonly hostname: string | undefined;
  readonly path: PathModifier | undefined;
}

/** GEP-1767. Origins are SCHEME://HOST[:PORT], HOST perhaps with `*` for any characters, or `*` alone. */
export interface RouteCors {
  readonly allowOrigins: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  /** 5 s when omitted. */
  readonly maxAgeMs: number;
}

export interface GrpcRoute {
  readonly kind: 'GRPCRoute';
  readonly meta: Metadata;
  readonly parentRefs: readonly ParentReference[];
  readonly hostnames: readonly string[];
  readonly rules: readonly GrpcRouteRule[];
}

export interface GrpcRouteRule {
  readonly name: string | undefined;
  /** One of them must match; none: every call does. */
  readonly matches: readonly GrpcRouteMatch[];
  readonly filters: readonly CommonFilter[];
  readonly backendRefs: readonly GrpcBackendReference[];
}

export interface GrpcBackendReference extends BackendReference {
  readonly weight: number;
  readonly filters: readonly CommonFilter[];
}

export interface GrpcRouteMatch {
  /** At least one of service and method is there. */
  readonly method:
    | {
        readonly type: 'Exact' | 'RegularExpression';
        readonly service: string | undefined;
        readonly method: string | undefined;
      }
    | undefined;
  readonly headers: readonly RouteValueMatch[];
}
