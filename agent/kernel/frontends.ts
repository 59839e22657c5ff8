import { type RingBackend, ringOf } from '../compile/maglev.js';
import type { FrontendPlan, GatewayUse, PlanBackend } from '../compile/plan.js';
import { slotsOf, weightTotal } from '../compile/slots.js';
import { strideOf } from '../compile/stride.js';
import type { LoadBalancer } from '../model/mesh.js';
import { nameAt, viewOf } from '../tables/bytes.js';
import {
  type FrontendKey,
  FrontendKeySize,
  type FrontendRow,
  FrontendRowSize,
  Gateway,
  Policy,
  Protocol,
  SlotRowSize,
  writeFrontendKey,
  writeFrontendRow,
  writeSlotRow,
} from '../tables/layout.gen.js';
import { Mirror, type Run } from '../tables/mirror.js';

/** The kernel's policy of each load balancer. */
const policies: Readonly<Record<LoadBalancer, number>> = {
  LEAST_REQUEST: Policy.LEAST_REQUEST,
  ROUND_ROBIN: Policy.ROUND_ROBIN,
  RANDOM: Policy.RANDOM,
  SOURCE_IP: Policy.MAGLEV,
  PASSTHROUGH: Policy.PASSTHROUGH,
};

const gateways: Readonly<Record<GatewayUse, number>> = {
  none: Gateway.NONE,
  bypass: Gateway.BYPASS,
  closed: Gateway.CLOSED,
};

/** What a plan becomes once its backends have ids: the contents of its run of slots and of its ring. */
export interface Contents {
  /** To be copied before the next call of `contentsOf`, which writes in the same place. */
  readonly slots: Uint8Array;
  readonly slotCount: number;
  readonly weightTotal: number;
  readonly ring: Uint8Array;
}

const noBytes = new Uint8Array(0);
const slotRows = new Mirror(SlotRowSize);

/** `ids` are those of the plan's backends, in their order. */
export function contentsOf(plan: FrontendPlan, backends: readonly PlanBackend[], ids: readonly number[]): Contents {
  const rows = slotsOf(backends.map((backend, i) => ({ backend: ids[i]!, weight: backend.weight })));
  const view = slotRows.viewTo(rows.length);
  for (let i = 0; i < rows.length; i++) writeSlotRow(rows[i]!, view, i * SlotRowSize);
  return {
    slots: slotRows.rows(0, rows.length),
    slotCount: rows.length,
    weightTotal: weightTotal(rows),
    ring: plan.policy === 'SOURCE_IP' ? ringBytes(plan.tableSize, backends, ids) : noBytes,
  };
}

function ringBytes(tableSize: number, backends: readonly PlanBackend[], ids: readonly number[]): Uint8Array {
  const members: RingBackend[] = backends.map((backend, i) => ({
    name: `${backend.address}:${backend.port}`,
    backend: ids[i]!,
    weight: backend.weight,
  }));
  const ring = ringOf(members, tableSize);
  return new Uint8Array(ring.buffer, ring.byteOffset, ring.byteLength);
}

// Keys and rows are kept as text, a character a byte: that is a third of what a small array takes.
const row = Buffer.alloc(FrontendRowSize);
const rowView = viewOf(row);
const key = Buffer.alloc(FrontendKeySize);
const keyView = viewOf(key);

/** Where a frontend's rows lead. */
export interface Place {
  /** The id of `struct frontend.service`. */
  readonly service: number;
  readonly slots: Run;
  readonly ring: Run;
}

/** The row as text, for {@link bytesOfRow}. */
export function frontendRow(plan: FrontendPlan, weightTotal: number, { service, slots, ring }: Place): string {
  const fields: FrontendRow = {
    service,
    policy: policies[plan.policy],
    gateway: gateways[plan.gateway],
    slotBase: slots.base,
    slotCount: slots.size,
    weightTotal,
    stride: strideOf(weightTotal),
    ringBase: ring.base,
    ringSize: ring.size,
    affinitySeconds: plan.affinitySeconds,
    maxConnections: plan.maxConnections,
  };
  writeFrontendRow(fields, rowView, 0);
  return row.toString('latin1');
}

/** The bytes are the next call's. */
export function bytesOfRow(text: string): Uint8Array {
  row.write(text, 'latin1');
  return row;
}

export function frontendKey(key: FrontendKey): Uint8Array {
  const bytes = new Uint8Array(FrontendKeySize);
  writeFrontendKey(key, viewOf(bytes), 0);
  return bytes;
}

/** The keys of a plan's rows as names ({@link nameAt}): one an address. */
export function frontendNames({ addresses, port, protocol }: FrontendPlan): readonly string[] {
  const distinct = addresses.length === 1 ? addresses : [...new Set(addresses)];
  return distinct.map((address) => {
    writeFrontendKey({ address, port, protocol: Protocol[protocol] }, keyView, 0);
    return nameAt(key, FrontendKeySize, 0);
  });
}

/** The key that has this name. Its bytes are the next call's. */
export function keyOfName(name: string): Uint8Array {
  key.write(name, 'latin1');
  return key;
}
