import type { ServicePort } from '../model/mesh.js';

/** What a port declares: HTTP/1.1, HTTP/2 (gRPC too), something else, or nothing, so that its first bytes tell. */
export type PortProtocol = 'http1' | 'http2' | 'opaque' | 'sniff';

/** The protocols that Istio knows by name (pkg/config/protocol), and those that Kubernetes has for appProtocol (KEP-3726). */
const protocols: ReadonlyMap<string, PortProtocol> = new Map([
  ['http', 'http1'],
  ['grpc-web', 'http1'],
  ['kubernetes.io/ws', 'http1'],
  ['http2', 'http2'],
  ['h2c', 'http2'],
  ['grpc', 'http2'],
  ['kubernetes.io/h2c', 'http2'],
  ['https', 'opaque'],
  ['kubernetes.io/wss', 'opaque'],
  ['hbone', 'opaque'],
  ['mongo', 'opaque'],
  ['mysql', 'opaque'],
  ['postgres', 'opaque'],
  ['redis', 'opaque'],
  ['tcp', 'opaque'],
  ['tls', 'opaque'],
  ['udp', 'opaque'],
]);

/** By appProtocol, else by the first part of the port's name (up to `-`; grpc-web is one part). */
export function portProtocol({ name, appProtocol }: Pick<ServicePort, 'name' | 'appProtocol'>): PortProtocol {
  const declared = (appProtocol || name).toLowerCase();
  const first = /^grpc-web(-|$)/.test(declared) ? 'grpc-web' : declared.split('-', 1)[0]!;
  return protocols.get(declared) ?? protocols.get(first) ?? 'sniff';
}

/** Of a protocol as Istio's resources name it, as `HTTP2` or `GRPC-WEB`. */
export function namedProtocol(name: string): PortProtocol {
  return protocols.get(name.toLowerCase()) ?? 'sniff';
}
