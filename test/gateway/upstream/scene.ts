import type { Cluster, ClusterEndpoint, ClusterPolicy, ConnectionPool } from '../../../agent/balance/cluster.js';
import type { Snapshot } from '../../../agent/compile/snapshot.js';
import type {
  Downstream,
  Failure,
  FieldLines,
  RequestHead,
  ResponseHead,
  Tunnel,
} from '../../../agent/gateway/exchange.js';
import type { AttemptQuery, AttemptReceiver, Refusal } from '../../../agent/gateway/upstream/attempt.js';
import { endpoint } from '../../balance/endpoints.js';

export const openPool: ConnectionPool = {
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

export function policy(fields: Partial<ClusterPolicy> = {}, pool: Partial<ConnectionPool> = {}): ClusterPolicy {
  return {
    source: 'default',
    balancing: { type: 'round-robin' },
    locality: undefined,
    warmup: undefined,
    pool: { ...openPool, ...pool },
    outlier: undefined,
    tls: undefined,
    retryBudget: undefined,
    protocol: 'http1',
    ...fields,
  };
}

export const webKey = 'web.shop.svc.cluster.local:80';

export function cluster(
  endpoints: readonly ClusterEndpoint[],
  fields: Partial<Cluster> = {},
  how: ClusterPolicy = policy(),
): Cluster {
  return {
    key: webKey,
    host: 'web.shop.svc.cluster.local',
    service: 'shop/web',
    port: 80,
    subset: '',
    resolution: 'static',
    endpoints,
    variants: [{ when: { namespaces: undefined, labels: undefined }, policy: how, members: undefined }],
    ...fields,
  };
}

export function snapshot(...clusters: readonly Cluster[]): Snapshot {
  return {
    generation: 1,
    node: 'node-1',
    locality: { region: '', zone: '', subzone: '' },
    targets: {},
    ids: {},
    clients: {},
    ingress: {},
    clusters: Object.fromEntries(clusters.map((each) => [each.key, each])),
    accessLog: false,
  };
}

export const outside: Downstream = {
  origin: 'ingress',
  pod: '',
  address: '192.0.2.1',
  port: 40000,
  target: '80',
  tls: undefined,
};

export function request(fields: Partial<RequestHead> = {}): RequestHead {
  return {
    version: 'HTTP/1.1',
    method: 'GET',
    scheme: 'http',
    authority: 'web.shop',
    target: '/',
    fields: [],
    length: 0,
    upgrade: '',
    expectContinue: false,
    ...fields,
  };
}

export function query(config: Snapshot, fields: Partial<AttemptQuery> = {}): AttemptQuery {
  return {
    snapshot: config,
    cluster: webKey,
    downstream: outside,
    client: undefined,
    head: request(),
    hash: undefined,
    tried: [],
    isRetry: false,
    ...fields,
  };
}

export { endpoint };

/** Keeps what an attempt is told. */
export class Ear implements AttemptReceiver {
  readonly said: string[] = [];
  endpoint: ClusterEndpoint | undefined;
  body = '';
  readonly over: Promise<string>;
  readonly #isOver: (what: string) => void;

  constructor() {
    let resolve: (what: string) => void = () => {};
    this.over = new Promise((done) => {
      resolve = done;
    });
    this.#isOver = resolve;
  }

  #end(what: string): void {
    this.said.push(what);
    this.#isOver(what);
  }

  chosen(chosen: ClusterEndpoint): void {
    this.endpoint = chosen;
    this.said.push(`chosen ${chosen.name}`);
  }
  refused(why: Refusal): void {
    this.#end(`refused ${why}`);
  }
  informational(status: number, _fields: FieldLines): void {
    this.said.push(`informational ${status}`);
  }
  head(head: ResponseHead, ended: boolean): void {
    if (ended) this.#end(`head ${head.status}`);
    else this.said.push(`head ${head.status}`);
  }
  upgraded(_head: ResponseHead, _tunnel: Tunnel): void {
    this.said.push('upgraded');
  }
  data(chunk: Buffer): void {
    this.body += chunk.toString();
  }
  end(_trailers: FieldLines): void {
    this.#end('end');
  }
  fail(why: Failure): void {
    this.#end(`fail ${why}`);
  }
  drained(): void {
    this.said.push('drained');
  }
}
