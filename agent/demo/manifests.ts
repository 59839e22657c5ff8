import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type CastPod, type CastService, nodeName, podNamespace, podPort, readServices } from './cast.js';
import { netnsOf, type Run } from './run.js';

/** The manifests that are the same in every run: Deployments, rules, Services; and the application of user-service. */
export const staticManifests: string = join(dirname(fileURLToPath(import.meta.url)), '../../../deploy/demo');

export function demoServices(): CastService[] {
  return ['catalog.yaml', 'services.yaml'].flatMap((file) =>
    readServices(readFileSync(join(staticManifests, file), 'utf8')),
  );
}

/** A v1 Pod as far as the demo says it. */
export interface PodObject {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly spec: { readonly nodeName: string; readonly containers: readonly ContainerSpec[] };
  readonly status: {
    readonly phase: string;
    readonly podIP: string;
    readonly podIPs: readonly { readonly ip: string }[];
    readonly conditions: readonly { readonly type: string; readonly status: 'True' | 'False' }[];
    readonly [field: string]: unknown;
  };
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly [field: string]: unknown;
}

/** What is the same of a Pod wherever its object is kept. */
export function podObject(pod: CastPod, ipv6: boolean, ready: boolean): PodObject {
  const addresses = ipv6 ? [pod.ipv4, pod.ipv6] : [pod.ipv4];
  const app = pod.service === '' ? pod.name : pod.service;
  const labels: Record<string, string> = pod.version === '' ? { app } : { app, version: pod.version };
  const ports = pod.service === '' ? {} : { ports: [{ containerPort: podPort }] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, namespace: podNamespace, labels },
    spec: { nodeName, containers: [{ name: app, image: `${app}:${pod.version === 'v2' ? '2.0' : '1.0'}`, ...ports }] },
    status: {
      phase: 'Running',
      podIP: pod.ipv4,
      podIPs: addresses.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

/** The Pod's manifest; `weft.dev/netns` says where it lives. */
export function podManifest(demo: Run, pod: CastPod, ipv6: boolean, ready: boolean): string {
  const object = podObject(pod, ipv6, ready);
  const annotations = { 'weft.dev/netns': netnsOf(demo, pod.name) };
  return stringify({ ...object, metadata: { ...object.metadata, annotations } });
}
