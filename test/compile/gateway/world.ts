import { parseAllDocuments } from 'yaml';
import type { Cluster, ClusterPolicy } from '../../../agent/balance/cluster.js';
import { variantFor as indexOfVariant } from '../../../agent/balance/variant.js';
import { SnapshotCompiler, type SnapshotContext } from '../../../agent/compile/compile-snapshot.js';
import { noOverrides } from '../../../agent/compile/plan.js';
import { Catalog } from '../../../agent/model/catalog.js';
import { type Change, keyOf, type MeshObject } from '../../../agent/model/mesh.js';
import { parseObject } from '../../../agent/model/parse.js';

const apiVersions: Readonly<Record<string, string>> = {
  EndpointSlice: 'discovery.k8s.io/v1',
  VirtualService: 'networking.istio.io/v1',
  DestinationRule: 'networking.istio.io/v1',
  ServiceEntry: 'networking.istio.io/v1',
  Gateway: 'networking.istio.io/v1',
  GatewayClass: 'gateway.networking.k8s.io/v1',
  HTTPRoute: 'gateway.networking.k8s.io/v1',
  GRPCRoute: 'gateway.networking.k8s.io/v1',
  ReferenceGrant: 'gateway.networking.k8s.io/v1beta1',
};

/** Objects of YAML documents, apiVersion added where there is none. Throws for invalid ones. */
export function objectsOf(...texts: readonly string[]): readonly MeshObject[] {
  return texts.flatMap((text) =>
    parseAllDocuments(text).flatMap((document) => {
      const raw = document.toJS() as Record<string, unknown> | null;
      if (raw === null) return [];
      const kind = String(raw.kind);
      const origin = { file: 'a.yaml', document: 0, item: -1 };
      const { object, findings } = parseObject({ apiVersion: apiVersions[kind] ?? 'v1', ...raw }, origin);
      if (object === undefined) throw new Error(`${text}: ${JSON.stringify(findings)}`);
      return [object];
    }),
  );
}

export function put(...texts: readonly string[]): readonly Change[] {
  return objectsOf(...texts).map((object) => ({ type: 'put', object }));
}

export function remove(object: MeshObject): Change {
  return { type: 'remove', kind: object.kind, key: keyOf(object) };
}

/** Files that certificates can be read from. */
export const files: Readonly<Record<string, string>> = { '/ca.pem': 'CA', '/cert.pem': 'CERT', '/key.pem': 'KEY' };

export function contextOf(rest: Partial<SnapshotContext> = {}): SnapshotContext {
  return {
    node: 'here',
    directoryMode: true,
    gatewayLabels: { istio: 'ingressgateway' },
    accessLog: false,
    overrides: () => noOverrides,
    readPem: (path) => {
      const text = files[path];
      return text === undefined ? { ok: false, error: 'no such file' } : { ok: true, text };
    },
    ...rest,
  };
}

/** A catalog of these manifests and the compiler of its snapshots, up to date. */
export class World {
  readonly catalog: Catalog = new Catalog();
  readonly compiler: SnapshotCompiler;

  constructor(manifests: readonly string[], context: Partial<SnapshotContext> = {}) {
    this.compiler = new SnapshotCompiler(this.catalog, contextOf(context));
    this.catalog.apply(put(...manifests));
    this.compiler.update({ services: new Set(), pods: new Set(), routing: true });
  }

  /** Throws where there is none. */
  cluster(key: string): Cluster {
    const { clusters } = this.compiler.snapshot;
    const cluster = clusters[key];
    if (cluster === undefined) throw new Error(`no cluster ${key}: ${Object.keys(clusters).join(' ')}`);
    return cluster;
  }

  /** The policy of a cluster for clients of a namespace. */
  policy(key: string, namespace = 'else', labels: Readonly<Record<string, string>> = {}): ClusterPolicy {
    return variantFor(this.cluster(key), namespace, labels).policy;
  }

  /** Names of the endpoints that clients of a namespace have. */
  members(key: string, namespace = 'else', labels: Readonly<Record<string, string>> = {}): readonly string[] {
    const cluster = this.cluster(key);
    const { members } = variantFor(cluster, namespace, labels);
    const indexes = members ?? [...cluster.endpoints.keys()];
    return indexes.map((index) => cluster.endpoints[index]!.name);
  }

  /** `CODE Kind NS/NAME path: message`. */
  findings(): readonly string[] {
    return this.compiler.findings.map(
      ({ code, object, path, message }) => `${code} ${object.kind} ${keyOf(object)} ${path}: ${message}`,
    );
  }
}

export function variantFor(
  { variants }: Cluster,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Cluster['variants'][number] {
  return variants[indexOfVariant(variants, { namespace, labels })]!;
}

/** A Service `shop/NAME` of port 80 (http), called by mesh rules, with two ready Pods of versions v1 and v2. */
export function service(name = 'web', more: { readonly port?: string; readonly annotations?: string } = {}): string {
  const port = more.port ?? '{name: http, port: 80, targetPort: 8080}';
  return `
kind: Service
metadata: {name: ${name}, namespace: shop, annotations: {weft.dev/l7: enabled${more.annotations ?? ''}}}
spec: {clusterIP: 10.96.0.10, selector: {app: ${name}}, ports: [${port}]}
---
${pod(`${name}-1`, '10.1.0.1', `{app: ${name}, version: v1}`)}
---
${pod(`${name}-2`, '10.1.0.2', `{app: ${name}, version: v2}`)}
`;
}

export function pod(name: string, address: string, labels: string, more = ''): string {
  return `
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: ${labels}, annotations: {weft.dev/netns: ${name}}}
spec: {nodeName: here}
status: {podIP: ${address}${more}}
`;
}

/** A DestinationRule `shop/web`, its spec (without host) in flow style. */
export function rule(spec: string, meta = 'name: web, namespace: shop', host = 'web'): string {
  return `
kind: DestinationRule
metadata: {${meta}}
spec: {host: ${host}${spec === '' ? '' : `, ${spec}`}}
`;
}
