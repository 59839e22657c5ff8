import { type AffinityRow, type FrontendRow, Gateway, Policy, type SlotRow } from '../tables/layout.gen.js';
import { pointOf } from './stride.js';

/** LEAST_REQUEST compares all slots of a region of up to so many … (SCAN_SLOTS of bpf/pick.h) */
export const scanSlots = 64;
/** … and this many drawn ones of a larger region (DRAWN_SLOTS). */
export const drawnSlots = 8;

/** The gateway is down once its stamp is older (WEFT_GATEWAY_STALE_NS of bpf/tables.h). */
const gatewayStaleNs = 3_000_000_000n;

/** Whether a gateway serves that was stamped at `gatewayNs`, 0 for never. Both CLOCK_MONOTONIC. */
export function gatewayServes(gatewayNs: bigint, nowNs: bigint): boolean {
  return gatewayNs !== 0n && nowNs - gatewayNs < gatewayStaleNs;
}

/** What the kernel's pick_gateway (bpf/gateway.h) and pick_backend (bpf/pick.h) read. */
export interface PickSubject {
  readonly frontend: FrontendRow;
  /** The frontend's region. */
  readonly slots: readonly SlotRow[];
  /** The backend at an offset of the frontend's Maglev ring; 0 for none. */
  readonly ringEntry: (offset: number) => number;
  /** Connections in flight to a backend. */
  readonly inflightOf: (backend: number) => number;
  /** Whether the backend's row says that it is there. */
  readonly isAlive: (backend: number) => boolean;
  /** The Service port's own state: connections in flight, and picks made round robin. Undefined when its row is missing. */
  readonly service: { readonly inflight: number; readonly cursor: bigint } | undefined;
  /** Of the client's address: sourceHash. */
  readonly hash: number;
  /** The client's sessionAffinity with this Service port. */
  readonly affinity: AffinityRow | undefined;
  /** CLOCK_MONOTONIC. */
  readonly nowNs: bigint;
  /** A TCP connect: the gateway and maxConnections apply. */
  readonly connection: boolean;
  /** Whether the gateway serves, and has a listener in the client's namespace for the family that is addressed. */
  readonly gateway: { readonly serves: boolean; readonly listens: boolean };
}

/** Names as in `enum weft_reason`. */
export type PickReason =
  | 'passthrough'
  | 'picked'
  | 'affinity'
  | 'no_backend'
  | 'max_connections'
  | 'table_broken'
  | 'gateway'
  | 'gateway_down';

export interface Pick {
  readonly verdict: 'pass' | 'redirect' | 'refuse';
  readonly reason: PickReason;
  /**
   * By backend id, those above 0 only; sums to 1 for a redirect, less the share of picks that are refused because
   * the backend's row is missing. For round robin the share in the long run. Empty where the gateway decides by request.
   */
  readonly probabilities: ReadonlyMap<number, number>;
  /** Round robin: the id of the next pick. */
  readonly next: number | undefined;
}

const nobody: ReadonlyMap<number, number> = new Map();

/**
 * What the kernel does with a new flow to this frontend, as exact probabilities. The mirror of pick_gateway in bpf/gateway.h and
 * pick_backend in bpf/pick.h. A socket that is bound to a device is not led to the gateway, which only its process knows.
 */
export function pickOf(subject: PickSubject): Pick {
  const { frontend, slots, service } = subject;
  const gateway = gatewayPick(subject);
  if (gateway !== undefined) return gateway;
  if (frontend.policy === Policy.PASSTHROUGH) {
    return { verdict: 'pass', reason: 'passthrough', probabilities: nobody, next: undefined };
  }
  if (service === undefined) return refused('table_broken');
  if (frontend.slotCount === 0 || frontend.weightTotal === 0) return refused('no_backend');
  if (subject.connection && frontend.maxConnections > 0 && service.inflight >= frontend.maxConnections) {
    return refused('max_connections');
  }
  const held = heldBackend(subject);
  if (held !== undefined) {
    return { verdict: 'redirect', reason: 'affinity', probabilities: new Map([[held, 1]]), next: undefined };
  }
  const intended = probabilitiesOf(subject);
  const probabilities = new Map([...intended].filter(([backend, share]) => share > 0 && subject.isAlive(backend)));
  if (probabilities.size === 0) return refused('table_broken');
  const next = frontend.policy === Policy.ROUND_ROBIN ? nextInTurn(frontend, slots, service.cursor) : undefined;
  return { verdict: 'redirect', reason: 'picked', probabilities, next };
}

