import { type Flow, type FlowFilter, type FlowHub, matchesFlow } from '../../agent/api/flow.js';
import type {
  BackendItem,
  Check,
  ConditionItem,
  Diff,
  Drain,
  ExplainQuery,
  Listing,
  PodItem,
  RouteItem,
  ServiceItem,
  Status,
  TableItem,
  Validation,
  Weights,
} from '../../agent/api/items.js';
import type { GatewayMeasure, Identity, Measures } from '../../agent/api/measures.js';
import type { AgentView, Outcome, Refusal } from '../../agent/api/view.js';
import type { Explanation } from '../../agent/compile/explain.js';
import type { Problem } from '../../agent/model/problem.js';

export function backend(pod: string, more: Partial<BackendItem> = {}): BackendItem {
  return {
    service: 'shop/user-service',
    servicePort: 8080,
    protocol: 'TCP',
    backend: `shop/${pod}`,
    address: '10.1.0.1',
    port: 80,
    node: 'one',
    zone: '',
    state: 'ready',
    weight: 1,
    probability: 0.5,
    inflight: 0,
    opened: 12,
    failed: 0,
    ...more,
  };
}

export function service(name: string, more: Partial<ServiceItem> = {}): ServiceItem {
  return {
    service: `shop/${name}`,
    namespace: 'shop',
    name,
    addresses: ['10.96.0.1'],
    ports: [
      {
        name: 'http',
        port: 8080,
        protocol: 'TCP',
        policy: 'LEAST_REQUEST',
        policySource: 'default',
        backends: 2,
        usable: 2,
        inflight: 3,
        maxConnections: 0,
        affinitySeconds: 0,
      },
    ],
    weights: {},
    file: 'shop.yaml',
    ...more,
  };
}

export function flow(more: Partial<Flow> = {}): Flow {
  return {
    time: '2026-01-02T03:04:05.678Z',
    event: 'open',
    verdict: 'redirect',
    reason: 'picked',
    protocol: 'TCP',
    from: 'shop/client',
    service: 'shop/user-service',
    serviceAddress: '10.96.0.1',
    servicePort: 8080,
    backend: 'shop/user-1',
    backendAddress: '10.1.0.1',
    backendPort: 80,
    connectMs: 0.12,
    durationMs: 0,
    sentBytes: 0,
    receivedBytes: 0,
    rttMs: 0,
    ...more,
  };
}

export const problem: Problem = {
  code: 'WEFT0101',
  severity: 'warning',
  file: 'shop.yaml',
  line: 3,
  column: 5,
  resource: 'Service shop/user-service',
  path: 'spec.ports[0]',
  message: 'a message',
  fix: 'a fix',
};

export function identity(workload: string, more: Partial<Identity> = {}): Identity {
  return {
    workload,
    namespace: 'shop',
    app: workload,
    version: 'v1',
    canonicalService: workload,
    canonicalRevision: 'v1',
    ...more,
  };
}

const emptyGateway: GatewayMeasure = {
  bounds: [1, 10],
  requests: [],
  dropped: 0,
  endpoints: [],
  ejections: [],
  workers: 0,
  restarts: 0,
  connections: 0,
  inFlight: 0,
  rssBytes: 0,
  overruns: [],
};

const emptyMeasures: Measures = {
  version: '0.1.0',
  mode: 'connect',
  generation: 7,
  checks: [],
  decisions: [],
  edges: [],
  edgesFull: 0,
  maps: [],
  programs: [],
  backends: [],
  inflight: [],
  problems: [],
  gateway: emptyGateway,
  drift: 0,
  eventsLost: 0,
  requestsUntold: 0,
  held: 0,
  sources: [],
  watches: [],
  isStatusWriter: undefined,
};

class FakeHub implements FlowHub {
  readonly kept: Flow[] = [];
  readonly listeners: Set<(flows: readonly Flow[]) => void> = new Set();
  lostCount = 0;

