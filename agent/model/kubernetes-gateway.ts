import type { Metadata } from './mesh.js';

/** gateway.networking.k8s.io GatewayClass, Gateway and ReferenceGrant, their fields named as the API names them. */

export interface GatewayClass {
  readonly kind: 'GatewayClass';
  readonly meta: Metadata;
  readonly controllerName: string;
}

export interface KubernetesGateway {
  readonly kind: 'KubernetesGateway';
  readonly meta: Metadata;
  readonly gatewayClassName: string;
  readonly listeners: readonly GatewayListener[];
}

export interface GatewayListener {
  readonly name: string;
  /** A DNS name or `*.REST`; undefined: all. */
  readonly hostname: string | undefined;
  readonly port: number;
  readonly protocol: 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'unsupported';
  readonly tls: ListenerTls | undefined;
  readonly allowedRoutes: AllowedRoutes;
}

export interface ListenerTls {
  /** Terminate when omitted. */
  readonly mode: 'Terminate' | 'Passthrough';
  readonly certificateRefs: readonly CertificateReference[];
  readonly options: Readonly<Record<string, string>>;
}

/** Can be resolved when group is `''` and kind is Secret; another namespace needs a ReferenceGrant. */
export interface CertificateReference {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface AllowedRoutes {
  readonly namespaces:
    | { readonly from: 'All' | 'Same' | 'None' }
    | { readonly from: 'Selector'; readonly selector: LabelSelector };
  /** Empty: those of the protocol. */
  readonly kinds: readonly { readonly group: string; readonly kind: string }[];
}

/** meta/v1 LabelSelector, of a namespace's labels. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values: readonly string[];
  }[];
}

/** References from one of `from` to one of `to` in the grant's own namespace are allowed. */
export interface ReferenceGrant {
  readonly kind: 'ReferenceGrant';
  readonly meta: Metadata;
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  /** Without a name: all of that kind. */
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name: string | undefined }[];
}
