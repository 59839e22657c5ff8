import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodItem, Status } from '../../agent/api/items.js';
import { AgentClient } from '../../agent/cli/agent-client.js';
import { ApiServer } from '../../agent/demo/kubernetes/api-server.js';
import { cleanup } from '../../agent/kernel/cleanup.js';
import { type ChartObject, checkout, defaultRelease, renderChart, rendererMissing } from '../../deploy/render/chart.js';
import { Kubelet } from '../agent/kubelet.js';
import { eventually, type Life } from '../agent/site.js';
import {
  claimName,
  makeCgroup,
  makeDirectory,
  makeNamespace,
  removeCgroup,
  removeNamespace,
} from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import { chartTest } from './chart-test.js';
import { OciContainer } from './container.js';
import { type Container, daemonSetOf } from './daemonset.js';

const runtime = spawnSync('runc', ['--version']).status === 0;

/** Needs root and BPF, Go for the chart, and runc. */
function containerTest(title: string, run: Parameters<typeof kernelTest>[1]): void {
  if (rendererMissing() !== undefined) chartTest(title, run);
  else kernelTest(runtime ? title : `${title} (runc is needed: apt-get install runc)`, run);
}

const seccomp = JSON.parse(readFileSync(join(checkout, 'deploy/seccomp/weft.json'), 'utf8'), (key, value: unknown) =>
  key === 'comment' ? undefined : value,
) as object;

/** Of what a loaded machine may take, in ms. */
const patience = 30_000;

type Change = (container: Container) => Container;

/** A Pod of the chart's DaemonSet, with places of its own on this machine. */
class AgentPod {
  readonly pins: string = claimName();
  readonly pin: string = `/sys/fs/bpf/${this.pins}`;
  readonly run: string = makeDirectory();
  readonly cgroup: string = makeCgroup();
  readonly api: AgentClient = new AgentClient(`unix:${join(this.run, 'api.sock')}`, '');
  readonly #containers: OciContainer[] = [];

