import type { Metadata } from './mesh.js';

/** networking.istio.io Gateway, its fields named as the API names them (istio/api, gateway.proto). */
export interface IstioGateway {
  readonly kind: 'Gateway';
  readonly meta: Metadata;
  /** Of the gateways it is for; empty: all. */
  readonly selector: Readonly<Record<string, string>>;
  readonly servers: readonly GatewayServer[];
}

export type GatewayProtocol =
  | 'HTTP'
  | 'HTTPS'
  | 'GRPC'
  | 'GRPC-WEB'
  | 'HTTP2'
  | 'MONGO'
  | 'REDIS'
  | 'MYSQL'
  | 'TCP'
  | 'TLS';

export interface GatewayServer {
  readonly name: string | undefined;
  readonly port: { readonly number: number; readonly name: string | undefined; readonly protocol: GatewayProtocol };
  /** An IP address, or empty: all of them. */
  readonly bind: string;
  readonly hosts: readonly GatewayHost[];
  readonly tls: ServerTls | undefined;
}

export interface GatewayHost {
  /** Whose VirtualServices may bind to it: `*` for all; `.` is already the Gateway's own. */
  readonly namespace: string;
  /** As written: `*`, `*.REST` or a DNS name. */
  readonly host: string;
}

export type TlsVersion = 'TLSV1_2' | 'TLSV1_3';

export interface ServerTls {
  readonly httpsRedirect: boolean;
  /** PASSTHROUGH is the API's value of an omitted mode. */
  readonly mode: 'PASSTHROUGH' | 'SIMPLE' | 'MUTUAL' | 'OPTIONAL_MUTUAL';
  /** Paths of files, in the order of `tlsCertificates`; serverCertificate and privateKey make one. */
  readonly files: readonly { readonly certificate: string; readonly key: string }[];
  /** credentialName or credentialNames: Secrets of the Gateway's namespace. */
  readonly credentialNames: readonly string[];
  readonly caCertificates: string | undefined;
  readonly caCertCredentialName: string | undefined;
  readonly subjectAltNames: readonly string[];
  /** TLSV1_2 when older or omitted. */
  readonly minProtocolVersion: TlsVersion | undefined;
  readonly maxProtocolVersion: TlsVersion | undefined;
  /** Names as OpenSSL has them; empty: the default list. */
  readonly cipherSuites: readonly string[];
}