/** Undefined: no gateway is asked for, or it is down and the Service is then balanced in the kernel. */
function gatewayPick({ frontend, connection, gateway }: PickSubject): Pick | undefined {
  if (!connection || frontend.gateway === Gateway.NONE) return undefined;
  if (gateway.serves && gateway.listens) {
    return { verdict: 'redirect', reason: 'gateway', probabilities: nobody, next: undefined };
  }
  return frontend.gateway === Gateway.CLOSED ? refused('gateway_down') : undefined;
}

function refused(reason: PickReason): Pick {
  return { verdict: 'refuse', reason, probabilities: nobody, next: undefined };
}

/** The backend that sessionAffinity holds the client to: within the time-out, among the slots, and there. */
function heldBackend({ frontend, slots, affinity, nowNs, isAlive }: PickSubject): number | undefined {
  if (frontend.affinitySeconds === 0 || affinity === undefined) return undefined;
  if (nowNs - affinity.usedNs > BigInt(frontend.affinitySeconds) * 1_000_000_000n) return undefined;
  const { backend } = affinity;
  return slots.some((slot) => slot.backend === backend) && isAlive(backend) ? backend : undefined;
}

function probabilitiesOf({ frontend, slots, ringEntry, inflightOf, hash }: PickSubject): ReadonlyMap<number, number> {
  switch (frontend.policy) {
    case Policy.RANDOM:
    case Policy.ROUND_ROBIN:
      return byWeight(slots);
    case Policy.MAGLEV:
      return frontend.ringSize === 0 ? nobody : new Map([[ringEntry(hash % frontend.ringSize), 1]]);
    default:
      return leastRequest(slots, inflightOf);
  }
}

function byWeight(slots: readonly SlotRow[]): ReadonlyMap<number, number> {
  const total = weightOf(slots);
  return new Map(slots.map(({ backend, weight }) => [backend, weight / total]));
}

function weightOf(slots: readonly SlotRow[]): number {
  return slots.reduce((sum, { weight }) => sum + weight, 0);
}

function nextInTurn(frontend: FrontendRow, slots: readonly SlotRow[], cursor: bigint): number | undefined {
  const point = pointOf(cursor, frontend.stride, frontend.weightTotal);
  return slots.find((slot) => slot.cumulative > point)?.backend;
}

/**
 * Up to `scanSlots` slots: the least loaded, equals by weight. Above: the least loaded of `drawnSlots` draws by weight
 * with replacement, of equals the first drawn. The least load of the draws is that of class c when all draws are of c or worse, but
 * not all of worse; which of the class was first is by weight, since draws are alike and independent.
 */
function leastRequest(slots: readonly SlotRow[], inflightOf: (backend: number) => number): ReadonlyMap<number, number> {
  const classes = byLoad(slots, inflightOf);
  if (slots.length <= scanSlots) return byWeight(classes[0] ?? []);
  const total = weightOf(slots);
  const probabilities = new Map<number, number>();
  let here = total;
  for (const equals of classes) {
    const own = weightOf(equals);
    const worse = here - own;
    const least = (here / total) ** drawnSlots - (worse / total) ** drawnSlots;
    for (const { backend, weight } of equals) probabilities.set(backend, (least * weight) / own);
    here = worse;
  }
  return probabilities;
}

/** The slots in classes of equal inflight/weight, least first, compared by cross products as the kernel does. */
function byLoad(slots: readonly SlotRow[], inflightOf: (backend: number) => number): readonly SlotRow[][] {
  const loads = slots.map((slot) => ({
    slot,
    inflight: BigInt(inflightOf(slot.backend)),
    weight: BigInt(slot.weight),
  }));
  const compare = (a: (typeof loads)[number], b: (typeof loads)[number]): number => {
    const difference = a.inflight * b.weight - b.inflight * a.weight;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  };
  loads.sort(compare);
  const classes: SlotRow[][] = [];
  loads.forEach((load, index) => {
    const before = loads[index - 1];
    if (before !== undefined && compare(before, load) === 0) classes.at(-1)!.push(load.slot);
    else classes.push([load.slot]);
  });
  return classes;
}
