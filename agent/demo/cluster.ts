import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { allPods, type CastPod, podNamespace } from './cast.js';
import { containerId, uidOf } from './containers.js';
import { type EndpointPod, type EndpointSliceObject, endpointSlicesOf, type ServiceObject } from './endpoint-slices.js';
import type { KubernetesObject } from './kubernetes/stored.js';
import { type PodObject, podObject, staticManifests } from './manifests.js';
import type { Run } from './run.js';

export interface ObjectName {
  /** As a CustomResourceDefinition would be named. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** What is to be done at the API server. */
export type Write = { readonly apply: KubernetesObject } | { readonly remove: ObjectName };

const clusterWide: ReadonlySet<string> = new Set(['Namespace', 'Node', 'GatewayClass']);
const sliceResource = 'endpointslices.discovery.k8s.io';
/** Where agents have their Lease. */
const systemNamespace = 'weft-system';
/** The GatewayClass that comes with Weft: agents write to its status. */
export const gatewayClass: ObjectName = {
  resource: 'gatewayclasses.gateway.networking.k8s.io',
  namespace: '',
  name: 'weft',
};
/** What is there wherever Weft is installed. */
const installed: readonly KubernetesObject[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: gatewayClass.name },
    spec: { controllerName: 'weft.dev/gateway' },
  },
];

/**
 * The example as a cluster has it: what users apply, and what kubelet and the EndpointSlice controller write. Nobody plays the
 * Deployments' controller: their Pods are there.
 */
export class Cluster {
  readonly #run: Run;
  readonly #ipv6: boolean;
  readonly #applied: readonly KubernetesObject[];
  readonly #pods = new Map<string, PodObject>();
  #slices: readonly EndpointSliceObject[];

  /** All Pods are ready. */
  constructor(run: Run, ipv6: boolean) {
    this.#run = run;
    this.#ipv6 = ipv6;
    this.#applied = [...installed, ...manifests()].map((object) => this.#complete(object));
    for (const pod of allPods) this.#pods.set(pod.name, this.#pod(pod, true));
    this.#slices = this.#select();
  }

  /** Everything there is; namespaces first. */
  objects(): readonly KubernetesObject[] {
    const applied = [...this.#applied].sort((a, b) => Number(b.kind === 'Namespace') - Number(a.kind === 'Namespace'));
    return [...applied, ...[...this.#pods.values(), ...this.#slices].map(plain)];
  }

  /** What kubelet, and then the EndpointSlice controller write when a Pod becomes ready or not. */
  mark(pod: CastPod, ready: boolean): readonly Write[] {
    const object = this.#pod(pod, ready);
    this.#pods.set(pod.name, object);
    const before = new Map(this.#slices.map((slice) => [slice.metadata.name, slice]));
    this.#slices = this.#select();
    const names = new Set(this.#slices.map(({ metadata }) => metadata.name));
    const changed = this.#slices.filter((slice) => !isSame(slice, before.get(slice.metadata.name)));
    const gone = [...before.values()].filter(({ metadata }) => !names.has(metadata.name));
    return [
      { apply: plain(object) },
      ...changed.map((slice) => ({ apply: plain(slice) })),
      ...gone.map(({ metadata: { namespace, name } }) => ({ remove: { resource: sliceResource, namespace, name } })),
    ];
  }

  #select(): readonly EndpointSliceObject[] {
    const services = this.#applied.filter(({ kind }) => kind === 'Service') as unknown as readonly ServiceObject[];
    const pods = [...this.#pods.values()] as readonly EndpointPod[];
    return services.flatMap((service) => endpointSlicesOf(service, pods));
  }

  /** With what the API server and its clients would have filled in. */
  #complete(object: KubernetesObject): KubernetesObject {
    const { name } = object.metadata;
    const namespace = clusterWide.has(object.kind) ? {} : { namespace: podNamespace };
    return { ...object, metadata: { ...namespace, ...object.metadata, uid: uidOf(this.#run, object.kind, name) } };
  }

  #pod(pod: CastPod, ready: boolean): PodObject {
    const object = podObject(pod, this.#ipv6, ready);
    const { metadata, spec, status } = object;
    const deployment = pod.version === '' ? pod.service : `${pod.service}-${pod.version}`;
    const hash = createHash('sha256').update(deployment).digest('hex').slice(0, 10);
    const replicaSet = `${deployment}-${hash}`;
    const owner = {
      ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: replicaSet },
      ...{ uid: uidOf(this.#run, 'ReplicaSet', replicaSet), controller: true, blockOwnerDeletion: true },
    };
    const isOwned = deployment !== '';
    const containerStatuses = spec.containers.map(({ name, image }) => ({
      ...{ name, image, ready, restartCount: 0, started: true },
      containerID: `containerd://${containerId(this.#run, pod.name, 'app')}`,
    }));
    return {
      ...object,
      metadata: {
        ...metadata,
        uid: uidOf(this.#run, 'Pod', pod.name),
        labels: isOwned ? { ...metadata.labels, 'pod-template-hash': hash } : metadata.labels,
        ...(isOwned ? { ownerReferences: [owner] } : {}),
      },
      // Requests make its class Burstable, as its cgroup says.
      spec: {
        ...spec,
        containers: spec.containers.map((each) => ({ ...each, resources: { requests: { cpu: '10m' } } })),
      },
      status: { ...status, qosClass: 'Burstable', containerStatuses },
    };
  }
}

function manifests(): readonly KubernetesObject[] {
  return readdirSync(staticManifests)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(join(staticManifests, file), 'utf8')))
    .map((document) => document.toJS() as KubernetesObject)
    .filter(({ kind }) => kind !== 'Deployment');
}

function plain(object: PodObject | EndpointSliceObject): KubernetesObject {
  return { ...object };
}

function isSame(slice: EndpointSliceObject, other: EndpointSliceObject | undefined): boolean {
  return JSON.stringify(slice) === JSON.stringify(other);
}
