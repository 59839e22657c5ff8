import type { Kind, MeshObject, Metadata, Origin } from '../../agent/model/mesh.js';
import { parseObject } from '../../agent/model/parse.js';

/** Builds of raw and parsed objects that tests share. */

export const origin: Origin = { file: 'a.yaml', document: 0, item: -1 };

export type Raw = Record<string, unknown>;

export function rawService(spec: Raw, more: Raw = {}): Raw {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }], ...spec },
    ...more,
  };
}

export function rawSlice(more: Raw, name = 'web-a', service = 'web'): Raw {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    endpoints: [{ addresses: ['10.1.0.1'] }],
    ...more,
  };
}

export function rawPod(name: string, labels: Raw, status: Raw, more: Raw = {}): Raw {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels, ...more }, spec: {}, status };
}

export function rawRule(spec: Raw, metadata: Raw = { name: 'web' }): Raw {
  return { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata, spec: { host: 'web', ...spec } };
}

/** `CODE severity path` of each finding. */
export function findings(raw: unknown): string[] {
  return parseObject(raw, origin).findings.map(({ code, severity, path }) => `${code} ${severity} ${path}`);
}

/** The object of a raw one without findings that are errors. */
export function parsed<K extends Kind>(kind: K, raw: unknown, at: Origin = origin): Extract<MeshObject, { kind: K }> {
  const { object, findings: found } = parseObject(raw, at);
  if (object?.kind !== kind) throw new Error(`no ${kind}: ${JSON.stringify(found)}`);
  return object as Extract<MeshObject, { kind: K }>;
}

export function metadata(name: string, more: Partial<Metadata> = {}): Metadata {
  return { namespace: 'default', name, labels: {}, annotations: {}, created: 0, generation: 0, origin, ...more };
}

/** An object of Istio's, `ns/a`. */
export function rawIstio(kind: string, spec: Raw): Raw {
  return { apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'a', namespace: 'ns' }, spec };
}

/** An object of the Gateway API's, `ns/a`. */
export function rawGatewayApi(kind: string, spec: Raw): Raw {
  return { apiVersion: 'gateway.networking.k8s.io/v1', kind, metadata: { name: 'a', namespace: 'ns' }, spec };
}
