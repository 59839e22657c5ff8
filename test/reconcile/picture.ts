import { greatestCommonDivisor } from '../../agent/balance/stride.js';
import { ringOf } from '../../agent/compile/maglev.js';
import type { FrontendPlan } from '../../agent/compile/plan.js';
import { indexKey, type Store } from '../../agent/kernel/store.js';
import { showEndpoint } from '../../agent/tables/address.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  FrontendKeySize,
  type FrontendRow,
  FrontendRowSize,
  Policy,
  Protocol,
  readBackendRow,
  readFrontendKey,
  readFrontendRow,
  readSlotRow,
} from '../../agent/tables/layout.gen.js';

/** What one row of `frontends` leads to, in words. */
export interface Sight {
  readonly policy: number;
  readonly maxConnections: number;
  /** Endpoint to weight, the weights without a common divisor. */
  readonly weights: Readonly<Record<string, number>>;
  /** The endpoints of a Maglev ring, in its order. */
  readonly ring: readonly string[];
}

/** By `ADDRESS:PORT PROTOCOL`. */
export type Picture = ReadonlyMap<string, Sight>;

export interface SeenRow {
  readonly name: string;
  readonly row: FrontendRow;
}

export function frontendRows(store: Store): readonly SeenRow[] {
  const { keys, values, count } = store.read('frontends');
  return Array.from({ length: count }, (_, i) => {
    const { address, port, protocol } = readFrontendKey(viewOf(keys), i * FrontendKeySize);
    return {
      name: `${showEndpoint(address, port)} ${protocol}`,
      row: readFrontendRow(viewOf(values), i * FrontendRowSize),
    };
  });
}

/** The endpoint that an id stands for. Throws when it is not alive. */
function endpointOf(store: Store, id: number): string {
  const { address, port, alive } = readBackendRow(viewOf(store.lookup('backends', indexKey(id))!), 0);
  if (id === 0 || alive !== 1) throw new Error(`backend ${id} is not alive`);
  return showEndpoint(address, port);
}

function sorted(weights: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(weights).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sightOf(store: Store, row: FrontendRow): Sight {
  const weights: Record<string, number> = {};
  let cumulative = 0;
  let last = 0;
  for (let i = 0; i < row.slotCount; i++) {
    const slot = readSlotRow(viewOf(store.lookup('slots', indexKey(row.slotBase + i))!), 0);
    cumulative += slot.weight;
    if (slot.backend <= last || slot.cumulative !== cumulative)
      throw new Error(`slot ${row.slotBase + i} is out of order`);
    last = slot.backend;
    weights[endpointOf(store, slot.backend)] = slot.weight;
  }
  if (cumulative !== row.weightTotal) throw new Error(`weights sum to ${cumulative}, the row says ${row.weightTotal}`);
  const ring = Array.from({ length: row.ringSize }, (_, i) =>
    endpointOf(store, viewOf(store.lookup('rings', indexKey(row.ringBase + i))!).getUint32(0, true)),
  );
  return { policy: row.policy, maxConnections: row.maxConnections, weights: sorted(weights), ring };
}

/** What all rows lead to. Throws when one leads to nothing whole. */
export function pictureOf(store: Store): Picture {
  return new Map(frontendRows(store).map(({ name, row }) => [name, sightOf(store, row)]));
}

const policies = {
  LEAST_REQUEST: Policy.LEAST_REQUEST,
  ROUND_ROBIN: Policy.ROUND_ROBIN,
  RANDOM: Policy.RANDOM,
  SOURCE_IP: Policy.MAGLEV,
  PASSTHROUGH: Policy.PASSTHROUGH,
};

/** What a row of this plan is to lead to. */
export function sightOfPlan(plan: FrontendPlan): Sight {
  const usable = plan.backends.filter(({ weight }) => weight > 0);
  const divisor = usable.reduce((common, { weight }) => greatestCommonDivisor(weight, common), 0);
  const weights = Object.fromEntries(
    usable.map(({ address, port, weight }) => [showEndpoint(address, port), weight / divisor]),
  );
  const members = plan.backends.map(({ address, port, weight }, i) => ({
    name: `${address}:${port}`,
    backend: i,
    weight,
  }));
  const ring = plan.policy === 'SOURCE_IP' ? [...ringOf(members, plan.tableSize)].map((i) => members[i]!.name) : [];
  return { policy: policies[plan.policy], maxConnections: plan.maxConnections, weights: sorted(weights), ring };
}

export const nameOf = (plan: FrontendPlan, address: string): string =>
  `${showEndpoint(address, plan.port)} ${Protocol[plan.protocol]}`;
