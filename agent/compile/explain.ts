import { familyOfAddress } from '../model/address.js';
import type { Protocol } from '../model/mesh.js';
import { showEndpoint } from '../tables/address.js';
import type {
  AffinityRow,
  BackendRow,
  BackendStateRow,
  FrontendRow,
  PodRow,
  ServiceStateRow,
  SlotRow,
} from '../tables/layout.gen.js';
import { type Destination, type ExplainError, resolveDestination, type ServiceNames } from './destination.js';
import { gatewayServes, type Pick, type PickSubject, pickOf } from './pick.js';
import type { BackendState, FrontendPlan, PlanBackend } from './plan.js';
import { exclusionSteps, pickSteps, policyName } from './sentences.js';

export type { ExplainError } from './destination.js';

export interface ExplainQuery {
  /** NS/POD. */
  readonly from: string;
  /** HOST[:PORT]. */
  readonly to: string;
  readonly protocol: Protocol;
}

/** The rows that the programs read, desired or from the kernel. Undefined: no such row. */
export interface TableView {
  /** `address`: canonical. */
  frontend(address: string, port: number, protocol: Protocol): FrontendRow | undefined;
  slots(base: number, count: number): readonly SlotRow[];
  /** `size` backend ids from entry `base` of `rings` on. */
  ring(base: number, size: number): ArrayLike<number>;
  backend(id: number): BackendRow | undefined;
  backendState(id: number): BackendStateRow | undefined;
  serviceState(id: number): ServiceStateRow | undefined;
  /** By network namespace cookie. */
  pod(netns: bigint): PodRow | undefined;
  affinity(netns: bigint, service: number): AffinityRow | undefined;
  /** When the gateway last said that it serves; 0 for never. CLOCK_MONOTONIC. */
  gatewayNs(): bigint;
  /** CLOCK_MONOTONIC. */
  nowNs(): bigint;
}

/** A client as the agent knows it. */
export interface ExplainedPod {
  /** Cookie of its network namespace; undefined when connections of this Pod are not captured. */
  readonly netns: bigint | undefined;
  /** Why they are not, as the end of a sentence: `label weft.dev/mesh is disabled`. Empty when they are. */
  readonly whyNot: string;
}

export interface NameView extends ServiceNames {
  /** By NS/POD. */
  pod(key: string): ExplainedPod | undefined;
  /** What was compiled for a Service. */
  plansOf(service: string): readonly FrontendPlan[];
}

export interface ExplainedCandidate {
  /** NS/POD, or the address where no Pod is known. */
  readonly backend: string;
  /** `ADDRESS:PORT`, IPv6 in brackets. */
  readonly address: string;
  /** 0…1. */
  readonly probability: number;
  /** `unplanned`: in the kernel's table, but not among the Service's endpoints any more. */
  readonly state: BackendState | 'unplanned' | 'warming' | 'ejected' | 'other-locality';
}

export interface Explanation {
  /** `answer`: the gateway answers by itself, as a rule says. */
  readonly verdict: 'pass' | 'redirect' | 'refuse' | 'answer';
  /** As in weft_decisions_total. */
  readonly reason: Pick['reason'] | 'not_meshed' | 'no_service';
  /** Who decides: the kernel by connection, or the gateway by request. */
  readonly path: 'l4' | 'gateway';
  /** NS/NAME; empty when no Service is addressed. */
  readonly service: string;
  readonly port: number;
  /** What decided the policy; empty without a policy. */
  readonly rule: string;
  /** Every endpoint of the Service port, picked or not. */
  readonly candidates: readonly ExplainedCandidate[];
  /** Round robin: the backend of the next pick; else empty. */
  readonly next: string;
  /** Of an answer that the gateway gives by itself; 0 when a backend answers. Only of requests. */
  readonly status?: number;
  /** What was decided in which order, one sentence each. */
  readonly steps: readonly string[];
}

