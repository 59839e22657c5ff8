import { randomUUID } from 'node:crypto';
import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';

/*
 * Objects as an API server and its controllers have them.
 */

/** Of the agent's node. */
export const node = 'here';

interface ServiceState {
  readonly address: string;
  /** Of its only port, 80. Default: main. */
  readonly port?: string;
  /** Ready ones, port 8080. */
  readonly backends: readonly string[];
}

/** A Service and its slice. */
export function serviceOf(
  name: string,
  { address, port = 'main', backends }: ServiceState,
): readonly KubernetesObject[] {
  const named = { name: port, protocol: 'TCP' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: {
        type: 'ClusterIP',
        clusterIP: address,
        clusterIPs: [address],
        ipFamilies: ['IPv4'],
        ports: [{ ...named, port: 80, targetPort: 8080 }],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-x`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: backends.map((backend) => ({
        addresses: [backend],
        conditions: { ready: true, serving: true, terminating: false },
      })),
      ports: [{ ...named, port: 8080 }],
    },
  ];
}

/** Service `app-N` at 10.96.0.N. */
export function application(number: number, backends: readonly string[]): readonly KubernetesObject[] {
  return serviceOf(`app-${number}`, { address: `10.96.0.${number}`, backends });
}

export interface PodState {
  readonly uid: string;
  readonly mesh?: 'enabled' | 'disabled';
  /** Default: none yet. */
  readonly address?: string;
  /** Default: Pending. */
  readonly phase?: string;
  readonly hostNetwork?: boolean;
}

/** Pod default/client-0 of the node. */
export function podOf({ uid, mesh, address, phase = 'Pending', hostNetwork = false }: PodState): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'client-0',
      namespace: 'default',
      uid,
      labels: { app: 'client', ...(mesh && { 'weft.dev/mesh': mesh }) },
      // Anybody may write one: it must not lead anywhere.
      annotations: { 'weft.dev/netns': 'no-such-namespace' },
    },
    spec: { nodeName: node, hostNetwork, containers: [{ name: 'main' }] },
    status: { phase, ...(address !== undefined && { podIP: address, podIPs: [{ ip: address }] }) },
  };
}

/** A Pod of the mesh that nobody else has: an agent looks at all of the machine's processes. */
export function meshedPod(): KubernetesObject {
  return podOf({ uid: randomUUID(), mesh: 'enabled', address: '10.1.255.1', phase: 'Running' });
}
