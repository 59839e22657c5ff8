import { sourceHash } from '../compile/maglev.js';
import type { Pod } from '../model/mesh.js';
import { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import { Ids } from '../tables/ids.js';
import { PodKeySize, PodRowSize, readPodKey, readPodRow, writePodKey, writePodRow } from '../tables/layout.gen.js';
import type { CookieReader } from './cookies.js';
import { differences } from './differences.js';
import type { FoundCounts } from './found.js';
import { isAbsent, type Place, type PlaceFinder } from './place.js';
import { NamedPlaces } from './place-named.js';
import { type Store, TableFullError } from './store.js';

/** A Pod whose connections are captured. */
export interface Captured {
  readonly pod: string;
  readonly id: number;
  readonly netns: bigint;
  /** Leads to the namespace, now; empty while none of its processes is there. */
  readonly path: string;
  readonly row: Uint8Array;
}

/** Where the gateway listens inside a namespace. */
interface Listening {
  /** 0: nowhere. */
  readonly gatewayPort: number;
  /** 1: for IPv6 too. */
  readonly gatewaySix: number;
}

const nowhere: Listening = { gatewayPort: 0, gatewaySix: 0 };

/** A captured Pod and what its row was made of. */
interface Capture {
  readonly captured: Captured;
  /** Undefined while none of its processes is there. */
  readonly place: Place | undefined;
  readonly pod: Pod;
  readonly listening: Listening;
}

/** Which network namespaces are captured: the `pods` table. */
export class PodTable {
  readonly #store: Store;
  readonly #cookieOf: CookieReader;
  readonly #ids: Ids;
  /** NS/POD to the Pod, those that are to be captured. */
  readonly #wanted = new Map<string, Pod>();
  readonly #captures = new Map<string, Capture>();
  /** Cookies of captured namespaces to NS/POD. */
  readonly #owners = new Map<bigint, string>();
  /** NS/POD to why it is not captured although it should be. */
  readonly #trouble = new Map<string, string>();
  readonly #byId = new Map<number, string>();
  #foundAtStart = 0;
  /** Rows found in the kernel at start, by cookie; the id is undefined where the row is no Pod's. */
  #found = new Map<bigint, { readonly id: number | undefined; readonly row: Uint8Array }>();
  /** Ids that are nobody's and not reported yet. */
  #released: number[] = [];
  /** Ids that were reported; the next `refresh` may give them away. */
  #resting: readonly number[] = [];
  readonly #own: bigint | undefined;
  readonly #places: PlaceFinder;

  /** `own`: the cookie of the agent's namespace, which is never captured. */
  constructor(store: Store, cookieOf: CookieReader, own: bigint | undefined, places: PlaceFinder = new NamedPlaces()) {
    this.#store = store;
    this.#cookieOf = cookieOf;
    this.#own = own;
    this.#places = places;
    this.#ids = new Ids(store.capacity('pods') + 1);
    const rows = store.read('pods');
    const keys = viewOf(rows.keys);
    const values = viewOf(rows.values);
    for (let i = 0; i < rows.count; i++) {
      const id = readPodRow(values, i * PodRowSize).id;
      this.#found.set(readPodKey(keys, i * PodKeySize).netns, {
        id: this.#ids.adopt(id) ? id : undefined,
        row: rows.values.slice(i * PodRowSize, (i + 1) * PodRowSize),
      });
    }
    this.#foundAtStart = this.#found.size;
  }

  /** Pods of an earlier agent; none once `prune` was called. */
  get foundCounts(): FoundCounts {
    return { found: this.#foundAtStart, left: this.#found.size };
  }

  /** The Pod is to be captured from now on, or (undefined) not any more. Takes effect with `refresh`; false: that changes nothing. */
  want(key: string, pod: Pod | undefined): boolean {
    if (this.#wanted.get(key) === pod) return false;
    if (pod) this.#wanted.set(key, pod);
    else this.#wanted.delete(key);
    return true;
  }

  /**
   * Looks at the namespaces again and writes what changed. Cheap when nothing did. Returns the ids that are no Pod's any more. Throws as the
   * store does, after everything else was done; the next call tries again.
   */
  refresh(): readonly number[] {
    for (const id of this.#resting) this.#ids.release(id);
    this.#resting = [];
    const errors: unknown[] = [];
    this.#places.look(this.#wanted.values());
    for (const [key, capture] of [...this.#captures]) {
      if (this.#holds(key, capture)) continue;
      try {
        this.#drop(key);
      } catch (error) {
        errors.push(error);
      }
    }
    this.#trouble.clear();
    for (const [key, pod] of this.#wanted) if (this.#captures.get(key)?.pod !== pod) this.#capture(key, pod);
    if (errors.length > 0) throw errors[0];
    this.#resting = this.#released;
    this.#released = [];
    return this.#resting;
  }

  /** Whether a Pod that is to be captured may come to have a namespace at any moment, so that `refresh` is worth its cost soon. */
  get isSeeking(): boolean {
    return this.#places.isSeeking;
  }

  /** Removes rows that an earlier agent left and no Pod claimed. To be called once, after all sources have synced. */
  prune(): void {
    const stale = new Batch(PodKeySize, 1);
    for (const netns of this.#found.keys()) stale.addRow(podKey(netns), new Uint8Array(1));
    this.#store.remove('pods', stale.keys, stale.count);
    for (const { id } of this.#found.values()) if (id !== undefined) this.#ids.release(id);
    this.#found = new Map();
    this.#foundAtStart = 0;
  }

  get(key: string): Captured | undefined {
    return this.#captures.get(key)?.captured;
  }

  all(): Iterable<Captured> {
    return [...this.#captures.values()].map(({ captured }) => captured);
  }

  get count(): number {
    return this.#captures.size;
  }

  /** NS/POD of an id; undefined for one that is nobody's. */
  nameOf(id: number): string | undefined {
    return this.#byId.get(id);
  }

  /** Why a Pod that should be captured is not; undefined when it is, or should not be. */
  troubleOf(key: string): string | undefined {
    return this.#trouble.get(key);
  }

  troubles(): ReadonlyMap<string, string> {
    return this.#trouble;
  }

  /**
   * From now on connections of this Pod to Services that have a gateway lead to this port of its namespace, 0 for to none; `hasSix`: those
   * of IPv6 too. It stays so until the Pod goes, also when another agent takes over. False: the Pod is not captured. Throws as the store does.
   */
  setGatewayPort(key: string, port: number, hasSix: boolean): boolean {
    const capture = this.#captures.get(key);
    if (capture === undefined) return false;
    this.#write(key, capture, withListening(capture, { gatewayPort: port, gatewaySix: hasSix ? 1 : 0 }));
    return true;
  }

  desired(): Batch {
    const batch = new Batch(PodKeySize, PodRowSize, this.#captures.size + 1);
    for (const { captured } of this.#captures.values()) batch.addRow(podKey(captured.netns), captured.row);
    return batch;
  }

  /** Compares the table with what it should hold and repairs it. Returns the rows that differed. */
  verify(): number {
    const { missing, surplus } = differences(this.#store, 'pods', this.desired());
    this.#store.update('pods', missing);
    this.#store.remove('pods', surplus.keys, surplus.count);
    return missing.count + surplus.count;
  }

  /** Whether the Pod is still to be captured and lives where it did, be it that another path leads there now. */
  #holds(key: string, capture: Capture): boolean {
    const { captured, place } = capture;
    const pod = this.#wanted.get(key);
    if (pod === undefined || pod.uid !== capture.pod.uid) return false;
    const found = this.#places.find(pod);
    if (isAbsent(found)) {
      if (found.isPassing)
        this.#captures.set(key, { ...capture, place: undefined, captured: { ...captured, path: '' } });
      return found.isPassing;
    }
    if (found.mark === place?.mark) return true;
    try {
      if (this.#cookieAt(found) !== captured.netns) return false;
    } catch {
      return !found.isCurrent();
    }
    this.#captures.set(key, { ...capture, place: found, captured: { ...captured, path: found.path } });
    return true;
  }

  /** Throws when it cannot be read, or went while it was. */
  #cookieAt(place: Place): bigint {
    const netns = this.#cookieOf(place.path);
    if (!place.isCurrent()) throw new Error(`${place.path} has just gone`);
    return netns;
  }

  #capture(key: string, pod: Pod): void {
    const present = this.#captures.get(key);
    const place = present ? present.place : this.#places.find(pod);
    if (place !== undefined && isAbsent(place)) {
      this.#trouble.set(key, place.why);
      return;
    }
    try {
      const netns = present?.captured.netns ?? this.#cookieAt(place!);
      const owner = this.#owners.get(netns);
      if (owner !== undefined && owner !== key) throw new Error(`its network namespace is already that of ${owner}`);
      if (netns === this.#own) throw new Error("its network namespace is the agent's own");
      const found = this.#found.get(netns);
      const id = present?.captured.id ?? found?.id ?? this.#ids.take();
      if (id === undefined) throw new TableFullError('pods', this.#store.capacity('pods'));
      // The listeners of an earlier agent's gateway are still served.
      const listening = present?.listening ?? (found?.id === undefined ? nowhere : readPodRow(viewOf(found.row), 0));
      const captured = { pod: key, id, netns, path: place?.path ?? '', row: podRow(id, pod, listening) };
      this.#write(key, present, { captured, place, pod, listening });
    } catch (error) {
      this.#trouble.set(key, error instanceof Error ? error.message : String(error));
    }
  }

  #write(key: string, before: Capture | undefined, capture: Capture): void {
    const { netns, id, row } = capture.captured;
    const found = this.#found.get(netns);
    const present = before?.captured.row ?? found?.row;
    try {
      if (!present || Buffer.compare(present, row) !== 0)
        this.#store.update('pods', { keys: podKey(netns), values: row, count: 1 });
    } catch (error) {
      if (!before && found?.id !== id) this.#ids.release(id);
      throw error;
    }
    this.#found.delete(netns);
    this.#captures.set(key, capture);
    this.#owners.set(netns, key);
    this.#byId.set(id, key);
  }

  #drop(key: string): void {
    const { netns, id } = this.#captures.get(key)!.captured;
    this.#store.remove('pods', podKey(netns), 1);
    this.#captures.delete(key);
    this.#owners.delete(netns);
    this.#byId.delete(id);
    this.#released.push(id);
  }
}

function podKey(netns: bigint): Uint8Array {
  const bytes = new Uint8Array(PodKeySize);
  writePodKey({ netns }, viewOf(bytes), 0);
  return bytes;
}

function withListening(capture: Capture, listening: Listening): Capture {
  const row = podRow(capture.captured.id, capture.pod, listening);
  return { ...capture, captured: { ...capture.captured, row }, listening };
}

function podRow(id: number, pod: Pod, { gatewayPort, gatewaySix }: Listening): Uint8Array {
  const four = pod.addresses.find((address) => !address.includes(':')) ?? '';
  const six = pod.addresses.find((address) => address.includes(':')) ?? '';
  const hash4 = four === '' ? 0 : sourceHash(four);
  const hash6 = six === '' ? 0 : sourceHash(six);
  const bytes = new Uint8Array(PodRowSize);
  writePodRow({ id, hash4, hash6, gatewayPort, gatewaySix, four, six }, viewOf(bytes), 0);
  return bytes;
}