  recent(filter: FlowFilter, limit: number): readonly Flow[] {
    return this.kept.filter((item) => matchesFlow(filter, item)).slice(-limit);
  }

  subscribe(listener: (flows: readonly Flow[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  lost(): number {
    return this.lostCount;
  }

  emit(...flows: readonly Flow[]): void {
    this.kept.push(...flows);
    for (const listener of this.listeners) listener(flows);
  }
}

function refuse(type: Refusal['type'], message: string, problems: readonly Problem[] = []): Outcome<never> {
  return { ok: false, refusal: { type, message, problems } };
}

/** An agent that has what the test gives it, and remembers what it was asked. */
export class FakeView implements AgentView {
  generation = 7;
  serviceItems: ServiceItem[] = [
    service('order-service', { addresses: ['10.96.0.2', 'fd00::2'] }),
    service('user-service'),
  ];
  backendItems: BackendItem[] = [
    backend('order-1', { service: 'shop/order-service', address: '10.1.0.3', probability: 1 }),
    backend('user-1'),
    backend('user-2', { address: '10.1.0.2', state: 'drained', weight: 0, probability: 0, inflight: 3 }),
  ];
  routeItems: RouteItem[] = [
    {
      address: '10.96.0.1',
      port: 8080,
      protocol: 'TCP',
      service: 'shop/user-service',
      path: 'l4',
      rule: 'default',
      policy: 'LEAST_REQUEST',
      backends: 2,
      usable: 1,
      hosts: [],
      rules: [],
    },
  ];
  conditionItems: readonly ConditionItem[] = [
    {
      resource: 'Gateway shop/entry',
      part: 'spec.servers[0] port 80',
      type: 'Programmed',
      status: 'True',
      reason: 'Programmed',
      message: 'it is listened on',
    },
  ];
  podItems: PodItem[] = [
    {
      pod: 'shop/client',
      namespace: 'shop',
      name: 'client',
      addresses: ['10.1.0.9'],
      node: 'one',
      netns: 'weft-client',
      workload: 'client',
      captured: true,
      why: '',
      ready: true,
      terminating: false,
      drained: false,
    },
  ];
  tableItems: TableItem[] = [
    { table: 'backends', key: '1', desired: '10.1.0.1:80 TCP', kernel: '10.1.0.1:80 TCP', drift: false },
    { table: 'frontends', key: '10.96.0.1:8080 TCP', desired: 'service 1', kernel: '', drift: true },
  ];
  problemItems: Problem[] = [problem];
  checks: Check[] = [
    { name: 'sources', state: 'ok', why: '' },
    { name: 'tables', state: 'ok', why: '' },
    { name: 'canary', state: 'ok', why: '' },
  ];
  measured: Measures = emptyMeasures;
  readonly flows: FakeHub = new FakeHub();
  readonly drained: Set<string> = new Set();
  readonly weights: Map<string, ReadonlyMap<string, number>> = new Map();
  readonly asked: ExplainQuery[] = [];
  propagation: (seconds: number) => void = () => undefined;

  status(): Status {
    return {
      version: '0.1.0',
      node: 'one',
      kernel: '6.1.0',
      mode: 'connect',
      ready: this.checks.every((check) => check.state !== 'failed'),
      checks: this.checks,
      generation: this.generation,
      started: '2026-01-02T03:04:05.000Z',
      cgroup: '/sys/fs/cgroup',
      pin: '/sys/fs/bpf/weft',
      sources: [{ name: '/manifests', synced: true, trouble: '', objects: 9 }],
      services: 2,
      backends: 3,
      pods: 4,
      captured: 1,
      errors: 0,
      warnings: 1,
      held: 0,
      drift: 0,
      eventsLost: this.flows.lost(),
    };
  }

  ready(): readonly Check[] {
    return this.checks;
  }

  #list<Item>(items: readonly Item[]): Listing<Item> {
    return { generation: this.generation, items };
  }

  services(): Listing<ServiceItem> {
    return this.#list(this.serviceItems);
  }

  backends(): Listing<BackendItem> {
    return this.#list(this.backendItems);
  }

  routes(): Listing<RouteItem> {
    return this.#list(this.routeItems);
  }

  conditions(): Listing<ConditionItem> {
    return this.#list(this.conditionItems);
  }

  pods(): Listing<PodItem> {
    return this.#list(this.podItems);
  }

  tables(): Listing<TableItem> {
    return this.#list(this.tableItems);
  }

  problems(): Listing<Problem> {
    return this.#list(this.problemItems);
  }

  measures(): Measures {
    return { ...this.measured, checks: this.checks };
  }

  onPropagation(listener: (seconds: number) => void): () => void {
    this.propagation = listener;
    return () => {
      this.propagation = () => undefined;
    };
  }

  async explain(query: ExplainQuery): Promise<Outcome<Explanation>> {
    this.asked.push(query);
    if (!this.podItems.some((item) => item.pod === query.from))
      return refuse('unknown', `there is no Pod ${query.from}`);
    return {
      ok: true,
      value: {
        verdict: 'redirect',
        reason: 'picked',
        path: 'l4',
        service: 'shop/user-service',
        port: 8080,
        rule: 'default',
        candidates: this.backendItems
          .filter((item) => item.service === 'shop/user-service')
          .map(({ backend: name, address, port, probability, state }) => ({
            backend: name,
            address: `${address}:${port}`,
            probability,
            state,
          })),
        next: '',
        steps: ['shop/client is captured', 'user-service is shop/user-service'],
      },
    };
  }

  async validate(yaml: string): Promise<Outcome<Validation>> {
    const objects = yaml.split('---').length;
    return { ok: true, value: { objects, problems: yaml.includes('bad') ? [{ ...problem, file: '-' }] : [] } };
  }

  async diff(yaml: string): Promise<Outcome<Diff>> {
    if (yaml.includes('bad'))
      return refuse('invalid', 'the manifests have errors', [{ ...problem, severity: 'error' }]);
    return {
      ok: true,
      value: {
        generation: this.generation,
        problems: [],
        items: [{ action: 'add', table: 'backends', key: '4', before: '', after: `10.1.0.4:80 ${yaml.length}` }],
      },
    };
  }

  async setWeights(name: string, weights: ReadonlyMap<string, number>): Promise<Outcome<Weights>> {
    if (!this.serviceItems.some((item) => item.service === name))
      return refuse('unknown', `there is no Service ${name}`);
    const known = this.backendItems.filter((item) => item.service === name).map((item) => item.backend);
    const strangers = [...weights.keys()].filter((key) => !known.includes(key));
    if (strangers.length > 0) return refuse('invalid', `${name} has no backend ${strangers.join(', ')}`);
    this.weights.set(name, weights);
    return { ok: true, value: { service: name, weights: Object.fromEntries(weights) } };
  }

  async clearWeights(name: string): Promise<Outcome<Weights>> {
    if (!this.serviceItems.some((item) => item.service === name))
      return refuse('unknown', `there is no Service ${name}`);
    this.weights.delete(name);
    return { ok: true, value: { service: name, weights: {} } };
  }

  async drain(pod: string): Promise<Outcome<Drain>> {
    if (!this.backendItems.some((item) => item.backend === pod)) return refuse('unknown', `there is no Pod ${pod}`);
    this.drained.add(pod);
    return { ok: true, value: { pod, drained: true } };
  }

  async undrain(pod: string): Promise<Outcome<Drain>> {
    if (!this.backendItems.some((item) => item.backend === pod)) return refuse('unknown', `there is no Pod ${pod}`);
    this.drained.delete(pod);
    return { ok: true, value: { pod, drained: false } };
  }
}
