import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PodItem } from '../../agent/api/items.js';
import { ApiServer } from '../../agent/demo/kubernetes/api-server.js';
import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';
import { defaultRelease, renderChart } from '../../deploy/render/chart.js';
import type { Caller } from '../agent/caller.js';
import { Kubelet } from '../agent/kubelet.js';
import { freeNodePort } from '../agent/node-port.js';
import { eventually, type Life } from '../agent/site.js';
import { makeDirectory } from '../kernel/scratch.js';
import { AgentPod, containerTest, patience } from './agent-pod.js';
import type { OciContainer } from './container.js';

/** Verbs of the chart's roles by `RESOURCE.GROUP`. */
function allowedVerbs(): ReadonlyMap<string, ReadonlySet<string>> {
  const allowed = new Map<string, Set<string>>();
  for (const { kind, rules } of renderChart().objects) {
    if (!/Role$/.test(kind)) continue;
    for (const rule of rules as readonly Readonly<Record<string, readonly string[]>>[]) {
      for (const resource of rule.resources!) {
        const name = [resource, rule.apiGroups![0]].filter(Boolean).join('.');
        allowed.set(name, new Set([...(allowed.get(name) ?? []), ...rule.verbs!]));
      }
    }
  }
  return allowed;
}

/** Of a request as RBAC sees it: `VERB RESOURCE.GROUP`; undefined for what is no resource. */
function attempted(
  method: string,
  path: string,
  isWatch: boolean,
): readonly [verb: string, resource: string] | undefined {
  const parts =
    /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)(?:\/namespaces\/[^/]+(?=\/.))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
      path,
    );
  if (parts === null) return undefined;
  const [, group, plural, name, subresource] = parts;
  const reading = name === undefined ? (isWatch ? 'watch' : 'list') : 'get';
  const verb = { GET: reading, POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method]!;
  return [verb, [subresource ? `${plural}/${subresource}` : plural, group].filter(Boolean).join('.')];
}

const uid = '1f0c9ab2-6d1b-4c37-9b1e-0a5f3de2c4b7';
const metadata = { name: 'web', namespace: 'default' };
const gatewayApi = 'gateway.networking.k8s.io/v1';
const parentRefs = [{ name: 'edge' }];

const objects: readonly KubernetesObject[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ name: 'main', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'main', port: 8080, protocol: 'TCP' }],
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client', namespace: 'default', uid, labels: { 'weft.dev/mesh': 'enabled' } },
    spec: { nodeName: 'here', containers: [{ name: 'main' }] },
    status: { phase: 'Running', podIP: '10.1.255.1', podIPs: [{ ip: '10.1.255.1' }] },
  },
];

/** What is said something of: conditions, and Events of rules that make no sense. */
const judged = (port: number): readonly KubernetesObject[] => [
  ...renderChart({ gatewayClass: { create: 'always' } }).objects.filter(({ kind }) => kind === 'GatewayClass'),
  {
    apiVersion: gatewayApi,
    kind: 'Gateway',
    metadata: { ...metadata, name: 'edge' },
    spec: { gatewayClassName: 'weft', listeners: [{ name: 'web', port, protocol: 'HTTP' }] },
  },
  { apiVersion: gatewayApi, kind: 'HTTPRoute', metadata, spec: { parentRefs, rules: [{}] } },
  { apiVersion: gatewayApi, kind: 'GRPCRoute', metadata, spec: { parentRefs, rules: [{}] } },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata,
    spec: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' }, weight: -5 }] }] },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata,
    spec: { host: 'web', trafficPolicy: { loadBalancer: { simple: 'BEST' } } },
  },
];

/** Rights that the first minute does not use: an Event is said again after ten, and lists are for servers without streaming lists, and for comparison. */
const later = /^(?:patch events\.events\.k8s\.io|list .*)$/;

