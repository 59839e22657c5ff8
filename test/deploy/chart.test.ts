import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import test from 'ava';
import { parse } from 'yaml';
import { type Resolved, resolveConfig } from '../../agent/config.js';
import { controllerName } from '../../agent/model/gateway-scope.js';
import { parseObject } from '../../agent/model/parse.js';
import { renderRules } from '../../deploy/grafana/rules.js';
import {
  ChartError,
  type ChartObject,
  chartDirectory,
  checkout,
  defaultRelease,
  type Json,
  type Rendered,
  readYaml,
  renderChart,
  type Values,
  valuesWith,
} from '../../deploy/render/chart.js';
import { manifestPath, renderManifest } from '../../deploy/render/daemonset.js';
import { chartTest } from './chart-test.js';
import { agentContainer, daemonSetOf } from './daemonset.js';
import { allValues, otherRelease } from './settings.js';
import { mistakesOf } from './types.js';

const schema = JSON.parse(readFileSync(join(chartDirectory, 'values.schema.json'), 'utf8')) as Readonly<
  Record<string, unknown>
>;
const accepts = new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile(schema);

/** Values that are no maps, by their keys: `agent metricsPort`. */
function leaves(values: Json, path: readonly string[] = []): readonly (readonly [string, string])[] {
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    return [[path.join(' '), JSON.stringify(values)]];
  return Object.entries(values).flatMap(([key, value]) => leaves(value, [...path, key]));
}

test('the schema accepts the chart’s own values and others, and describes each', (t) => {
  t.true(accepts(valuesWith()), JSON.stringify(accepts.errors));
  t.true(accepts(valuesWith(allValues)), JSON.stringify(accepts.errors));
  const undescribed = (node: unknown, path: string): readonly string[] => {
    const { description, properties = {} } = node as { description?: string; properties?: Record<string, unknown> };
    const inner = Object.entries(properties).flatMap(([key, each]) => undescribed(each, `${path}.${key}`));
    return description ? inner : [path, ...inner];
  };
  t.deepEqual(undescribed(schema, ''), []);
});

for (const { name, values } of [
  { name: 'a value that is misspelt', values: { agent: { loglevel: 'info' } } },
  { name: 'a value that there is not', values: { sidecar: true } },
  { name: 'a port as a text', values: { agent: { metricsPort: '15090' } } },
  { name: 'a bare off, which YAML reads as false', values: { agent: { acceleration: false } } },
  { name: 'a pin directory with a dot, which bpffs refuses', values: { host: { pins: 'we.ft' } } },
  { name: 'an update of no node at a time', values: { updateStrategy: { maxUnavailable: 0 } } },
  { name: 'Secrets of no namespace', values: { secrets: { namespaces: [{ names: ['tls'] }] } } },
  { name: 'a runbook that no browser finds', values: { prometheusRule: { runbookUrl: 'deploy/runbook.md' } } },
  {
    name: 'a runbook with a fragment, as each alert has its own',
    values: { prometheusRule: { runbookUrl: 'https://git.example/runbook.md#top' } },
  },
  { name: 'all ports of a protocol', values: { networkPolicy: { otherPorts: [{ protocol: 'TCP' }] } } },
] satisfies readonly { name: string; values: Values }[]) {
  test(`the schema refuses ${name}`, (t) => {
    t.false(accepts(valuesWith(values)));
  });
}

test('the options of these tests differ from the chart’s own in every value', (t) => {
  // What would switch off what the others are of, each rendered by a test of its own; and what Grafana's sidecar looks for.
  const apart = [
    'cleanup',
    'serviceAccount create',
    'rbac create',
    'dashboards labels grafana_dashboard',
    'nodeSelector kubernetes.io/os',
  ];
  const others = new Map(leaves(valuesWith(allValues)));
  const same = leaves(valuesWith()).filter(([path, value]) => others.get(path) === value);
  t.deepEqual(same.map(([path]) => path).sort(), apart.sort());
});

const settings = [
  { name: 'its own values', values: {}, release: defaultRelease },
  { name: 'all options', values: allValues, release: otherRelease },
  { name: 'all options, on Kubernetes 1.29', values: allValues, release: { ...otherRelease, kubeVersion: 'v1.29.3' } },
  {
    name: 'no accounts and roles',
    values: { rbac: { create: false }, serviceAccount: { create: false } },
    release: otherRelease,
  },
  { name: 'cleanup', values: { cleanup: true }, release: defaultRelease },
] as const;

