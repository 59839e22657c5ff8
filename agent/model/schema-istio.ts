import { headerChanges, regexRewrite, stringMatch } from './parse-match.js';
import {
  boolean,
  choice,
  duration,
  host,
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

/** Every field of networking.istio.io VirtualService, Gateway and ServiceEntry (istio/api). */

const destination = object({ host: required(host), subset: string, port: object({ number: port }) });
const percent = object({ value: number(0, 100) });
const weight = integer(0, 2 ** 31 - 1);

const httpMatch = object({
  name: string,
  uri: stringMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: mapOf(stringMatch),
  port,
  sourceLabels: mapOf(string),
  gateways: strings,
  queryParams: mapOf(stringMatch),
  ignoreUriCase: boolean,
  withoutHeaders: mapOf(stringMatch),
  sourceNamespace: string,
  statPrefix: string,
});

const httpRoute = object({
  name: string,
  match: listOf(httpMatch),
  route: listOf(object({ destination: required(destination), weight, headers: headerChanges })),
  redirect: object({
    uri: string,
    authority: string,
    port,
    derivePort: choice('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    scheme: string,
    redirectCode: integer(300, 399),
  }),
  directResponse: object({
    status: required(integer(200, 599)),
    body: object({ string, bytes: string }),
  }),
  delegate: object({ name: string, namespace: string }),
  rewrite: object({
    uri: string,
    authority: string,
    uriRegexRewrite: regexRewrite,
  }),
  timeout: duration(0),
  retries: object({
    attempts: weight,
    perTryTimeout: duration(1),
    retryOn: string,
    retryRemoteLocalities: boolean,
    retryIgnorePreviousHosts: boolean,
    backoff: duration(1),
  }),
  fault: object({
    delay: object({
      percent: integer(0, 100),
      fixedDelay: duration(1),
      exponentialDelay: duration(1),
      percentage: percent,
    }),
    abort: object({
      httpStatus: integer(200, 599),
      grpcStatus: string,
      http2Error: string,
      percentage: percent,
    }),
  }),
  mirror: destination,
  mirrors: listOf(object({ destination: required(destination), percentage: percent })),
  mirrorPercent: integer(0, 100),
  mirrorPercentage: percent,
  corsPolicy: object({
    allowOrigin: strings,
    allowOrigins: listOf(stringMatch),
    allowMethods: strings,
    allowHeaders: strings,
    exposeHeaders: strings,
    maxAge: duration(0),
    allowCredentials: boolean,
    unmatchedPreflights: choice('UNSPECIFIED', 'FORWARD', 'IGNORE'),
  }),
  headers: headerChanges,
});

const l4Match = {
  destinationSubnets: strings,
  port,
  sourceLabels: mapOf(string),
  gateways: strings,
  sourceNamespace: string,
};
const l4Route = listOf(object({ destination: required(destination), weight }));

export const virtualService: Shape = object({
  hosts: listOf(host),
  gateways: strings,
  http: listOf(httpRoute),
  tls: listOf(object({ match: listOf(object({ sniHosts: strings, ...l4Match })), route: l4Route })),
  tcp: listOf(object({ match: listOf(object({ sourceSubnet: string, ...l4Match })), route: l4Route })),
  exportTo: strings,
});

const protocolPort = {
  number: required(port),
  protocol: string,
  name: string,
  targetPort: port,
};

const serverTls = object({
  httpsRedirect: boolean,
  mode: choice('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
  serverCertificate: string,
  privateKey: string,
  caCertificates: string,
  caCrl: security(string),
  credentialName: string,
  credentialNames: strings,
  caCertCredentialName: string,
  tlsCertificates: listOf(object({ serverCertificate: string, privateKey: string, caCertificates: string })),
  subjectAltNames: strings,
  verifyCertificateSpki: security(strings),
  verifyCertificateHash: security(strings),
  minProtocolVersion: choice('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'),
  maxProtocolVersion: choice('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'),
  cipherSuites: strings,
});

export const gateway: Shape = object({
  servers: listOf(
    object({
      port: required(object(protocolPort)),
      bind: string,
      hosts: required(strings),
      tls: serverTls,
      defaultEndpoint: unsupported(string),
      name: string,
    }),
  ),
  selector: mapOf(string),
});

export const serviceEntry: Shape = object({
  hosts: required(listOf(host)),
  addresses: strings,
  ports: listOf(object(protocolPort)),
  location: choice('MESH_EXTERNAL', 'MESH_INTERNAL'),
  resolution: choice('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
  endpoints: listOf(
    object({
      address: string,
      ports: mapOf(port),
      labels: mapOf(string),
      network: unsupported(string),
      locality: string,
      weight: unsigned,
      serviceAccount: unsupported(string),
    }),
  ),
  workloadSelector: object({ labels: mapOf(string) }),
  exportTo: strings,
  subjectAltNames: strings,
});