/** What happens to a connection (or to the first datagram of an unconnected socket), by the rows that decide it. */
export function explain(
  query: ExplainQuery,
  tables: TableView,
  names: NameView,
): Explanation | { readonly error: ExplainError } {
  const client = names.pod(query.from);
  if (client === undefined) {
    return { error: { code: 'unknown-pod', field: 'from', message: `there is no Pod ${query.from}` } };
  }
  const namespace = query.from.slice(0, query.from.indexOf('/'));
  const to = resolveDestination(query.to, namespace, query.protocol, names);
  if ('code' in to) return { error: to };

  const row = client.netns === undefined ? undefined : tables.pod(client.netns);
  if (client.netns === undefined || row === undefined) {
    const why = client.netns === undefined ? client.whyNot : 'the kernel has no row for its network namespace yet';
    return untouched(to, 'not_meshed', [`${query.from} is not meshed: ${why}`, ...to.steps]);
  }
  const meshed = `${query.from} is meshed: network namespace cookie ${client.netns}, Pod ${row.id}`;
  const frontend = to.address === '' ? undefined : tables.frontend(to.address, to.port, query.protocol);
  if (frontend === undefined) return untouched(to, 'no_service', [meshed, ...to.steps, missing(to, query.protocol)]);

  const plan = planOf(names, to, query.protocol);
  const slots = tables.slots(frontend.slotBase, frontend.slotCount);
  const nowNs = tables.nowNs();
  const isFour = familyOfAddress(to.address) === 4;
  const subject: PickSubject = {
    frontend,
    slots,
    ringEntry: (offset) => tables.ring(frontend.ringBase + offset, 1)[0] ?? 0,
    inflightOf: (backend) => tables.backendState(backend)?.inflight ?? 0,
    isAlive: (backend) => tables.backend(backend)?.alive === 1,
    service: tables.serviceState(frontend.service),
    hash: isFour ? row.hash4 : row.hash6,
    affinity: tables.affinity(client.netns, frontend.service),
    nowNs,
    connection: query.protocol === 'TCP',
    gateway: {
      serves: gatewayServes(tables.gatewayNs(), nowNs),
      listens: row.gatewayPort > 0 && (isFour || row.gatewaySix === 1),
    },
  };
  const pick = pickOf(subject);
  const isGateway = pick.reason === 'gateway' || pick.reason === 'gateway_down';
  const candidates = candidatesOf(plan?.backends ?? [], slots, pick, tables);
  const nameOf = (id: number): string => candidates.find((each) => each.id === id)?.backend ?? `backend ${id}`;
  return {
    verdict: pick.verdict,
    reason: pick.reason,
    path: isGateway ? 'gateway' : 'l4',
    service: to.service,
    port: to.port,
    rule: plan?.policySource ?? '',
    candidates: candidates.map(({ id: _, ...shown }) => shown),
    next: pick.next === undefined ? '' : nameOf(pick.next),
    steps: [
      meshed,
      ...to.steps,
      `${showEndpoint(to.address, to.port)}/${query.protocol} is frontend ${frontend.service}`,
      ...(isGateway
        ? pickSteps(pick, subject, nameOf)
        : [
            `policy ${policyName(frontend.policy)}${plan === undefined ? '' : ` by ${plan.policySource}`}`,
            ...pickSteps(pick, subject, nameOf),
            ...exclusionSteps(candidates),
          ]),
    ],
  };
}

function untouched(to: Destination, reason: 'not_meshed' | 'no_service', steps: readonly string[]): Explanation {
  const { service, port } = to;
  const last = to.address === '' ? [] : [`the connection goes to ${to.address} as it is`];
  return {
    verdict: 'pass',
    reason,
    path: 'l4',
    service,
    port,
    rule: '',
    candidates: [],
    next: '',
    steps: [...steps, ...last],
  };
}

function missing(to: Destination, protocol: Protocol): string {
  if (to.address === '') return 'there is no address to balance';
  return `the kernel has no frontend ${showEndpoint(to.address, to.port)}/${protocol}`;
}

function planOf(names: NameView, to: Destination, protocol: Protocol): FrontendPlan | undefined {
  return names
    .plansOf(to.service)
    .find((plan) => plan.port === to.port && plan.protocol === protocol && plan.addresses.includes(to.address));
}

/** With the backend's id, 0 where the kernel has no slot for it. */
type Candidate = ExplainedCandidate & { readonly id: number };

/** All endpoints in their order, then backends that only the kernel's table has. */
function candidatesOf(
  planned: readonly PlanBackend[],
  slots: readonly SlotRow[],
  pick: Pick,
  tables: TableView,
): readonly Candidate[] {
  const unplanned = new Map<string, number>();
  for (const id of new Set([...slots.map((slot) => slot.backend), ...pick.probabilities.keys()])) {
    const row = tables.backend(id);
    unplanned.set(row === undefined ? `backend ${id}` : showEndpoint(row.address, row.port), id);
  }
  const candidates: Candidate[] = planned.map(({ name, address, port, state }) => {
    const shown = showEndpoint(address, port);
    const id = unplanned.get(shown) ?? 0;
    unplanned.delete(shown);
    return { id, backend: name, address: shown, probability: pick.probabilities.get(id) ?? 0, state };
  });
  for (const [address, id] of unplanned) {
    const backend = tables.backend(id)?.address ?? address;
    candidates.push({ id, backend, address, probability: pick.probabilities.get(id) ?? 0, state: 'unplanned' });
  }
  return candidates;
}
