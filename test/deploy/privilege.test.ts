import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { checkout, defaultRelease, type Rendered, renderChart } from '../../deploy/render/chart.js';
import { chartTest } from './chart-test.js';
import { agentContainer, type Container, daemonSetOf } from './daemonset.js';

/** Everything that the Pods may do on a node and that the agents may do in a cluster, and why. What is added or taken away must be so here too. */
type Reasons = Readonly<Record<string, string>>;

const capabilities: Reasons = {
  KILL: 'ends gateway workers, which are another user’s (gateway-capabilities.test.ts)',
  NET_ADMIN: 'ends sockets by sock_diag, sets up the canary’s namespace (capabilities.test.ts)',
  NET_BIND_SERVICE: 'Gateways listen on ports below 1024 (container.test.ts)',
  SETGID: 'workers become nobody (gateway-capabilities.test.ts)',
  SETPCAP: 'workers empty their bounding set (gateway-capabilities.test.ts)',
  SETUID: 'workers become nobody (gateway-capabilities.test.ts)',
  SYS_ADMIN: 'lists links of cgroups, enters namespaces, stands for BPF and PERFMON (capabilities.test.ts)',
  SYS_PTRACE: 'opens /proc/PID/ns of Pods and of process 1, takes ingress ports over (container.test.ts)',
};

const ofContainers: Reasons = {
  'allowPrivilegeEscalation: false': 'no file in the image has more to give',
  'appArmorProfile: {"type":"Unconfined"}': 'the runtimes’ profile denies looking at other containers’ /proc/PID/ns',
  'capabilities.drop: ["ALL"]': 'those that a runtime gives by itself are not needed',
  'privileged: false': 'capabilities are enough',
  'readOnlyRootFilesystem: true': 'it writes to its mounts only',
  'runAsGroup: 0': 'with runAsUser',
  'runAsNonRoot: false': 'with runAsUser',
  'runAsUser: 0': 'Kubernetes gives no ambient capabilities',
  'seLinuxOptions: {"type":"spc_t"}': 'container_t may not use bpf(2) nor the node’s directories',
  'seccompProfile: {"type":"RuntimeDefault"}': 'allows bpf, setns and unshare to who has SYS_ADMIN',
};

const mounts: Reasons = {
  '/etc/weft readOnly': 'its options, a ConfigMap',
  '/host/proc readOnly': 'Pods are found by their processes; the cgroup namespace of process 1',
  '/run/weft': 'the API’s socket, for who is on the node too',
  '/sys/fs/bpf HostToContainer': 'pins of programs and maps, which outlive the Pod',
  '/sys/fs/cgroup HostToContainer': 'programs are attached to cgroup2’s root; the canary gets a cgroup of its own',
};

const volumes: Reasons = {
  'bpffs: hostPath /sys/fs/bpf DirectoryOrCreate': 'see the mount',
  'cgroup: hostPath /sys/fs/cgroup Directory': 'see the mount',
  'config: configMap': 'see the mount',
  'proc: hostPath /proc Directory': 'see the mount',
  'run: hostPath /run/weft DirectoryOrCreate': 'see the mount',
};

const ofPod: Reasons = {
  'dnsPolicy: "ClusterFirstWithHostNet"': 'names of the cluster, from the node’s network',
  'hostNetwork: true': 'Gateways listen on the node’s addresses; programs know the node’s namespace as nobody’s Pod',
};

