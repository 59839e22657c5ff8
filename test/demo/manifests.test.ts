import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { allPods, backendPods, podNamed } from '../../agent/demo/cast.js';
import { demoServices, podManifest, staticManifests } from '../../agent/demo/manifests.js';
import { ingressPort, questions, targetsOf } from '../../agent/demo/questions.js';
import { runOf } from '../../agent/demo/run.js';
import { nginxConfiguration } from '../../agent/demo/servers.js';

const run = runOf('weft-demo-7-1234', '/cgroup');
const services = demoServices();
const read = (file: string): string => readFileSync(join(staticManifests, file), 'utf8');

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly servers: readonly { readonly port: { readonly number: number } }[];
    readonly http: readonly HttpRule[];
  };
}

interface HttpRule {
  readonly match?: readonly {
    readonly uri?: { readonly prefix: string };
    readonly headers?: Readonly<Record<string, { readonly exact: string }>>;
  }[];
  readonly route: readonly { readonly destination: { readonly host: string } }[];
}

const documents = (...files: string[]): Manifest[] =>
  files.flatMap((file) => parseAllDocuments(read(file)).map((document) => document.toJS()));

test('a pod asks every address of a Service, and the ingress at the node’s among the pods', (t) => {
  const told = targetsOf('client', services, true).map(
    ({ question, address, port, host, path, rate }) => `${question}: ${address} ${port} ${host} ${path} ${rate}/s`,
  );
  t.deepEqual(told.slice(0, 5), [
    'order-service: 10.96.0.20 8080 order-service /order/1 110/s',
    'order-service: fd00:10:96::20 8080 order-service /order/1 110/s',
    'user-service: 10.96.0.10 8080 user-service /user/1 100/s',
    'ingress /user: 10.244.0.1 8090 user-service /user/1 6/s',
    'ingress /user: fd00:10:244::1 8090 user-service /user/1 6/s',
  ]);
  t.deepEqual(
    targetsOf('client', services, false).map(({ address }) => address),
    ['10.96.0.20', '10.96.0.10', '10.244.0.1', '10.244.0.1', '10.244.0.1', '10.96.0.30', '10.96.0.30'],
  );
});

test('somebody outside asks the ingress alone, at the node’s outer addresses', (t) => {
  t.deepEqual(
    targetsOf('outside', services, true).map(({ question, address, status, answered }) => [
      ...[question, address, status, answered],
    ]),
    [
      ['ingress /user', '192.0.2.1', 200, true],
      ['ingress /user', '2001:db8::1', 200, true],
      ['ingress /order', '192.0.2.1', 200, true],
      ['ingress /order', '2001:db8::1', 200, true],
      ['ingress /other', '192.0.2.1', 404, false],
      ['ingress /other', '2001:db8::1', 404, false],
    ],
  );
});

test('every Deployment has as many pods as replicas, with its labels', (t) => {
  const deployments = documents('deployments.yaml', 'catalog.yaml').filter(({ kind }) => kind === 'Deployment');
  const pods = allPods.map((pod) => parse(podManifest(run, pod, true, true)));
  t.is(deployments.length, 4);
  for (const { metadata, spec } of deployments) {
    const wanted = Object.entries(spec.selector.matchLabels);
    const selected = pods.filter((pod) => wanted.every(([name, value]) => pod.metadata.labels[name] === value));
    t.is(selected.length, spec.replicas, metadata.name);
  }
});

test('the questions are about what the manifests say', (t) => {
  const objects = documents('gateway.yaml', 'routing.yaml', 'catalog.yaml');
  const named = (kind: string, name: string): Manifest =>
    objects.find((object) => object.kind === kind && object.metadata.name === name)!;
  t.is(named('Gateway', 'user-service-gateway').spec.servers[0]!.port.number, ingressPort);
  for (const { name, rule, path, headers, service } of questions) {
    const [, resource, index] = /^(.+) http\[(\d)\]/.exec(rule) ?? [];
    if (resource === undefined) continue;
    const { match: [match] = [], route } = named('VirtualService', resource).spec.http[Number(index)]!;
    t.true(path.startsWith(match?.uri?.prefix ?? ''), name);
    t.is(headers['x-tester'], match?.headers?.['x-tester']?.exact, name);
    t.true(
      route.every(({ destination }) => destination.host === service),
      name,
    );
  }
});

test('a pod says where it lives and whether it is ready', (t) => {
  const manifest = parse(podManifest(run, podNamed('order-1'), false, false));
  t.is(manifest.metadata.annotations['weft.dev/netns'], 'weft-demo-7-1234-order-1');
  t.deepEqual(manifest.status.podIPs, [{ ip: '10.244.0.21' }]);
  t.deepEqual(manifest.status.conditions, [{ type: 'Ready', status: 'False' }]);
});

test('backends are sorted by Service and name', (t) => {
  const names = backendPods.map(({ service, name }) => `${service} ${name}`);
  t.deepEqual(names, [...names].sort());
});

test('a server names itself and listens on the families that there are', (t) => {
  const both = nginxConfiguration(podNamed('order-1'), true);
  t.regex(both, /add_header X-Served-By order-1;/);
  t.regex(both, /listen \[::\]:8080 /);
  t.notRegex(nginxConfiguration(podNamed('order-1'), false), /\[::\]/);
});
