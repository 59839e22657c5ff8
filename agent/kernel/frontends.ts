import { type RingBackend, ringOf } from '../compile/maglev.js';
import type { FrontendPlan } from '../compile/plan.js';
import { slotsOf, weightTotal } from '../compile/slots.js';
import { strideOf } from '../compile/stride.js';
import type { LoadBalancer } from '../model/mesh.js';
import { hexOf, viewOf } from '../tables/bytes.js';
import {
  type FrontendKey,
  FrontendKeySize,
  type FrontendRow,
  FrontendRowSize,
  Policy,
  Protocol,
  SlotRowSize,
  writeFrontendKey,
  writeFrontendRow,
  writeSlotRow,
} from '../tables/layout.gen.js';

/** The kernel's policy of each load balancer. */
const policies: Readonly<Record<LoadBalancer, number>> = {
  LEAST_REQUEST: Policy.LEAST_REQUEST,
  ROUND_ROBIN: Policy.ROUND_ROBIN,
  RANDOM: Policy.RANDOM,
  SOURCE_IP: Policy.MAGLEV,
  PASSTHROUGH: Policy.PASSTHROUGH,
};

/** What a plan becomes once its backends have ids: the contents of its region of slots and of its ring. */
export interface Contents {
  readonly slots: Uint8Array;
  readonly slotCount: number;
  readonly weightTotal: number;
  readonly ring: Uint8Array;
}

const noBytes = new Uint8Array(0);

/** `ids` are those of `plan.backends`, in their order. */
export function contentsOf(plan: FrontendPlan, ids: readonly number[]): Contents {
  const rows = slotsOf(plan.backends.map((backend, i) => ({ backend: ids[i]!, weight: backend.weight })));
  const slots = new Uint8Array(rows.length * SlotRowSize);
  const view = viewOf(slots);
  rows.forEach((row, i) => {
    writeSlotRow(row, view, i * SlotRowSize);
  });
  return { slots, slotCount: rows.length, weightTotal: weightTotal(rows), ring: ringBytes(plan, ids) };
}

function ringBytes(plan: FrontendPlan, ids: readonly number[]): Uint8Array {
  if (plan.policy !== 'SOURCE_IP') return noBytes;
  const members: RingBackend[] = plan.backends.map((backend, i) => ({
    name: `${backend.address}:${backend.port}`,
    backend: ids[i]!,
    weight: backend.weight,
  }));
  const ring = ringOf(members, plan.tableSize);
  return new Uint8Array(ring.buffer, ring.byteOffset, ring.byteLength);
}

// Rows are written here and copied out: a small array that never had a view stays inside the heap.
const rowBytes = new Uint8Array(FrontendRowSize);
const rowView = viewOf(rowBytes);
const keyBytes = new Uint8Array(FrontendKeySize);
const keyView = viewOf(keyBytes);

/** Where the contents of a frontend lie. */
export interface Place {
  readonly service: number;
  readonly slotBase: number;
  readonly ringBase: number;
}

export function frontendRow(plan: FrontendPlan, contents: Contents, place: Place): Uint8Array {
  const row: FrontendRow = {
    service: place.service,
    policy: policies[plan.policy],
    slotBase: place.slotBase,
    slotCount: contents.slotCount,
    weightTotal: contents.weightTotal,
    stride: strideOf(contents.weightTotal),
    ringBase: place.ringBase,
    ringSize: contents.ring.length / 4,
    affinitySeconds: plan.affinitySeconds,
    maxConnections: plan.maxConnections,
  };
  writeFrontendRow(row, rowView, 0);
  return rowBytes.slice();
}

/** The key of a row, and the key as a Map's key. */
export interface FrontendName {
  readonly name: string;
  readonly key: Uint8Array;
}

/** The keys of a plan's rows: one an address. */
export function frontendNames(plan: FrontendPlan): readonly FrontendName[] {
  return [...new Set(plan.addresses)].map((address) => {
    const key = frontendKey({ address, port: plan.port, protocol: Protocol[plan.protocol] });
    return { name: nameOfKey(key), key };
  });
}

export function frontendKey(key: FrontendKey): Uint8Array {
  writeFrontendKey(key, keyView, 0);
  return keyBytes.slice();
}

/** A key as a Map's key. */
export const nameOfKey: (key: Uint8Array) => string = hexOf;
