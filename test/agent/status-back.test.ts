import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiServer } from '../../agent/demo/kubernetes/api-server.js';
import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';
import { makeDirectory } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import { freeNodePort } from './node-port.js';
import { eventually, Site } from './site.js';

const gatewayApi = 'gateway.networking.k8s.io/v1';
const metadata = (name: string) => ({ name, namespace: 'default' });

const gatewayClass = {
  apiVersion: gatewayApi,
  kind: 'GatewayClass',
  metadata: { name: 'weft' },
  spec: { controllerName: 'weft.dev/gateway' },
};

function gateway(port: number): KubernetesObject {
  const listeners = [{ name: 'web', port, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'Same' } } }];
  return {
    apiVersion: gatewayApi,
    kind: 'Gateway',
    metadata: metadata('edge'),
    spec: { gatewayClassName: 'weft', listeners },
  };
}

function route(backend: string): KubernetesObject {
  const rules = [{ backendRefs: [{ name: backend, port: 80 }] }];
  return {
    apiVersion: gatewayApi,
    kind: 'HTTPRoute',
    metadata: metadata('shop'),
    spec: { parentRefs: [{ name: 'edge' }], rules },
  };
}

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata('web'),
  spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
};

/** Istio's CRDs accept what makes no sense. */
function broken(name: string): KubernetesObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: metadata(name),
    spec: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' }, weight: -5 }] }] },
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number;
}

interface Status {
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly { readonly conditions: readonly Condition[]; readonly attachedRoutes: number }[];
  readonly parents?: readonly { readonly conditions: readonly Condition[] }[];
}

function said(conditions: readonly Condition[] | undefined): string {
  return (conditions ?? [])
    .map(({ type, status, reason }) => `${type}=${status} ${reason}`)
    .sort()
    .join(', ');
}

kernelTest('conditions and Events are written back by the agent, and follow what changes', async (t) => {
  const folder = makeDirectory();
  t.teardown(() => rmSync(folder, { recursive: true }));
  const api = new ApiServer({ folder });
  t.teardown(() => api.close());
  await api.listen();
  const mesh = [gatewayClass, gateway(await freeNodePort()), route('missing'), service, broken('broken')];
  for (const object of mesh) api.apply(object);
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig());
  const options = ['--kubernetes', '--kubeconfig', kubeconfig, '--node', 'here', '--namespace', 'weft-system'];
  const site = Site.make(t, { options: [...options, '--workers', '1'] });
  await site.agent.start();
  const statusOf = (resource: string, namespace: string, name: string): Status =>
    (api.get(`${resource}.gateway.networking.k8s.io`, namespace, name)?.status ?? {}) as Status;
  const routeSays = () => said(statusOf('httproutes', 'default', 'shop').parents?.[0]?.conditions);
  const patience = 30_000;

  await eventually(routeSays, (text) => text.includes('ResolvedRefs=False BackendNotFound'), patience);
  await eventually(
    () => said(statusOf('gatewayclasses', '', 'weft').conditions),
    (text) => text === 'Accepted=True Accepted',
    patience,
  );
  await eventually(
    () => said(statusOf('gateways', 'default', 'edge').conditions),
    (text) => text === 'Accepted=True Accepted, Programmed=True Programmed',
    patience,
  );
  t.is(statusOf('gateways', 'default', 'edge').listeners?.[0]?.attachedRoutes, 1);
  const eventsOf = (name: string) =>
    api.list('events.events.k8s.io').filter(({ regarding }) => (regarding as { name: string }).name === name).length;
  await eventually(
    () => eventsOf('broken'),
    (events) => events === 1,
    patience,
  );

  api.apply(route('web'));
  await eventually(routeSays, (text) => text === 'Accepted=True Accepted, ResolvedRefs=True ResolvedRefs', patience);
  t.regex(await site.agent.text('/v1/problems'), /broken/);

  api.apply(broken('later'));
  await eventually(
    () => eventsOf('later'),
    (events) => events === 1,
    patience,
  );
});
