import type { Explanation } from '../compile/explain.js';
import type { Problem } from '../model/problem.js';
import type { FlowHub } from './flow.js';
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
} from './items.js';
import type { Measures } from './measures.js';

/** Why the agent did not do what was asked. */
export interface Refusal {
  /**
   * `unknown`: no such object (404). `invalid`: understood but impossible (422). `malformed`: not understood (400).
   * `not-ready`: later (503). `full`: a table has no room (507).
   */
  readonly type: 'unknown' | 'invalid' | 'malformed' | 'not-ready' | 'full';
  readonly message: string;
  readonly problems: readonly Problem[];
}

export type Outcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly refusal: Refusal };

/** What the API and the metrics need of the running agent. Nothing here throws for bad input. */
export interface AgentView {
  status(): Status;
  /** Ready when no check has failed. */
  ready(): readonly Check[];
  services(): Listing<ServiceItem>;
  /** Sorted by service, port, protocol, backend, address. */
  backends(): Listing<BackendItem>;
  routes(): Listing<RouteItem>;
  /** Of Gateways and routes. Sorted by resource, then part. */
  conditions(): Listing<ConditionItem>;
  pods(): Listing<PodItem>;
  /** Sorted by table, then key. Reads the maps. */
  tables(): Listing<TableItem>;
  problems(): Listing<Problem>;
  readonly flows: FlowHub;
  measures(): Measures;
  /** Calls `listener` with the seconds from a change's arrival to the kernel having it. The returned function ends it. */
  onPropagation(listener: (seconds: number) => void): () => void;

  explain(query: ExplainQuery): Promise<Outcome<Explanation>>;
  /** `yaml`: any number of documents. Problems name the file `-`. */
  validate(yaml: string): Promise<Outcome<Validation>>;
  /** What putting the objects of `yaml` beside the present ones (same kind and key: in place of them) would change. */
  diff(yaml: string): Promise<Outcome<Diff>>;
  /** Replaces all manual weights of `service` (NS/NAME). Resolves when the kernel has them. Unknown backends: `invalid`, named. */
  setWeights(service: string, weights: ReadonlyMap<string, number>): Promise<Outcome<Weights>>;
  clearWeights(service: string): Promise<Outcome<Weights>>;
  /** `pod`: NS/POD. Resolves when the kernel has it. */
  drain(pod: string): Promise<Outcome<Drain>>;
  undrain(pod: string): Promise<Outcome<Drain>>;
}
