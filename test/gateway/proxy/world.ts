import type { Balancing, Cluster, ClusterEndpoint } from '../../../agent/balance/cluster.js';
import type {
  HeaderChange,
  HeaderChanges,
  HttpRule,
  RouteAction,
  RouteTable,
  Snapshot,
} from '../../../agent/compile/snapshot.js';
import { workloadOfLabels } from '../../../agent/compile/workload.js';
import type { Downstream, RequestHead } from '../../../agent/gateway/exchange.js';
import type { LoggedRequest } from '../../../agent/gateway/proxy/parts.js';
import { HttpProxy } from '../../../agent/gateway/proxy/proxy.js';
import { TestClock } from './clock.js';
import { FakeExchange, FakeUpstreams } from './fakes.js';

export const noChange: HeaderChange = { remove: [], set: [], add: [] };
export const noChanges: HeaderChanges = { request: noChange, response: noChange };

const nowhere = { region: '', zone: '', subzone: '' };
const workload = workloadOfLabels('reviews', 'shop', { app: 'reviews', version: 'v1' });

export function endpointAt(address: string): ClusterEndpoint {
  const name = `shop/${address}`;
  const state = 'ready' as const;
  return { name, address, port: 8080, weight: 1, state, locality: nowhere, node: '', labels: {}, workload };
}

export const endpoints: readonly ClusterEndpoint[] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(endpointAt);

export function clusterOf(key: string, balancing: Balancing = { type: 'round-robin' }): Cluster {
  const pool = {
    maxConnections: undefined,
    connectTimeoutMs: 10_000,
    tcpKeepalive: undefined,
    maxConnectionDurationMs: undefined,
    tcpIdleTimeoutMs: undefined,
    maxPendingRequests: undefined,
    maxRequests: undefined,
    maxRequestsPerConnection: undefined,
    maxRetries: undefined,
    httpIdleTimeoutMs: 3_600_000,
    maxConcurrentStreams: undefined,
  };
  const policy = {
    source: 'default',
    balancing,
    locality: undefined,
    warmup: undefined,
    pool,
    outlier: undefined,
    tls: undefined,
    retryBudget: undefined,
    protocol: 'http1' as const,
  };
  const variants = [{ when: { namespaces: undefined, labels: undefined }, policy, members: undefined }];
  const host = 'reviews.shop.svc.cluster.local';
  return { key, host, service: 'shop/reviews', port: 80, subset: '', resolution: 'static', endpoints, variants };
}

export function toCluster(key: string, weight = 1): RouteAction['destinations'][number] {
  return { cluster: key, weight, headers: noChanges, rewrite: undefined, mirrors: [], failWith: undefined };
}

export const action: RouteAction = {
  type: 'route',
  destinations: [toCluster('v1')],
  rewrite: undefined,
  timeoutMs: undefined,
  retries: undefined,
  mirrors: [],
};

export const rule: HttpRule = {
  name: 'VirtualService shop/reviews http[0]',
  resource: 'VirtualService shop/reviews',
  path: 'spec.http[0]',
  matches: [],
  grpcOnly: false,
  headers: noChanges,
  cors: undefined,
  fault: undefined,
  action,
};

export function tableOf(...rules: readonly HttpRule[]): RouteTable {
  return { sets: [{ resource: 'VirtualService shop/reviews', namespaces: undefined, rules }] };
}

export const targetKey = 'shop/reviews:80/TCP/4';

export function snapshotOf(http: RouteTable, changes: Partial<Snapshot> = {}): Snapshot {
  const clusters = [clusterOf('own'), clusterOf('v1'), clusterOf('v2'), clusterOf('v3')];
  return {
    generation: 1,
    node: 'node-a',
    locality: nowhere,
    targets: {
      [targetKey]: {
        service: 'shop/reviews',
        host: 'reviews.shop.svc.cluster.local',
        port: 80,
        family: 4,
        addresses: ['10.96.0.1'],
        detection: 'http',
        cluster: 'own',
        http,
        tls: [],
        tcp: [],
      },
    },
    ids: { 1: targetKey },
    clients: {
      'shop/web': {
        namespace: 'shop',
        labels: { app: 'web' },
        addresses: ['10.1.0.9'],
        workload: workloadOfLabels('web', 'shop', { app: 'web', version: 'v1' }),
      },
    },
    ingress: {},
    clusters: Object.fromEntries(clusters.map((cluster) => [cluster.key, cluster])),
    accessLog: false,
    ...changes,
  };
}

export const meshClient: Downstream = {
  origin: 'mesh',
  pod: 'shop/web',
  address: '10.1.0.9',
  port: 40_000,
  target: targetKey,
  tls: undefined,
};

export function get(target = '/', changes: Partial<RequestHead> = {}): RequestHead {
  return {
    version: 'HTTP/1.1',
    method: 'GET',
    scheme: 'http',
    authority: 'reviews',
    target,
    fields: [],
    length: 0,
    upgrade: '',
    expectContinue: false,
    ...changes,
  };
}

/** A proxy with a snapshot, whose clients and backends are the test. */
export class World {
  readonly clock: TestClock = new TestClock();
  readonly upstreams: FakeUpstreams = new FakeUpstreams(endpoints);
  readonly records: LoggedRequest[] = [];
  /** What `random` gives, in turn and again. */
  draws: readonly number[] = [0.5];
  snapshot: Snapshot;
  readonly proxy: HttpProxy;
  #drawn = 0;

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.proxy = new HttpProxy({
      upstreams: this.upstreams,
      snapshot: () => this.snapshot,
      clock: this.clock,
      random: () => this.draws[this.#drawn++ % this.draws.length]!,
      onRecord: (record) => this.records.push(record),
    });
  }

  send(head: RequestHead = get(), downstream: Downstream = meshClient): FakeExchange {
    const exchange = new FakeExchange(head, downstream);
    this.proxy.onRequest(exchange);
    return exchange;
  }

  get record(): LoggedRequest {
    const record = this.records.at(-1);
    if (record === undefined) throw new Error('no request has ended');
    return record;
  }
}

/** A world whose only rule is this one. */
export function worldWith(changes: Partial<HttpRule>): World {
  return new World(snapshotOf(tableOf({ ...rule, ...changes })));
}

/** A world whose only rule forwards like this. */
export function worldRouting(changes: Partial<RouteAction>): World {
  return worldWith({ action: { ...action, ...changes } });
}
