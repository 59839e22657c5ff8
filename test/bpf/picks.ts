import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ExecutionContext } from 'ava';
import type { FrontendPlan } from '../../agent/compile/plan.js';
import { frontendKey } from '../../agent/kernel/frontends.js';
import { KernelStore } from '../../agent/kernel/maps.js';
import { type NativeMap, type NativeObject, native } from '../../agent/kernel/native.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import { indexKey } from '../../agent/kernel/store.js';
import { viewOf } from '../../agent/tables/bytes.js';
import { BackendStateRowSize, Protocol, type TableName, writeBackendStateRow } from '../../agent/tables/layout.gen.js';
import { compileBpf } from './clang.js';

/** Of pick.bpf.c. */
const picksARun = 1 << 17;
const requestSize = 40;
const orderLength = 4096;

let elf: Uint8Array | undefined;

function compiled(): Uint8Array {
  elf ??= compileBpf('test/bpf/pick.bpf.c');
  return elf;
}

export interface Clients {
  /** Of the first client's address; each next one's is `hashStep` more. Default 0 and 0: one client. */
  readonly hash?: number;
  readonly hashStep?: number;
  readonly netns?: bigint;
}

/** The kernel's pick function over tables of its own, without sockets. */
export class Picks {
  readonly store: KernelStore;
  readonly reconciler: Reconciler;
  readonly maps: Map<string, NativeMap> = new Map();
  readonly #object: NativeObject;

  static open(t: ExecutionContext): Picks {
    const picks = new Picks();
    t.teardown(() => picks.#close());
    return picks;
  }

  private constructor() {
    this.#object = native().openObject(compiled(), 'pick');
    const sizes = {
      frontends: 4096,
      slots: 32768,
      rings: 32768,
      backends: 4096,
      backend_states: 4096,
      service_states: 4096,
    };
    for (const [name, rows] of Object.entries(sizes)) this.#object.setMaxEntries(name, rows);
    this.#object.load();
    for (const { name } of this.#object.maps()) if (!name.includes('.')) this.maps.set(name, this.#object.map(name));
    this.store = new KernelStore(this.maps as ReadonlyMap<string, NativeMap> as ReadonlyMap<TableName, NativeMap>);
    this.reconciler = new Reconciler(this.store);
  }

  apply(...plans: readonly FrontendPlan[]): void {
    for (const plan of plans) this.reconciler.apply(new Map([[plan.service, [plan]]]));
    for (const { plan, table } of this.reconciler.unfit()) throw new Error(`${plan.key} does not fit into ${table}`);
  }

  /** Sets connections in flight to backends, by id. */
  setInflight(inflight: ReadonlyMap<number, number>): void {
    for (const [id, count] of inflight) {
      const bytes = new Uint8Array(BackendStateRowSize);
      writeBackendStateRow({ inflight: count, opened: 0n, failed: 0n, connectNs: 0n }, viewOf(bytes), 0);
      this.store.update('backend_states', { keys: indexKey(id), values: bytes, count: 1 });
    }
  }

  /** Picks `count` times. Returns how often each backend's id was picked; 0 stands for a refusal. */
  tally(plan: FrontendPlan, count: number, clients: Clients = {}): Map<number, number> {
    const before = this.tallies();
    for (let left = count; left > 0; left -= picksARun) this.#run(plan, Math.min(left, picksARun), clients);
    const counts = this.tallies().map((picked, id) => [id, picked - before[id]!] as const);
    return new Map(counts.filter(([, picked]) => picked > 0));
  }

  /** The backends of up to 4096 picks, in order. */
  sequence(plan: FrontendPlan, count: number, clients: Clients = {}): readonly number[] {
    if (count > orderLength) throw new RangeError(`${count} picks in order`);
    this.#run(plan, count, clients);
    const { values } = this.maps.get('order')!.entries(count);
    return [...new Uint32Array(values.buffer, values.byteOffset, count)];
  }

  /** Ids by address. */
  ids(plan: FrontendPlan): ReadonlyMap<string, number> {
    const { ids } = this.reconciler.plan(plan.key)!;
    return new Map(plan.backends.map(({ address }, i) => [address, ids[i]!]));
  }

  /** Picks made so far, by backend id; [0]: refusals. */
  tallies(): readonly number[] {
    const { values } = this.maps.get('tallies')!.entries();
    return Array.from(new BigUint64Array(values.buffer, values.byteOffset, values.byteLength / 8), Number);
  }

  /** Picks in another thread until told to stop. */
  background(plan: FrontendPlan): { stop(): Promise<unknown> } {
    const program = this.#object.program('weft_test_pick');
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL('./picker.js', import.meta.url), {
      workerData: { program: program.info().id, context: contextOf(plan, 10_000, {}), flag },
    });
    const exited = once(worker, 'exit');
    const stop = (): Promise<unknown> => {
      Atomics.store(flag, 0, 1);
      return exited;
    };
    return { stop };
  }

  #run(plan: FrontendPlan, count: number, clients: Clients): void {
    const { returned } = this.#object.program('weft_test_pick').run({ context: contextOf(plan, count, clients) });
    if (returned !== count) throw new Error(`${returned} of ${count} picks were made`);
  }

  #close(): void {
    for (const map of this.maps.values()) map.close();
    this.#object.close();
  }
}

/** A struct request. */
function contextOf(plan: FrontendPlan, count: number, clients: Clients): Uint8Array {
  const context = new Uint8Array(requestSize);
  context.set(frontendKey({ address: plan.addresses[0]!, port: plan.port, protocol: Protocol[plan.protocol] }));
  const view = viewOf(context);
  view.setUint32(20, count, true);
  view.setUint32(24, clients.hash ?? 0, true);
  view.setUint32(28, clients.hashStep ?? 0, true);
  view.setBigUint64(32, clients.netns ?? 1n, true);
  return context;
}
