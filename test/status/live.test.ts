import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { parse } from 'yaml';
import { systemClock } from '../../agent/clock.js';
import { ApiServer } from '../../agent/demo/kubernetes/api-server.js';
import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { kubeconfigCredentials } from '../../agent/kubernetes/kubeconfig.js';
import { type StatusReporter, startStatus } from '../../agent/status/status.js';
import { eventually } from '../agent/site.js';
import { gateway, gatewayClass, problem, route, service, statusesOf } from './mesh.js';

const calls = route('calls', '[{group: "", kind: Service, name: cart}]').replace('HTTPRoute', 'GRPCRoute');
const manifests = [gatewayClass, gateway(), route('r'), calls];
const rejected = ['VirtualService', 'DestinationRule'];

/** An object of a kind of Istio's that is not valid: the API takes it. */
function invalid(kind: string): KubernetesObject {
  const metadata = { name: 'cart', namespace: 'shop', generation: 1 };
  return { apiVersion: 'networking.istio.io/v1', kind, metadata, spec: { hosts: 'cart' } };
}

/** Of a loaded machine, in ms. */
const patience = 40_000;

/** An API server over TLS, and agents that speak to it as in a cluster. */
class Cluster {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'weft-status-'));
  readonly server: ApiServer = new ApiServer({ folder: this.folder });
  trouble = '';

  async open(t: ExecutionContext): Promise<void> {
    await this.server.listen();
    for (const text of manifests) this.server.apply(parse(text) as KubernetesObject);
    for (const kind of rejected) this.server.apply(invalid(kind));
    writeFileSync(join(this.folder, 'kubeconfig'), this.server.kubeconfig(), { mode: 0o600 });
    t.teardown(async () => {
      await this.server.close();
      rmSync(this.folder, { recursive: true });
    });
  }

  join(t: ExecutionContext, node: string): StatusReporter {
    const client = openClient(kubeconfigCredentials(join(this.folder, 'kubeconfig'), systemClock), systemClock);
    const reporter = startStatus({
      agents: () => 1,
      ...{ client, clock: systemClock, node, namespace: 'weft-system', random: Math.random },
      log: pino({ enabled: false }),
      statuses: () => statusesOf([service, ...this.#objects()]),
      problems: () => rejected.map((kind) => problem({ resource: `${kind} shop/cart` })),
      onTrouble: (why) => {
        this.trouble = why;
      },
    });
    t.teardown(async () => {
      await reporter.stop();
      client.close();
    });
    return reporter;
  }

  /** As the agent's watches have them. */
  #objects(): readonly string[] {
    const plurals = ['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes'];
    const lists = plurals.flatMap((plural) => this.server.list(`${plural}.gateway.networking.k8s.io`));
    return lists.map((object) => JSON.stringify(object));
  }

  status(resource: string, name: string, namespace = 'shop'): Record<string, unknown> {
    const object = this.server.get(`${resource}.gateway.networking.k8s.io`, namespace, name);
    return (object?.status ?? {}) as Record<string, unknown>;
  }

  /** As RBAC names what was asked for: `verb resource`. */
  asked(): readonly string[] {
    const verbs: Readonly<Record<string, string>> = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch' };
    const asked = this.server.requests.map(({ method, path }) => {
      const [, , group, , ...rest] = path.split('/');
      const [plural, name, part] = rest[0] === 'namespaces' ? rest.slice(2) : rest;
      const verb = method === 'GET' && name === undefined ? 'list' : verbs[method];
      return `${verb} ${plural}${part === undefined ? '' : `/${part}`}.${group}`;
    });
    return [...new Set(asked)].sort();
  }
}

const hasStatus = (status: Record<string, unknown>) => status.parents !== undefined;

test('status, Events and the Lease over TLS, with exactly the rights that are documented', async (t) => {
  t.timeout(300_000);
  const cluster = new Cluster();
  await cluster.open(t);
  const events = () => cluster.server.list('events.events.k8s.io');
  const first = cluster.join(t, 'a');
  await eventually(events, (list) => list.length === 2, patience);
  t.true(first.isWriter);
  t.like(cluster.status('gatewayclasses', 'weft', ''), { conditions: { 0: { type: 'Accepted', status: 'True' } } });
  t.like(cluster.status('gateways', 'gate'), {
    conditions: { 0: { type: 'Accepted', status: 'True', observedGeneration: 1 }, 1: { type: 'Programmed' } },
    listeners: { 0: { name: 'web', attachedRoutes: 1 } },
  });
  for (const [resource, name] of [
    ['httproutes', 'r'],
    ['grpcroutes', 'calls'],
  ] as const) {
    t.like(cluster.status(resource, name), { parents: { 0: { controllerName: 'weft.dev/gateway' } } });
  }
  const uid = cluster.server.get('virtualservices.networking.istio.io', 'shop', 'cart')!.metadata.uid;
  const event = events().find(({ regarding }) => (regarding as { kind: string }).kind === 'VirtualService');
  t.like(event, { note: '[WEFT0205] spec.hosts: must be a list', regarding: { uid }, reportingInstance: 'a' });
  const second = cluster.join(t, 'b');
  t.false(second.isWriter);
  await first.stop();
  await eventually(() => second.isWriter, Boolean, patience);
  await eventually(events, (list) => list.length === 2 && list.every(({ series }) => series !== undefined), patience);
  t.like(cluster.server.get('leases.coordination.k8s.io', 'weft-system', 'weft-status'), {
    spec: { leaseTransitions: 1 },
  });
  t.is(cluster.trouble, '');
  t.deepEqual(cluster.asked(), documented);
});

/** As the doc comment of StatusOptions has it. */
const documented: readonly string[] = [
  ...['create', 'patch'].map((verb) => `${verb} events.events.k8s.io`),
  ...['create', 'get', 'update'].map((verb) => `${verb} leases.coordination.k8s.io`),
  ...['gatewayclasses', 'gateways', 'grpcroutes', 'httproutes'].flatMap((plural) => [
    `get ${plural}.gateway.networking.k8s.io`,
    `list ${plural}.gateway.networking.k8s.io`,
    `update ${plural}/status.gateway.networking.k8s.io`,
  ]),
  ...['virtualservices', 'destinationrules'].map((plural) => `get ${plural}.networking.istio.io`),
].sort();

test('with the server away nobody writes; when it is back, somebody does', async (t) => {
  t.timeout(300_000);
  const cluster = new Cluster();
  await cluster.open(t);
  const reporter = cluster.join(t, 'a');
  await eventually(() => cluster.status('httproutes', 'r'), hasStatus, patience);
  await cluster.server.close();
  await eventually(
    () => reporter.isWriter,
    (is) => !is,
    patience,
  );
  t.regex(cluster.trouble, /leases: Lease weft-system\/weft-status: .*ECONNREFUSED/);
  await cluster.server.listen();
  await eventually(() => reporter.isWriter, Boolean, patience);
  await eventually(
    () => cluster.trouble,
    (trouble) => trouble === '',
    patience,
  );
});
