import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { allPods, type CastPod, type CastService, nodeName, podNamespace, podPort, readServices } from './cast.js';
import { netnsOf, type Run } from './run.js';

/** The manifests that are the same in every run: Deployments, rules, Services; and the application of user-service. */
export const staticManifests: string = join(dirname(fileURLToPath(import.meta.url)), '../../../deploy/demo');

export function demoServices(): CastService[] {
  return ['catalog.yaml', 'services.yaml'].flatMap((file) =>
    readServices(readFileSync(join(staticManifests, file), 'utf8')),
  );
}

/** The pod's manifest; `weft.dev/netns` says where it lives. */
export function podManifest(demo: Run, pod: CastPod, ipv6: boolean, ready: boolean): string {
  const addresses = ipv6 ? [pod.ipv4, pod.ipv6] : [pod.ipv4];
  const app = pod.service === '' ? pod.name : pod.service;
  const version = pod.version === '' ? {} : { version: pod.version };
  const ports = pod.service === '' ? {} : { ports: [{ containerPort: podPort }] };
  return stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: podNamespace,
      labels: { app, ...version },
      annotations: { 'weft.dev/netns': netnsOf(demo, pod.name) },
    },
    spec: { nodeName, containers: [{ name: app, image: `${app}:${pod.version === 'v2' ? '2.0' : '1.0'}`, ...ports }] },
    status: {
      phase: 'Running',
      podIP: pod.ipv4,
      podIPs: addresses.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  });
}

/** Writes or replaces the pod's manifest in one step (rename(2)). */
export function writePod(demo: Run, pod: CastPod, ipv6: boolean, ready: boolean): void {
  const draft = join(demo.folder, `${pod.name}.draft`);
  writeFileSync(draft, podManifest(demo, pod, ipv6, ready));
  renameSync(draft, join(demo.podManifests, `${pod.name}.yaml`));
}

export function writePods(demo: Run, ipv6: boolean): void {
  mkdirSync(demo.podManifests);
  for (const pod of allPods) writePod(demo, pod, ipv6, true);
}