  constructor(life: Life) {
    life.teardown(async () => {
      for (const container of this.#containers) await container.kill();
      cleanup({ pin: this.pin, dryRun: false });
      removeCgroup(this.cgroup);
    });
  }

  /** Makes a container: `options.config` in place of the chart's ConfigMap, `change` made to the container first. */
  make(
    name: 'doctor' | 'weft',
    options: {
      readonly port: number;
      readonly config?: string;
      readonly files?: Readonly<Record<string, Readonly<Record<string, string>>>>;
      readonly environment?: Readonly<Record<string, string>>;
      readonly netns?: string;
      readonly change?: Change;
    },
  ): OciContainer {
    const host = { pins: this.pins, captured: this.cgroup, run: this.run };
    const rendered = renderChart({ host, agent: { workers: 1, metricsPort: options.port } });
    const { containers, initContainers, volumes } = daemonSetOf(rendered).spec.template.spec;
    const { data } = rendered.objects.find(({ kind }) => kind === 'ConfigMap') as ChartObject & {
      readonly data: Readonly<Record<string, string>>;
    };
    const found = [...initContainers, ...containers].find((each) => each.name === name)!;
    const { change = (container) => container, config = data['weft.yaml']!, netns } = options;
    const container = new OciContainer({
      container: change(here(found)),
      volumes,
      environment: { HOST_IP: '127.0.0.1', NODE_NAME: 'here', ...options.environment },
      files: { '/etc/weft': { 'weft.yaml': config }, ...options.files },
      ...(netns !== undefined && { netns }),
      seccomp,
    });
    this.#containers.push(container);
    return container;
  }

  async status(container: OciContainer): Promise<Status> {
    let status: Status | undefined;
    await eventually(
      async () => {
        if (!container.isRunning) throw new Error(`the container ended: ${container.log}`);
        try {
          status = await this.api.call<Status>('GET', '/v1/status');
        } catch {
          status = undefined;
        }
        return status?.ready;
      },
      (ready) => ready === true,
      patience,
    );
    return status!;
  }
}

/** Process 1 of some virtual machines lets nobody look at it; this one is in the same cgroup namespace. */
function here(container: Container): Container {
  const command = container.command.map((word) => word.replace('/host/proc/1/', `/host/proc/${process.pid}/`));
  return { ...container, command };
}

const without =
  (capability: string): Change =>
  (container) => {
    const { capabilities } = container.securityContext;
    const add = capabilities!.add.filter((name) => name !== capability);
    return { ...container, securityContext: { ...container.securityContext, capabilities: { ...capabilities!, add } } };
  };

const manifests = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec: { gatewayClassName: weft, listeners: [{ name: http, port: 80, protocol: HTTP }] }
`;

/** The agent in a network namespace of its own, fed by a directory. */
function isolated(life: Life, change?: Change): { pod: AgentPod; container: OciContainer; netns: string } {
  const pod = new AgentPod(life);
  const netns = makeNamespace();
  life.teardown(async () => removeNamespace(netns));
  const config = `manifests: [/manifests]\nproc: /host/proc\npin: ${pod.pin}\ncgroup: ${pod.cgroup}\nworkers: 1\n`;
  const container = pod.make('weft', {
    ...{ port: 15090, config, netns, files: { '/manifests': { 'mesh.yaml': manifests } } },
    ...(change && { change }),
  });
  container.start();
  return { pod, container, netns };
}

function curl(netns: string, url: string): string {
  const words = [`--net=${netns}`, 'curl', '--silent', '--include', '--max-time', '5', url];
  return spawnSync('nsenter', words, { encoding: 'utf8' }).stdout;
}

containerTest(
  'in a container as the chart describes it the agent becomes ready, and its Gateway answers on port 80',
  async (t) => {
    t.timeout(120_000);
    const { pod, container, netns } = isolated(t);
    await pod.status(container);
    t.regex(curl(netns, 'http://127.0.0.1:15090/readyz?verbose'), /200 OK.*gateway ok.*canary ok/s);
    t.regex(curl(netns, 'http://127.0.0.1:15090/metrics'), /^weft_build_info/m);
    await eventually(
      async () => curl(netns, 'http://127.0.0.1:80/'),
      (answer) => /^HTTP\/1\.1 404 .*server: weft/is.test(answer),
      patience,
    );
  },
);

containerTest(
  'without NET_BIND_SERVICE no Gateway listens on port 80, which is a problem of the Gateway',
  async (t) => {
    t.timeout(120_000);
    const { pod, container, netns } = isolated(t, without('NET_BIND_SERVICE'));
    await pod.status(container);
    const problems = await pod.api.call<{ items: readonly { message: string }[] }>('GET', '/v1/problems');
    t.true(
      problems.items.some(({ message }) => message.includes('CAP_NET_BIND_SERVICE')),
      JSON.stringify(problems),
    );
    t.is(curl(netns, 'http://127.0.0.1:80/'), '');
  },
);

containerTest('without SYS_PTRACE the container cannot enter the node’s cgroup namespace', async (t) => {
  t.timeout(60_000);
  const { container } = isolated(t, without('SYS_PTRACE'));
  t.not(await container.ended(), 0);
  t.regex(container.log, /ns\/cgroup: Permission denied/);
});

containerTest('doctor finds nothing missing in its container', async (t) => {
  t.timeout(60_000);
  const pod = new AgentPod(t);
  const netns = makeNamespace();
  t.teardown(() => removeNamespace(netns));
  const doctor = pod.make('doctor', { port: 15090, netns });
  doctor.start();
  t.is(await doctor.ended(), 0, doctor.log);
  t.regex(doctor.log, /CAP_SYS_PTRACE +ok/);
  t.notRegex(doctor.log, / failed /);
});

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

const objects: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } },
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'weft-system' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ name: 'main', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-x', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
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

containerTest(
  'with the chart’s options and its service account a node’s Pod is found by /host/proc, and nothing is asked for that its roles forbid',
  async (t) => {
    t.timeout(120_000);
    const pod = new AgentPod(t);
    const folder = makeDirectory();
    mkdirSync(join(folder, 'certificates'));
    const server = new ApiServer({ folder: join(folder, 'certificates') });
    t.teardown(() => server.close());
    const kubelet = new Kubelet(t, { driver: 'systemd', hierarchy: 'v2', cgroup: pod.cgroup });
    await server.listen();
    for (const object of objects) server.apply(object as Parameters<ApiServer['apply']>[0]);
    const sandbox = await kubelet.sandbox(uid);
    const caller = await kubelet.container(sandbox);

    const { hostname, port } = new URL(server.url);
    const container = pod.make('weft', {
      port: 0,
      environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      files: {
        '/var/run/secrets/kubernetes.io/serviceaccount': {
          token: server.token,
          'ca.crt': server.authority,
          namespace: defaultRelease.namespace,
        },
      },
    });
    container.start();
    const status = await pod.status(container);
    t.is(status.node, 'here');
    await eventually(
      async () => (await pod.api.call<{ items: readonly PodItem[] }>('GET', '/v1/pods')).items[0]?.captured,
      (captured) => captured === true,
      patience,
    );
    const { items } = await pod.api.call<{ items: readonly PodItem[] }>('GET', '/v1/pods');
    t.regex(items[0]!.netns, /^\/host\/proc\/\d+\/ns\/net$/);
    t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');

    const allowed = allowedVerbs();
    const asked = server.requests.flatMap(({ method, path, query }) => {
      const attempt = attempted(method, path, query.get('watch') !== null && query.get('watch') !== 'false');
      return attempt === undefined ? [] : [attempt];
    });
    const refused = asked.filter(([verb, resource]) => !allowed.get(resource)?.has(verb)).map((each) => each.join(' '));
    t.deepEqual([...new Set(refused)], []);
    t.true(asked.some(([verb, resource]) => verb === 'watch' && resource === 'endpointslices.discovery.k8s.io'));
    t.true(asked.some(([verb, resource]) => verb === 'watch' && resource === 'httproutes.gateway.networking.k8s.io'));
  },
);