const verbs: Reasons = Object.fromEntries([
  ...['namespaces', 'nodes', 'pods', 'services', 'endpointslices.discovery.k8s.io'].flatMap((resource) => [
    [`cluster list ${resource}`, 'what the mesh is'],
    [`cluster watch ${resource}`, 'what the mesh is'],
  ]),
  ...['gateways', 'serviceentries', 'destinationrules', 'virtualservices'].flatMap((resource) => [
    [`cluster list ${resource}.networking.istio.io`, 'Istio’s rules'],
    [`cluster watch ${resource}.networking.istio.io`, 'Istio’s rules'],
  ]),
  ...['destinationrules', 'virtualservices'].map((resource) => [
    `cluster get ${resource}.networking.istio.io`,
    'the uid of a rule that an Event is about',
  ]),
  ...['gatewayclasses', 'gateways', 'grpcroutes', 'httproutes', 'referencegrants'].flatMap((resource) => [
    [`cluster list ${resource}.gateway.networking.k8s.io`, 'Gateway API’s rules'],
    [`cluster watch ${resource}.gateway.networking.k8s.io`, 'Gateway API’s rules'],
  ]),
  ...['gatewayclasses', 'gateways', 'grpcroutes', 'httproutes'].flatMap((resource) => [
    [`cluster get ${resource}.gateway.networking.k8s.io`, 'the object as it is, before its status is written'],
    [`cluster update ${resource}/status.gateway.networking.k8s.io`, 'conditions'],
  ]),
  ['cluster create events.events.k8s.io', 'rejected rules, in the rule’s own namespace'],
  ['cluster patch events.events.k8s.io', 'the series of one that is said again'],
  ['weft-system create leases.coordination.k8s.io', 'who writes status'],
  ['weft-system get leases.coordination.k8s.io weft-status', 'who writes status'],
  ['weft-system update leases.coordination.k8s.io weft-status', 'who writes status'],
]);

const names = (reasons: Reasons): readonly string[] => Object.keys(reasons).sort();

function mountsOf({ volumeMounts }: Container): readonly string[] {
  return volumeMounts
    .map(({ mountPath, readOnly, mountPropagation }) =>
      [mountPath, readOnly ? 'readOnly' : '', mountPropagation ?? ''].filter(Boolean).join(' '),
    )
    .sort();
}

/** Each field of the security context but capabilities.add, as `NAME: JSON`. */
function settingsOf({ securityContext: { capabilities, ...others } }: Container): readonly string[] {
  const { add, ...rest } = capabilities!;
  void add;
  return [
    ...Object.entries(others).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    ...Object.entries(rest).map(([name, value]) => `capabilities.${name}: ${JSON.stringify(value)}`),
  ].sort();
}

chartTest('every capability, setting and mount of the agent has its reason; doctor has the same', (t) => {
  const rendered = renderChart();
  const { containers, initContainers } = daemonSetOf(rendered).spec.template.spec;
  t.deepEqual(
    [...initContainers, ...containers].map((each) => each.name),
    ['bpffs', 'doctor', 'weft'],
  );
  for (const container of [initContainers[1]!, containers[0]!]) {
    t.deepEqual([...container.securityContext.capabilities!.add].sort(), names(capabilities), container.name);
    t.deepEqual(settingsOf(container), names(ofContainers), container.name);
    t.deepEqual(mountsOf(container), names(mounts), container.name);
  }
});

chartTest('only what mounts bpffs is privileged, and it sees that directory alone', (t) => {
  const { initContainers } = daemonSetOf(renderChart()).spec.template.spec;
  const [bpffs] = initContainers;
  t.deepEqual(mountsOf(bpffs!), ['/sys/fs/bpf Bidirectional']);
  t.deepEqual(bpffs!.securityContext, {
    ...{ privileged: true, readOnlyRootFilesystem: true },
    ...{ runAsUser: 0, runAsGroup: 0, runAsNonRoot: false },
  });
  t.regex(
    bpffs!.command.join(' '),
    /^sh -c \[ .* = cafe4a11 \] \|\| mount -t bpf -o mode=0700 bpf "\$1" sh \/sys\/fs\/bpf$/,
  );
});