for (const { name, values, release } of settings) {
  chartTest(`rendered with ${name}: what the types’ schemas say`, (t) => {
    const { objects } = renderChart(values, release);
    const unknown: string[] = [];
    for (const object of objects) {
      const mistakes = mistakesOf(object);
      if (mistakes === undefined) unknown.push(object.kind);
      else t.deepEqual(mistakes, [], `${object.kind} ${object.metadata.name}`);
    }
    t.deepEqual(
      unknown.filter((kind) => kind !== 'GatewayClass'),
      [],
      'kinds without a schema here',
    );
  });

  chartTest(`rendered with ${name}: names, labels and selectors agree`, (t) => {
    const rendered = renderChart(values, release);
    const daemonSet = daemonSetOf(rendered);
    const { template, selector } = daemonSet.spec;
    for (const [label, value] of Object.entries(selector.matchLabels)) t.is(template.metadata.labels[label], value);
    for (const { kind, metadata } of rendered.objects) {
      t.is(metadata.labels?.['app.kubernetes.io/instance'], release.name, kind);
      t.is(metadata.labels?.['app.kubernetes.io/name'], selector.matchLabels['app.kubernetes.io/name'], kind);
      t.regex(metadata.name, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
    }
    const keys = rendered.objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
    t.deepEqual(keys, [...new Set(keys)], 'no object twice');
    const selecting = rendered.objects.filter(({ kind }) => ['PodMonitor', 'NetworkPolicy'].includes(kind));
    for (const { kind, spec } of selecting) {
      const { podSelector, selector: own } = spec as Readonly<Record<string, unknown>>;
      t.deepEqual(podSelector ?? own, selector, kind);
    }
    const { volumes, containers, initContainers } = template.spec;
    const mounted = [...containers, ...initContainers].flatMap((each) => each.volumeMounts.map((mount) => mount.name));
    t.deepEqual([...new Set(mounted)].sort(), volumes.map((each) => each.name).sort(), 'each volume is mounted');
    const config = rendered.objects.find(({ kind }) => kind === 'ConfigMap')!;
    t.is(volumes.find((each) => each.configMap)?.configMap?.name, config.metadata.name);
    bindingsAgree(t, rendered, template.spec.serviceAccountName);
  });
}

function bindingsAgree(
  t: { deepEqual(a: unknown, b: unknown, why?: string): void },
  rendered: Rendered,
  account: string,
) {
  const roles = rendered.objects.filter(({ kind }) => /^(Cluster)?Role$/.test(kind));
  const bindings = rendered.objects.filter(({ kind }) => /Binding$/.test(kind));
  const keyOf = ({ kind, metadata }: ChartObject) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
  const bound = bindings.map(({ metadata, roleRef }) => {
    const { kind, name } = roleRef as { kind: string; name: string };
    return keyOf({ apiVersion: '', kind, metadata: { ...metadata, name } });
  });
  t.deepEqual(bound.sort(), roles.map(keyOf).sort(), 'each role is bound');
  for (const { subjects, metadata } of bindings) {
    const [subject] = subjects as readonly { name: string }[];
    t.deepEqual(subject?.name, account, metadata.name);
  }
}

const around = { hostname: 'host', processors: 4, directory: '/', cgroup: '/sys/fs/cgroup', group: () => undefined };

/** What `weft run` makes of the Pod's arguments and of the ConfigMap, on a node with this address. */
function configOf(rendered: Rendered, hostIp: string): Resolved {
  const { args = [] } = agentContainer(rendered);
  const flags = Object.fromEntries(
    args.slice(1).map((word) => {
      const [, name, value] = /^--([a-z-]+)=(.*)$/.exec(word)!;
      return [name!, value!.replace('$(HOST_IP)', hostIp).replace('$(NODE_NAME)', 'node-1')];
    }),
  );
  const { config, ...others } = flags;
  const map = rendered.objects.find(({ kind }) => kind === 'ConfigMap')!.data as Readonly<Record<string, string>>;
  return resolveConfig(others, { name: config!, text: map['weft.yaml']! }, around);
}

chartTest('weft run understands what the chart says, on a node with an IPv4 or an IPv6 address', (t) => {
  const { config, mistakes } = configOf(renderChart(), '10.0.0.7');
  t.deepEqual(mistakes, []);
  t.like(config, {
    manifests: [],
    kubernetes: { kubeconfig: undefined, namespace: 'weft-system' },
    proc: '/host/proc',
    node: 'node-1',
    cgroup: '/sys/fs/cgroup',
    pin: '/sys/fs/bpf/weft',
    api: { type: 'unix', path: '/run/weft/api.sock' },
    metrics: { type: 'tcp', host: '10.0.0.7', port: 15090 },
    workers: 4,
  });
  t.deepEqual(configOf(renderChart(), 'fd00::7').config?.metrics, { type: 'tcp', host: 'fd00::7', port: 15090 });
  const all = configOf(renderChart(allValues, otherRelease), 'fd00::7');
  t.deepEqual(all.mistakes, []);
  t.like(all.config, {
    ...{ acceleration: 'off', accessLog: true, logLevel: 'debug', workers: 3, cgroup: '/run/cgroup/kubepods.slice' },
    gatewayLabels: { istio: 'edge', 'example.com/tier': 'outer' },
    ...{ pin: '/run/bpf/mesh', metrics: { host: 'fd00::7', port: 9999 } },
  });
  t.deepEqual(
    [...all.config!.capacities],
    [
      ['frontends', 2_000_000],
      ['pods', 512],
    ],
  );
});

for (const gatewayLabels of [{ istio: null }, null]) {
  chartTest(`gateway labels of ${JSON.stringify(gatewayLabels)} are none, not the agent’s default`, (t) => {
    const values = valuesWith({ agent: { gatewayLabels } });
    t.true(accepts(values), JSON.stringify(accepts.errors));
    const { config, mistakes } = configOf(renderChart({ agent: { gatewayLabels } }), '10.0.0.7');
    t.deepEqual(mistakes, []);
    t.deepEqual(config?.gatewayLabels, {});
  });
}

chartTest('a change of an option replaces the Pods', (t) => {
  const sum = (values: Values) =>
    daemonSetOf(renderChart(values)).spec.template.metadata.annotations['checksum/config'];
  t.is(sum({}), sum({ podMonitor: { enabled: true } }));
  t.not(sum({}), sum({ agent: { logLevel: 'debug' } }));
});

chartTest('the GatewayClass is the one that agents answer for, where the cluster knows of it', (t) => {
  const classOf = (values: Values, apiVersions: readonly string[]) =>
    renderChart(values, { ...defaultRelease, apiVersions }).objects.find(({ kind }) => kind === 'GatewayClass');
  t.is(classOf({}, []), undefined);
  t.is(classOf({ gatewayClass: { create: 'never' } }, otherRelease.apiVersions), undefined);
  const object = classOf({}, otherRelease.apiVersions);
  t.deepEqual(classOf({ gatewayClass: { create: 'always' } }, []), object);
  const parsed = parseObject(object, { file: 'chart', document: 0, item: 0 });
  t.like(parsed, { object: { kind: 'GatewayClass', controllerName, meta: { name: 'weft' } } });
});

chartTest('alerts and dashboards are the generated ones, whole', (t) => {
  const { objects } = renderChart(allValues, otherRelease);
  const rule = objects.find(({ kind }) => kind === 'PrometheusRule')!;
  t.deepEqual(rule.spec, parse(renderRules('https://git.example/weft/runbook.md')));
  const folder = join(chartDirectory, 'files/dashboards');
  const boards = objects.filter(({ metadata }) => metadata.labels?.grafana_dashboard === '1');
  const found = Object.assign({}, ...boards.map(({ data }) => data)) as Readonly<Record<string, string>>;
  t.deepEqual(Object.keys(found).sort(), readdirSync(folder).sort());
  for (const [name, text] of Object.entries(found)) t.is(text, readFileSync(join(folder, name), 'utf8'), name);
  t.true(boards.length > 0);
});

chartTest('without an address of the runbook the alerts are as the rule file has them', (t) => {
  const { objects } = renderChart({ prometheusRule: { enabled: true } });
  const rule = objects.find(({ kind }) => kind === 'PrometheusRule')!;
  t.deepEqual(rule.spec, readYaml(join(chartDirectory, 'files/alerts.yaml')));
});

chartTest('Prometheus calls agents by their nodes, and their job weft, whatever the release is called', (t) => {
  const rendered = renderChart(allValues, otherRelease);
  const monitor = rendered.objects.find(({ kind }) => kind === 'PodMonitor')!;
  const { jobLabel, podMetricsEndpoints } = monitor.spec as {
    readonly jobLabel: string;
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly relabelings: unknown }[];
  };
  t.is(daemonSetOf(rendered).spec.template.metadata.labels[jobLabel], 'weft');
  const [endpoint] = podMetricsEndpoints;
  t.deepEqual(endpoint!.relabelings, [{ sourceLabels: ['__meta_kubernetes_pod_node_name'], targetLabel: 'instance' }]);
  const ports = agentContainer(rendered).ports as readonly { readonly name: string }[];
  t.true(ports.some(({ name }) => name === endpoint!.port));
});

