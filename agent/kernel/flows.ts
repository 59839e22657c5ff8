import { viewOf } from '../tables/bytes.js';
import {
  ControlRowSize,
  Counter,
  type FlowEventRow,
  FlowEventRowSize,
  readControlRow,
  readCounterRow,
  readFlowEventRow,
  writeControlRow,
} from '../tables/layout.gen.js';
import type { NativeRing } from './native.js';
import { indexKey, type Store } from './store.js';

/** At most so many bytes of events are taken at once, so that a flood does not hold up the agent. */
const DRAIN_BYTES = 256 * 1024;

/** The programs' ring of connection events. */
export class FlowReader {
  readonly #ring: NativeRing;
  readonly #store: Store;

  constructor(ring: NativeRing, store: Store) {
    this.#ring = ring;
    this.#store = store;
  }

  /** What has happened since the last call, oldest first, within a bound; the rest stays in the ring. */
  drain(): readonly FlowEventRow[] {
    const { data, lengths } = this.#ring.drain(DRAIN_BYTES);
    const view = viewOf(data);
    const events: FlowEventRow[] = [];
    let at = 0;
    for (const length of lengths) {
      if (length >= FlowEventRowSize) events.push(readFlowEventRow(view, at));
      at += length;
    }
    return events;
  }

  /** Events that found no room in the ring since the maps were made, exactly. */
  lost(): number {
    return counter(this.#store, Counter.EVENTS_LOST);
  }

  close(): void {
    this.#ring.close();
  }
}

/** One of the programs' counters (enum weft_counter), over all CPUs. */
export function counter(store: Store, which: number): number {
  const rows = store.read('counters');
  const view = viewOf(rows.values);
  const size = rows.count === 0 ? 0 : rows.values.length / rows.count;
  return which < rows.count ? Number(readCounterRow(view, which * size).value) : 0;
}

/** Times are CLOCK_MONOTONIC. */
export interface Control {
  /** The agent is there. */
  readonly heartbeatNs: bigint;
  /** Whether connections are reported. */
  readonly events: boolean;
  /** The gateway serves; 0 for not. Default: as it was, for the workers of an earlier agent serve on. */
  readonly gatewayNs?: bigint;
}

/**
 * Tells the programs that an agent is there again. Where the gateway served when an earlier one was heard of last, it serves now: its workers outlive their
 * agent, and where they have not, no listener is held.
 */
export function resumeControl(store: Store, nowNs: bigint): void {
  const value = store.lookup('control', indexKey(0)) ?? new Uint8Array(ControlRowSize);
  const { heartbeatNs, gatewayNs } = readControlRow(viewOf(value), 0);
  const shift = nowNs - heartbeatNs;
  writeControl(store, {
    heartbeatNs: nowNs,
    events: true,
    ...(gatewayNs === 0n ? {} : { gatewayNs: gatewayNs + shift }),
  });
}

/** Tells the programs what they need to know while they run. */
export function writeControl(store: Store, { heartbeatNs, events, gatewayNs }: Control): void {
  const value = store.lookup('control', indexKey(0)) ?? new Uint8Array(ControlRowSize);
  const before = readControlRow(viewOf(value), 0);
  writeControlRow({ heartbeatNs, events: events ? 1 : 0, gatewayNs: gatewayNs ?? before.gatewayNs }, viewOf(value), 0);
  store.update('control', { keys: indexKey(0), values: value, count: 1 });
}
