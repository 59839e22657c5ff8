import { frontendKey } from '../../agent/kernel/frontends.js';
import { type NativeMap, native } from '../../agent/kernel/native.js';
import { pinsOf } from '../../agent/kernel/pins.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  BackendRowSize,
  FrontendKeySize,
  FrontendRowSize,
  Protocol,
  readBackendRow,
  readFrontendKey,
  readFrontendRow,
  readSlotRow,
  SlotRowSize,
} from '../../agent/tables/layout.gen.js';

/** The pinned tables of an agent, read from outside of it. */
export class ProgrammedTables {
  readonly #frontends: NativeMap;
  readonly #slots: NativeMap;
  readonly #backends: NativeMap;

  constructor(directory: string) {
    const pins = pinsOf(directory);
    this.#frontends = native().openMap(pins.map('frontends'));
    this.#slots = native().openMap(pins.map('slots'));
    this.#backends = native().openMap(pins.map('backends'));
  }

  /** How many endpoints a Service's TCP port has; undefined without a row. */
  endpointsOf(address: string, port: number): number | undefined {
    const row = this.#frontends.lookup(frontendKey({ address, port, protocol: Protocol.TCP }));
    return row === null ? undefined : readFrontendRow(viewOf(row), 0).slotCount;
  }

  /** By the address of a Service: the addresses that connections to `port` are led to. */
  endpoints(port: number): ReadonlyMap<string, readonly string[]> {
    const backends = this.#all(this.#backends, BackendRowSize);
    const slots = this.#all(this.#slots, SlotRowSize);
    const { keys, values, count } = this.#frontends.entries();
    const found = new Map<string, readonly string[]>();
    for (let row = 0; row < count; row++) {
      const key = readFrontendKey(viewOf(keys), row * FrontendKeySize);
      if (key.port !== port) continue;
      const { slotBase, slotCount } = readFrontendRow(viewOf(values), row * FrontendRowSize);
      const addresses = Array.from({ length: slotCount }, (_, slot) => {
        const { backend } = readSlotRow(slots.get(slotBase + slot)!, 0);
        return readBackendRow(backends.get(backend)!, 0).address;
      });
      found.set(key.address, addresses);
    }
    return found;
  }

  close(): void {
    for (const map of [this.#frontends, this.#slots, this.#backends]) map.close();
  }

  /** The rows by their index. */
  #all(map: NativeMap, size: number): ReadonlyMap<number, DataView> {
    const { keys, values, count } = map.entries();
    const view = viewOf(keys);
    const rows = new Map<number, DataView>();
    for (let row = 0; row < count; row++)
      rows.set(view.getUint32(row * 4, true), viewOf(values.subarray(row * size, (row + 1) * size)));
    return rows;
  }
}