chartTest('every Secret that may be read was named', (t) => {
  const rolesOf = (values: Values) =>
    renderChart(values).objects.filter((object) => JSON.stringify(object.rules ?? []).includes('"secrets"'));
  t.deepEqual(rolesOf({}), []);
  t.deepEqual(
    rolesOf(allValues).map(({ kind, metadata, rules }) => ({ kind, namespace: metadata.namespace, rules })),
    [
      { names: ['shop-tls', 'other-tls'], namespace: 'shop' },
      { names: undefined, namespace: 'edge' },
    ].map(({ names, namespace }) => ({
      kind: 'Role',
      namespace,
      rules: [
        { apiGroups: [''], resources: ['secrets'], ...(names && { resourceNames: names }), verbs: ['list', 'watch'] },
      ],
    })),
  );
});

chartTest('cleanup runs no agent and keeps the rights that removal takes', (t) => {
  const usual = agentContainer(renderChart());
  const { args, command, securityContext } = agentContainer(renderChart({ cleanup: true }));
  t.is(args, undefined);
  t.regex(command[2]!, /weft cleanup --pin "\$1"/);
  t.is(command.at(-1), '/sys/fs/bpf/weft');
  t.deepEqual(securityContext, usual.securityContext);
});

chartTest('the notes name what an operator must do', (t) => {
  const { notes } = renderChart({}, otherRelease);
  t.regex(notes, /kubectl label namespace mesh-system pod-security\.kubernetes\.io\/enforce=privileged/);
  t.regex(notes, /weft\.dev\/mesh=enabled/);
  t.regex(notes, /--set cleanup=true/);
  t.notRegex(notes, /\{\{|<no value>/);
});

chartTest('what cannot be rendered is an error with its reason', (t) => {
  const values = { updateStrategy: { maxUnavailable: 'one: or: two' } };
  t.throws(() => renderChart(values), { instanceOf: ChartError, message: /daemonset\.yaml: Nested mappings/ });
  t.throws(() => renderChart({}, { ...defaultRelease, kubeVersion: 'none' }), {
    instanceOf: ChartError,
    message: /semverCompare/,
  });
});

chartTest('deploy/daemonset.yaml is what the chart gives', (t) => {
  t.is(readFileSync(manifestPath, 'utf8'), renderManifest(), 'generate it: node dist/deploy/render/daemonset.js');
  const objects = readFileSync(manifestPath, 'utf8')
    .split(/^---$/m)
    .map((text) => parse(text) as ChartObject);
  t.is(objects[0]!.kind, 'Namespace');
  for (const object of objects) t.deepEqual(mistakesOf(object), [], object.kind);
});

test('the chart’s version is the agent’s', (t) => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string };
  t.like(readYaml(join(chartDirectory, 'Chart.yaml')), { version, appVersion: version });
});

test('a field that no schema has is found', (t) => {
  const object = (container: object): ChartObject => ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'a' },
    spec: { selector: {}, template: { spec: { containers: [{ name: 'a', ...container }] } } },
  });
  t.deepEqual(mistakesOf(object({ image: 'x' })), []);
  t.deepEqual(mistakesOf(object({ imagee: 'x' })), ['.spec.template.spec.containers.0.imagee is no field']);
  t.is(mistakesOf(object({ image: 3 }))?.length, 1);
});
