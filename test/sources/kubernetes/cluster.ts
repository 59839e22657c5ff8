import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import type { Change, MeshObject } from '../../../agent/model/mesh.js';
import { keyOf } from '../../../agent/model/mesh.js';
import { type Problem, showProblem } from '../../../agent/model/problem.js';
import type { OwnGateways } from '../../../agent/sources/kubernetes/secret-names.js';
import { type KubernetesSource, watchKubernetes } from '../../../agent/sources/kubernetes.js';
import type { ResourceState } from '../../../agent/sources/kubernetes-state.js';
import { FakeClock } from '../../gateway/upstream/fake-clock.js';
import { type ApiObject, ModelApi } from './model-api.js';

export const paths = {
  services: '/api/v1/services',
  slices: '/apis/discovery.k8s.io/v1/endpointslices',
  pods: '/api/v1/pods',
  nodes: '/api/v1/nodes',
  namespaces: '/api/v1/namespaces',
  secrets: '/api/v1/secrets',
  classes: '/apis/gateway.networking.k8s.io/v1/gatewayclasses',
  kubernetesGateways: '/apis/gateway.networking.k8s.io/v1/gateways',
  destinationRules: '/apis/networking.istio.io/v1/destinationrules',
  virtualServices: '/apis/networking.istio.io/v1/virtualservices',
  gateways: '/apis/networking.istio.io/v1/gateways',
} as const;

/** Gateways of Istio's own label, and of Weft's class. */
export const own: OwnGateways = {
  gatewayLabels: { istio: 'ingressgateway' },
  controllerName: 'weft.dev/gateway',
  rootNamespace: 'istio-system',
};

/** Folds changes into what is in effect, by `KIND NS/NAME`. */
export class Effect {
  readonly objects: Map<string, MeshObject> = new Map();
  readonly batches: (readonly Change[])[] = [];
  /** Of every removal. */
  readonly removed: string[] = [];

  take(changes: readonly Change[]): void {
    this.batches.push(changes);
    for (const change of changes) {
      if (change.type === 'put') this.objects.set(`${change.object.kind} ${keyOf(change.object)}`, change.object);
      else {
        const identity = `${change.kind} ${change.key}`;
        this.removed.push(identity);
        this.objects.delete(identity);
      }
    }
  }

  keys(kind?: string): readonly string[] {
    return [...this.objects.keys()].filter((each) => kind === undefined || each.startsWith(`${kind} `)).sort();
  }
}

/** A source that follows a model of an API server, by a clock that stands still. */
export class Cluster {
  readonly clock: FakeClock = new FakeClock();
  readonly api: ModelApi = new ModelApi(this.clock);
  readonly effect: Effect = new Effect();
  problems: readonly Problem[] = [];
  hasSynced = false;
  readonly logged: string[] = [];
  random: () => number = () => 0.5;
  #source: KubernetesSource | undefined;

  async start(): Promise<void> {
    const source = watchKubernetes({
      client: this.api,
      node: 'here',
      own,
      clock: this.clock,
      random: () => this.random(),
      log: pino({ level: 'info' }, { write: (record: string) => void this.logged.push(JSON.parse(record).msg) }),
      onChanges: (changes) => this.effect.take(changes),
      onProblems: (problems) => {
        this.problems = problems;
      },
    });
    this.#source = source;
    void source.synced.then(() => {
      this.hasSynced = true;
    });
    await this.settle();
  }

  /** Until everything that needs no time has happened. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 12; turn++) await setImmediate();
  }

  /** Lets time pass in steps, so that what is due causes what follows from it. */
  async pass(ms: number, step: number = Math.max(1, ms / 20)): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await this.settle();
    }
  }

  state(resource: string): ResourceState {
    const found = this.#source?.states().find((each) => each.resource === resource);
    if (found === undefined) throw new Error(`no resource ${resource}`);
    return found;
  }

  states(): readonly ResourceState[] {
    return this.#source?.states() ?? [];
  }

  shown(): readonly string[] {
    return this.problems.map(showProblem);
  }

  /** Of requests to a collection: what `key` of the query was. */
  asked(path: string, key: string): readonly (string | undefined)[] {
    return this.api.requests.filter((request) => request.path === path).map(({ query }) => query?.[key]);
  }

  stop(): void {
    this.#source?.stop();
  }
}

export function service(name: string, port = 80): ApiObject {
  const spec = { clusterIP: `10.0.0.${(Number(name.replace(/\D/g, '')) % 250) + 1}`, ports: [{ port }] };
  return { metadata: { name, namespace: 'shop' }, spec };
}

export function pod(name: string, nodeName: string, metadata: Partial<ApiObject['metadata']> = {}): ApiObject {
  return {
    metadata: { name, namespace: 'shop', labels: { app: name }, ...metadata },
    spec: { nodeName, containers: [] },
    status: { podIP: '10.1.0.1', phase: 'Running' },
  };
}

export function virtualService(name: string, hosts: readonly unknown[] = ['shop']): ApiObject {
  const http = [{ route: [{ destination: { host: 'shop' } }] }];
  return { metadata: { name, namespace: 'shop' }, spec: { hosts, http } };
}

/** Serves all custom resources, with nothing in them. */
export function installAll(api: ModelApi): void {
  const istio = ['virtualservices', 'destinationrules', 'gateways', 'serviceentries'];
  const gateway = ['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes', 'referencegrants'];
  for (const plural of istio) api.keys(`/apis/networking.istio.io/v1/${plural}`);
  for (const plural of gateway) api.keys(`/apis/gateway.networking.k8s.io/v1/${plural}`);
}
