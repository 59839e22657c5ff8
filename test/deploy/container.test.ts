import { spawnSync } from 'node:child_process';
import { renderChart } from '../../deploy/render/chart.js';
import { eventually, type Life } from '../agent/site.js';
import { makeDirectory, makeNamespace, removeNamespace } from '../kernel/scratch.js';
import { AgentPod, type Change, containerTest, patience } from './agent-pod.js';
import type { OciContainer } from './container.js';
import { daemonSetOf } from './daemonset.js';

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

containerTest('the privileged container mounts bpffs where there is none, and once', (t) => {
  const directory = makeDirectory();
  const { initContainers } = daemonSetOf(renderChart({ host: { bpffs: directory } })).spec.template.spec;
  const script = '"$@" && "$@" && grep -c " - bpf " /proc/self/mountinfo && stat -f -c %t "$5"';
  const mounts = (words: readonly string[]) =>
    spawnSync('unshare', ['--mount', 'sh', '-c', ...words], { encoding: 'utf8' }).stdout.trim();
  const before = Number(mounts(['grep -c " - bpf " /proc/self/mountinfo']));
  t.is(mounts([script, 'sh', ...initContainers[0]!.command]), `${before + 1}\ncafe4a11`);
});
