import type { BackendState } from '../compile/plan.js';
import type { LoadBalancer, Protocol } from '../model/mesh.js';
import type { Problem } from '../model/problem.js';

/*
 * What GET /v1/… and `weft get …` show. Names: `service` is NS/NAME, `backend` and `pod` are NS/POD (a backend
 * without a Pod is its address). Unknown text is empty. Counts are since the map that keeps them was made.
 */

/** GET /v1/X: `items` are all of `generation`, sorted. An implementation may make them lazily from values that never change. */
export interface Listing<Item> {
  readonly generation: number;
  readonly items: Iterable<Item>;
}

export interface ServicePortItem {
  /** Empty when unnamed. */
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly policy: LoadBalancer;
  /** `default`, `DestinationRule NS/NAME` or `annotation weft.dev/balancing`. */
  readonly policySource: string;
  /** Endpoints, and those of them with a weight above 0, over both address families. */
  readonly backends: number;
  readonly usable: number;
  /** Connections in flight. */
  readonly inflight: number;
  /** 0: unlimited. */
  readonly maxConnections: number;
  /** sessionAffinity ClientIP; 0 for none. */
  readonly affinitySeconds: number;
}

export interface ServiceItem {
  readonly service: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty for headless and ExternalName Services, which are left alone. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePortItem[];
  /** Manual weights by backend; empty when none are set. */
  readonly weights: Readonly<Record<string, number>>;
  /** File the object was read from. */
  readonly file: string;
}

/** One endpoint of one Service port. */
export interface BackendItem {
  readonly service: string;
  readonly servicePort: number;
  readonly protocol: Protocol;
  readonly backend: string;
  readonly address: string;
  readonly port: number;
  readonly node: string;
  readonly zone: string;
  readonly state: BackendState;
  readonly weight: number;
  /** Share of the picks, 0…1, by weight alone. */
  readonly probability: number;
  readonly inflight: number;
  readonly opened: number;
  readonly failed: number;
}

/** One rule for requests, in the order in which rules are tried. */
export interface RouteRuleItem {
  /** `VirtualService NS/NAME http[0]`, with ` (NAME)` when it has one. */
  readonly rule: string;
  /** `path prefix /api and header x-user exact jason`. */
  readonly match: string;
  /** `reviews.default.svc.cluster.local:80|v1 90%, …; timeout 500 ms`, `redirect 301 …`, `answer 503`. */
  readonly action: string;
  /** Namespaces of clients that it is for; empty: all. */
  readonly namespaces: readonly string[];
}

/** What happens to connections to one Service address and port, or to one port for outside traffic. */
export interface RouteItem {
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly service: string;
  readonly path: 'l4' | 'kernel' | 'gateway';
  /** The rule that decides: as ServicePortItem.policySource at L4; for the gateway, the resources with rules. */
  readonly rule: string;
  /** How requests are balanced where the gateway decides. */
  readonly policy: LoadBalancer | 'ADAPTIVE' | 'CONSISTENT_HASH';
  readonly backends: number;
  readonly usable: number;
  /** Hosts of an ingress listener's virtual host; empty for a Service. */
  readonly hosts: readonly string[];
  /** Of the gateway; empty at L4. */
  readonly rules: readonly RouteRuleItem[];
}

/** A condition of the status of a Gateway or of a route, as the Gateway API has them. */
export interface ConditionItem {
  /** `Gateway NS/NAME`, `HTTPRoute NS/NAME`. */
  readonly resource: string;
  /** A listener (`spec.servers[0] port 80`), a parent (`Service NS/NAME`); empty: the whole. */
  readonly part: string;
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'Conflicted';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export interface PodItem {
  readonly pod: string;
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly node: string;
  /** A name of /run/netns, or for a captured Pod of an API server the path of its namespace; empty when the Pod does not live here. */
  readonly netns: string;
  readonly workload: string;
  /** Connections it makes are captured. */
  readonly captured: boolean;
  /** Why it is not captured; empty when it is. */
  readonly why: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly drained: boolean;
}

/** One row of one table, as text. `desired` or `kernel` is empty when that side has no such row. */
export interface TableItem {
  readonly table: string;
  readonly key: string;
  readonly desired: string;
  readonly kernel: string;
  readonly drift: boolean;
}

/** A source of objects: a directory of manifests. */
export interface SourceItem {
  readonly name: string;
  readonly synced: boolean;
  /** What is wrong now although it synced once; empty when nothing is. */
  readonly trouble: string;
  readonly objects: number;
}

/** A named task of being ready. `degraded` is reported but does not unready the node. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'degraded' | 'failed';
  /** Empty when ok. */
  readonly why: string;
}

export interface Status {
  readonly version: string;
  readonly node: string;
  /** `uname -r`. */
  readonly kernel: string;
  /** How connections are redirected, for example `connect`. */
  readonly mode: string;
  readonly ready: boolean;
  readonly checks: readonly Check[];
  readonly generation: number;
  /** RFC 3339. */
  readonly started: string;
  readonly cgroup: string;
  readonly pin: string;
  readonly sources: readonly SourceItem[];
  readonly services: number;
  readonly backends: number;
  readonly pods: number;
  readonly captured: number;
  readonly errors: number;
  readonly warnings: number;
  /** Objects that vanished and are held by the mass-delete brake; 0 when it is not applied. */
  readonly held: number;
  /** Rows where the kernel was found to differ from what was desired, since start. */
  readonly drift: number;
  readonly eventsLost: number;
}

export interface ExplainQuery {
  /** NS/POD. */
  readonly from: string;
  /** HOST[:PORT]: any cluster form of a Service's name, or an address (IPv6 in brackets when a port follows). */
  readonly to: string;
  readonly protocol: Protocol;
  /** Of a request; empty when none is meant. */
  readonly method: string;
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export type { Explanation } from '../compile/explain.js';

export interface Validation {
  /** How many objects were understood. */
  readonly objects: number;
  readonly problems: readonly Problem[];
}

/** One row that applying would add, change or remove. */
export interface DiffItem {
  readonly action: 'add' | 'change' | 'remove';
  readonly table: string;
  readonly key: string;
  /** Empty for `add`. */
  readonly before: string;
  /** Empty for `remove`. */
  readonly after: string;
}

export interface Diff extends Listing<DiffItem> {
  readonly problems: readonly Problem[];
}

/** Manual weights of a Service after a change: every backend it has, and those that were named. */
export interface Weights {
  readonly service: string;
  readonly weights: Readonly<Record<string, number>>;
}

export interface Drain {
  readonly pod: string;
  readonly drained: boolean;
}