chartTest('every volume and flag of the Pod has its reason', (t) => {
  const { spec } = daemonSetOf(renderChart()).spec.template;
  const found = spec.volumes.map(({ name, hostPath, ...others }) =>
    hostPath ? `${name}: hostPath ${hostPath.path} ${hostPath.type}` : `${name}: ${Object.keys(others).join(' ')}`,
  );
  t.deepEqual(found.sort(), names(volumes));
  const flags = Object.entries(spec).filter(([name]) =>
    /^host|^share|^dnsPolicy|^securityContext|^runtimeClass/.test(name),
  );
  t.deepEqual(flags.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).sort(), names(ofPod));
  t.is(spec.priorityClassName, 'system-node-critical');
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** `cluster|NAMESPACE VERB RESOURCE.GROUP [NAME]`, each once. */
function verbsOf({ objects }: Rendered): readonly string[] {
  const roles = objects.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
  return roles
    .flatMap(({ metadata, rules }) =>
      (rules as readonly Rule[]).flatMap(({ apiGroups, resources, resourceNames = [''], verbs: allowed }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            resourceNames.flatMap((name) =>
              allowed.map((verb) =>
                `${metadata.namespace ?? 'cluster'} ${verb} ${resource}${group && `.${group}`} ${name}`.trim(),
              ),
            ),
          ),
        ),
      ),
    )
    .sort();
}

chartTest('every verb has its reason', (t) => {
  t.deepEqual(verbsOf(renderChart()), names(verbs));
});

chartTest(
  'probes ask the agent alone, by the port of the metrics, which no other Pod of the node may use meanwhile',
  (t) => {
    const { readinessProbe, livenessProbe, startupProbe, ports, args } = agentContainer(renderChart());
    const get = (path: string) => ({ httpGet: { path, port: 'metrics' } });
    t.like(readinessProbe, get('/readyz'));
    t.like(livenessProbe, get('/healthz'));
    t.like(startupProbe, get('/healthz'));
    t.deepEqual(ports, [{ name: 'metrics', containerPort: 15090, protocol: 'TCP' }]);
    t.true(args?.includes('--metrics=[$(HOST_IP)]:15090'));
    t.deepEqual(daemonSetOf(renderChart()).spec.updateStrategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '10%' },
    });
  },
);

chartTest('on Kubernetes before 1.30 AppArmor’s profile is an annotation, for the agent and for doctor', (t) => {
  const { template } = daemonSetOf(renderChart({}, { ...defaultRelease, kubeVersion: 'v1.29.3' })).spec;
  const prefix = 'container.apparmor.security.beta.kubernetes.io/';
  const annotated = Object.entries(template.metadata.annotations).filter(([name]) => name.startsWith(prefix));
  t.deepEqual(annotated.sort(), [
    [`${prefix}doctor`, 'unconfined'],
    [`${prefix}weft`, 'unconfined'],
  ]);
  for (const { securityContext } of template.spec.containers) t.false('appArmorProfile' in securityContext);
});

test('the profile that comes with Weft has no call that only other privileges need', (t) => {
  const profile = JSON.parse(readFileSync(join(checkout, 'deploy/seccomp/weft.json'), 'utf8')) as {
    readonly defaultAction: string;
    readonly syscalls: readonly { readonly names: readonly string[]; readonly action: string }[];
  };
  t.is(profile.defaultAction, 'SCMP_ACT_ERRNO');
  t.true(profile.syscalls.every(({ action }) => action === 'SCMP_ACT_ALLOW'));
  const names = new Set(profile.syscalls.flatMap((each) => each.names));
  const ofOthers = [
    'mount',
    'umount2',
    'pivot_root',
    'chroot',
    'ptrace',
    'process_vm_readv',
    'perf_event_open',
    'keyctl',
  ];
  const ofModules = ['init_module', 'finit_module', 'kexec_load', 'reboot', 'swapon', 'mknod', 'open_by_handle_at'];
  t.deepEqual(
    [...ofOthers, ...ofModules, 'io_uring_setup', 'userfaultfd', 'chown'].filter((name) => names.has(name)),
    [],
  );
});
