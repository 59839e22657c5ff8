import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A Kubernetes object as a YAML parser gives it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** A mesh of `services` Services with `endpoints` endpoints each, IPv4 and TCP. No address is used twice. */
export interface MeshSize {
  readonly services: number;
  readonly endpoints: number;
}

export const serviceRange = '10.96.0.0/12';
export const backendRange = '10.128.0.0/10';
/** Pods' addresses: the backends and the client. */
export const podRange = '10.128.0.0/9';
export const serverAddress = '10.255.0.1';
export const clientAddress = '10.255.0.2';
export const servicePort = 80;
export const backendPort = 8080;
export const meshNamespace = 'bench';

function dotted(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

export function serviceName(service: number): string {
  return `svc-${service}`;
}

/** The clusterIP of the `service`th Service, from 0. */
export function serviceAddress(service: number): string {
  return dotted((10 << 24) + (96 << 16) + 1 + service);
}

/** The address of the `index`th endpoint of the mesh, counted through its Services. */
export function backendAddress(index: number): string {
  return dotted((10 << 24) + (128 << 16) + 1 + index);
}

export function serviceObject(service: number): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: serviceName(service), namespace: meshNamespace },
    spec: {
      type: 'ClusterIP',
      clusterIP: serviceAddress(service),
      clusterIPs: [serviceAddress(service)],
      ports: [{ name: 'tcp-main', protocol: 'TCP', port: servicePort, targetPort: backendPort }],
    },
  };
}

/** The EndpointSlice of the `service`th Service. `unready` names the endpoint, from 0, that is not ready. */
export function endpointSlice(size: MeshSize, service: number, unready?: number): KubernetesObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${serviceName(service)}-1`,
      namespace: meshNamespace,
      labels: { 'kubernetes.io/service-name': serviceName(service) },
    },
    addressType: 'IPv4',
    endpoints: Array.from({ length: size.endpoints }, (_, endpoint) => ({
      addresses: [backendAddress(service * size.endpoints + endpoint)],
      conditions: { ready: endpoint !== unready, serving: endpoint !== unready, terminating: false },
    })),
    ports: [{ name: 'tcp-main', protocol: 'TCP', port: backendPort }],
  };
}

/** The Pod whose connections are captured: everything in the network namespace `netns` of /run/netns. */
export function clientPod(netns: string): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client', namespace: meshNamespace, annotations: { 'weft.dev/netns': netns } },
    spec: { containers: [{ name: 'main', image: 'none' }] },
    status: { phase: 'Running', podIP: clientAddress, podIPs: [{ ip: clientAddress }] },
  };
}

/** All Services, each followed by its EndpointSlice. */
export function meshObjects(size: MeshSize): readonly KubernetesObject[] {
  return Array.from({ length: size.services }, (_, service) => [
    serviceObject(service),
    endpointSlice(size, service),
  ]).flat();
}

/** Writes `objects` as one `List`, by an atomic rename. */
export function writeManifest(directory: string, name: string, objects: readonly KubernetesObject[]): void {
  const path = join(directory, `${name}.json`);
  writeFileSync(`${path}.new`, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  renameSync(`${path}.new`, path);
}

const servicesInFile = 250;

/** The file, without its ending, in which {@link writeMesh} puts the `service`th Service. */
export function manifestName(service: number): string {
  return `mesh-${Math.floor(service / servicesInFile)}`;
}

/** Writes a mesh and the client's Pod as JSON manifests, 250 Services a file. */
export function writeMesh(directory: string, size: MeshSize, netns: string): void {
  mkdirSync(directory, { recursive: true });
  writeManifest(directory, 'client', [clientPod(netns)]);
  for (let first = 0; first < size.services; first += servicesInFile) {
    writeManifest(directory, manifestName(first), fileObjects(size, first));
  }
}

/** What the file of the `service`th Service holds; `unready` as in {@link endpointSlice}, of that Service. */
export function fileObjects(size: MeshSize, service: number, unready?: number): readonly KubernetesObject[] {
  const first = Math.floor(service / servicesInFile) * servicesInFile;
  const count = Math.min(servicesInFile, size.services - first);
  return Array.from({ length: count }, (_, offset) => [
    serviceObject(first + offset),
    endpointSlice(size, first + offset, first + offset === service ? unready : undefined),
  ]).flat();
}
