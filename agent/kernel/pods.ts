import { statSync } from 'node:fs';
import { join } from 'node:path';
import { sourceHash } from '../compile/maglev.js';
import type { Pod } from '../model/mesh.js';
import { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import { Ids } from '../tables/ids.js';
import { PodKeySize, PodRowSize, readPodKey, readPodRow, writePodKey, writePodRow } from '../tables/layout.gen.js';
import type { CookieReader } from './cookies.js';
import { differences } from './differences.js';
import { type Store, TableFullError } from './store.js';

/** Where `ip netns add` and the container runtimes keep namespaces. */
export const NETNS_DIRECTORY = '/run/netns';

/** A Pod whose connections are captured. */
export interface Captured {
  readonly pod: string;
  readonly id: number;
  readonly netns: bigint;
  readonly path: string;
  readonly row: Uint8Array;
}

/** The file that stands for a namespace: another inode is another namespace. */
interface Place {
  readonly path: string;
  readonly inode: bigint;
}

/** Which network namespaces are captured: the `pods` table. */
export class PodTable {
  readonly #store: Store;
  readonly #cookieOf: CookieReader;
  readonly #ids: Ids;
  /** NS/POD to the Pod, those that are to be captured. */
  readonly #wanted = new Map<string, Pod>();
  readonly #captured = new Map<string, Captured>();
  readonly #places = new Map<string, Place>();
  /** NS/POD to why it is not captured although it should be. */
  readonly #trouble = new Map<string, string>();
  readonly #byId = new Map<number, string>();
  /** Ids found in the kernel at start, by cookie. */
  #found = new Map<bigint, number>();
  readonly #own: bigint | undefined;

  constructor(store: Store, cookieOf: CookieReader, own: bigint | undefined) {
    this.#store = store;
    this.#cookieOf = cookieOf;
    this.#own = own;
    this.#ids = new Ids(store.capacity('pods') + 1);
    const rows = store.read('pods');
    const keys = viewOf(rows.keys);
    const values = viewOf(rows.values);
    for (let i = 0; i < rows.count; i++) {
      const id = readPodRow(values, i * PodRowSize).id;
      if (this.#ids.adopt(id)) this.#found.set(readPodKey(keys, i * PodKeySize).netns, id);
    }
  }

  /** The Pod is to be captured from now on, or (undefined) not any more. Takes effect with `refresh`. */
  want(key: string, pod: Pod | undefined): void {
    if (pod) this.#wanted.set(key, pod);
    else this.#wanted.delete(key);
  }

  /** Looks at the namespaces again and writes what changed. Cheap when nothing did. Returns the ids that are no Pod's any more. */
  refresh(): readonly number[] {
    const released: number[] = [];
    for (const key of [...this.#captured.keys()]) {
      const pod = this.#wanted.get(key);
      if (!pod || !this.#isSamePlace(key, pod)) released.push(this.#drop(key));
    }
    this.#trouble.clear();
    for (const [key, pod] of this.#wanted) this.#capture(key, pod);
    return released;
  }

  /** Removes rows that an earlier agent left and no Pod claimed. To be called once, after all sources have synced. */
  prune(): void {
    const stale = new Batch(PodKeySize, 1);
    for (const [netns, id] of this.#found) {
      this.#ids.release(id);
      stale.addRow(podKey(netns), new Uint8Array(1));
    }
    this.#found = new Map();
    this.#store.remove('pods', stale.keys, stale.count);
  }

  get(key: string): Captured | undefined {
    return this.#captured.get(key);
  }

  all(): Iterable<Captured> {
    return this.#captured.values();
  }

  get count(): number {
    return this.#captured.size;
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

  desired(): Batch {
    const batch = new Batch(PodKeySize, PodRowSize, this.#captured.size + 1);
    for (const captured of this.#captured.values()) batch.addRow(podKey(captured.netns), captured.row);
    return batch;
  }

  /** Compares the table with what it should hold and repairs it. Returns the rows that differed. */
  verify(): number {
    const { missing, surplus } = differences(this.#store, 'pods', this.desired());
    this.#store.update('pods', missing);
    this.#store.remove('pods', surplus.keys, surplus.count);
    return missing.count + surplus.count;
  }

  #capture(key: string, pod: Pod): void {
    const present = this.#captured.get(key);
    try {
      const place = present ? this.#places.get(key)! : placeOf(pod);
      const netns = present?.netns ?? this.#cookieOf(place.path);
      const other = [...this.#captured.values()].find((captured) => captured.netns === netns && captured.pod !== key);
      if (other) throw new Error(`its network namespace is already that of ${other.pod}`);
      if (netns === this.#own) throw new Error("its network namespace is the agent's own");
      const id = present?.id ?? this.#found.get(netns) ?? this.#ids.take();
      if (id === undefined) throw new TableFullError('pods', this.#store.capacity('pods'));
      const row = podRow(id, pod);
      if (!present || Buffer.compare(present.row, row) !== 0)
        this.#store.update('pods', { keys: podKey(netns), values: row, count: 1 });
      this.#found.delete(netns);
      this.#captured.set(key, { pod: key, id, netns, path: place.path, row });
      this.#places.set(key, place);
      this.#byId.set(id, key);
    } catch (error) {
      this.#trouble.set(key, error instanceof Error ? error.message : String(error));
    }
  }

  #drop(key: string): number {
    const { netns, id } = this.#captured.get(key)!;
    this.#store.remove('pods', podKey(netns), 1);
    this.#captured.delete(key);
    this.#places.delete(key);
    this.#byId.delete(id);
    this.#ids.release(id);
    return id;
  }

  #isSamePlace(key: string, pod: Pod): boolean {
    const place = this.#places.get(key);
    try {
      const now = placeOf(pod);
      return place?.path === now.path && place.inode === now.inode;
    } catch {
      return false;
    }
  }
}

function placeOf(pod: Pod): Place {
  const path = join(NETNS_DIRECTORY, pod.netns);
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!stat) throw new Error(`there is no network namespace ${path}`);
  return { path, inode: stat.ino };
}

function podKey(netns: bigint): Uint8Array {
  const bytes = new Uint8Array(PodKeySize);
  writePodKey({ netns }, viewOf(bytes), 0);
  return bytes;
}

function podRow(id: number, pod: Pod): Uint8Array {
  const four = pod.addresses.find((address) => !address.includes(':'));
  const six = pod.addresses.find((address) => address.includes(':'));
  const bytes = new Uint8Array(PodRowSize);
  writePodRow({ id, hash4: four ? sourceHash(four) : 0, hash6: six ? sourceHash(six) : 0 }, viewOf(bytes), 0);
  return bytes;
}
