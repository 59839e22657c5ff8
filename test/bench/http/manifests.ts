import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '../mesh.js';
import { ports } from './proxies.js';

const namespace = 'bench';

/** A client Pod, a Service of one backend with an HTTP and a gRPC port, and a VirtualService with a rule that every request takes. */
function objects(netns: string, client: string, service: string, backend: string): readonly KubernetesObject[] {
  const meta = (name: string, more = {}) => ({ name, namespace, ...more });
  const pod = (name: string, address: string, more = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, more),
    spec: { containers: [] },
    status: { podIP: address, podIPs: [{ ip: address }] },
  });
  return [
    pod('client', client, { annotations: { 'weft.dev/netns': netns } }),
    pod('backend', backend, { labels: { app: 'backend' } }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta('backend'),
      spec: {
        clusterIP: service,
        clusterIPs: [service],
        selector: { app: 'backend' },
        ports: [
          { name: 'http', port: ports.http1, targetPort: ports.http1 },
          { name: 'grpc', port: ports.grpc, targetPort: ports.grpc },
        ],
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: meta('backend'),
      spec: {
        hosts: ['backend'],
        http: [
          { match: [{ headers: { 'x-never': { exact: 'set' } } }], directResponse: { status: 418 } },
          { match: [{ uri: { prefix: '/' } }], route: [{ destination: { host: 'backend' } }] },
        ],
      },
    },
  ];
}

export function writeManifests(
  directory: string,
  netns: string,
  addresses: { readonly client: string; readonly service: string; readonly backend: string },
): void {
  mkdirSync(directory);
  const items = objects(netns, addresses.client, addresses.service, addresses.backend);
  writeFileSync(join(directory, 'bench.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}