/** `VERB RESOURCE.GROUP` of all requests so far. */
function askedOf(server: ApiServer): ReadonlySet<string> {
  return new Set(
    server.requests.flatMap(({ method, path, query }) => {
      const attempt = attempted(method, path, /^(?:true|1)$/.test(query.get('watch') ?? ''));
      return attempt === undefined ? [] : [attempt.join(' ')];
    }),
  );
}

/** A node of a cluster with one Pod on it, and the agent's Pod. */
async function open(
  life: Life,
): Promise<{ pod: AgentPod; server: ApiServer; caller: Caller; agent: () => OciContainer }> {
  const pod = new AgentPod(life);
  const server = new ApiServer({ folder: join(makeDirectory(), 'certificates') });
  life.teardown(() => server.close());
  const kubelet = new Kubelet(life, { driver: 'systemd', hierarchy: 'v2', cgroup: pod.cgroup });
  await server.listen();
  for (const object of objects) server.apply(object);
  const caller = await kubelet.container(await kubelet.sandbox(uid));
  const { hostname, port } = new URL(server.url);
  const account = { token: server.token, 'ca.crt': server.authority, namespace: defaultRelease.namespace };
  const agent = (): OciContainer => {
    const container = pod.make('weft', {
      port: 0,
      environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      files: { '/var/run/secrets/kubernetes.io/serviceaccount': account },
    });
    container.start();
    return container;
  };
  return { pod, server, caller, agent };
}

async function captured(pod: AgentPod): Promise<PodItem> {
  let item: PodItem | undefined;
  await eventually(
    async () => {
      item = (await pod.api.call<{ items: readonly PodItem[] }>('GET', '/v1/pods')).items[0];
      return item?.captured;
    },
    (is) => is === true,
    patience,
  );
  return item!;
}

const [redirected, plain] = ['10.1.0.1:8080', '10.96.0.1:80'];

containerTest(
  'a Pod is found by /host/proc, stays meshed while the agent’s Pod is replaced, and is let go by cleanup',
  async (t) => {
    t.timeout(180_000);
    const { pod, caller, agent } = await open(t);
    t.is(await caller.arrive('10.96.0.1'), plain);
    const first = agent();
    t.is((await pod.status(first)).node, 'here');
    t.regex((await captured(pod)).netns, /^\/host\/proc\/\d+\/ns\/net$/);
    t.is(await caller.arrive('10.96.0.1'), redirected);

    await first.kill();
    t.is(await caller.arrive('10.96.0.1'), redirected, 'no agent runs');
    const second = agent();
    await pod.status(second);
    await captured(pod);
    t.is(await caller.arrive('10.96.0.1'), redirected);

    await second.kill();
    const cleaner = pod.make('weft', { port: 15090, values: { cleanup: true } });
    cleaner.start();
    await eventually(
      () => existsSync(pod.pin) || cleaner.log,
      (left) => left !== true,
      patience,
    );
    t.true(cleaner.isRunning, 'it waits, so that the DaemonSet counts as rolled out');
    // The kernel lets go of a program a moment after its pin is gone.
    await eventually(
      () => caller.arrive('10.96.0.1'),
      (where) => where === plain,
      patience,
    );
  },
);

containerTest('the agent asks for what the chart’s roles allow: nothing else, and all of it', async (t) => {
  t.timeout(180_000);
  const { pod, server, agent } = await open(t);
  for (const object of judged(await freeNodePort())) server.apply(object);
  await pod.status(agent());
  const allowed = new Set(
    [...allowedVerbs()].flatMap(([resource, verbs]) => [...verbs].map((verb) => `${verb} ${resource}`)),
  );
  const unused = (): readonly string[] =>
    [...allowed].filter((right) => !askedOf(server).has(right) && !later.test(right)).sort();
  await eventually(unused, (rights) => rights.length === 0, patience).catch(() => undefined);
  t.deepEqual(unused(), []);
  t.deepEqual(
    [...askedOf(server)].filter((right) => !allowed.has(right)),
    [],
  );
});
