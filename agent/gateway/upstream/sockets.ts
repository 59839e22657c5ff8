import { closeSync } from 'node:fs';
import { Socket } from 'node:net';

export type Family = 4 | 6;

/** Makes TCP sockets that are not connected yet. */
export interface SocketMaker {
  /** In the network namespace of a Pod of this node (NS/POD), or in this process's own ('' ). Throws when there is none. */
  make(pod: string, family: Family): Socket;
  /** Lets go of what nobody has asked for in a while. Called each second. */
  sweep(): void;
  /** Lets go of what is kept for a Pod. */
  forget(pod: string): void;
  close(): void;
}

/** Sockets of this process's own network namespace, for every Pod too. */
export const ownSockets: SocketMaker = {
  make: () => new Socket(),
  sweep() {},
  forget() {},
  close() {},
};

/** Blank descriptors that are asked for at once when a Pod has been asking before … */
const batch = 8;
/** … and how long those that nobody took are kept, ms: they hold the Pod's namespace. */
const keptMs = 5000;

interface Shelf {
  readonly descriptors: number[];
  usedAt: number;
}

/** Sockets in Pods' namespaces, as blank descriptors from the socket broker. A first connection takes one, further ones soon after it a batch. */
export class PodSockets implements SocketMaker {
  /** The broker's: blank TCP sockets in a Pod's namespace. Throws when the namespace is gone. */
  readonly #blanks: (pod: string, family: Family, count: number) => readonly number[];
  readonly #now: () => number;
  readonly #shelves = new Map<string, Record<Family, Shelf>>();

  /** `now`: monotonic, ms. */
  constructor(blanks: (pod: string, family: Family, count: number) => readonly number[], now: () => number) {
    this.#blanks = blanks;
    this.#now = now;
  }

  make(pod: string, family: Family): Socket {
    if (pod === '') return new Socket();
    let shelves = this.#shelves.get(pod);
    if (shelves === undefined) {
      const shelf = (): Shelf => ({ descriptors: [], usedAt: Number.NEGATIVE_INFINITY });
      shelves = { 4: shelf(), 6: shelf() };
      this.#shelves.set(pod, shelves);
    }
    const shelf = shelves[family];
    if (shelf.descriptors.length === 0) {
      const isBusy = this.#now() - shelf.usedAt < keptMs;
      shelf.descriptors.push(...this.#blanks(pod, family, isBusy ? batch : 1));
    }
    shelf.usedAt = this.#now();
    const descriptor = shelf.descriptors.pop();
    if (descriptor === undefined) throw new Error(`no socket in the network namespace of ${pod}`);
    return new Socket({ fd: descriptor, readable: true, writable: true, manualStart: true } as ConstructorParameters<
      typeof Socket
    >[0]);
  }

  sweep(): void {
    const now = this.#now();
    for (const shelves of this.#shelves.values()) {
      for (const shelf of [shelves[4], shelves[6]]) if (now - shelf.usedAt > keptMs) empty(shelf);
    }
  }

  forget(pod: string): void {
    const shelves = this.#shelves.get(pod);
    if (shelves === undefined) return;
    this.#shelves.delete(pod);
    empty(shelves[4]);
    empty(shelves[6]);
  }

  close(): void {
    for (const pod of [...this.#shelves.keys()]) this.forget(pod);
  }
}

function empty(shelf: Shelf): void {
  for (const descriptor of shelf.descriptors.splice(0)) closeSync(descriptor);
}
