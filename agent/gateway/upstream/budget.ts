/** Bounds on connections of one worker, over all clusters; a connection beyond them is refused. */
export interface ConnectionBounds {
  readonly total: number;
  readonly perPod: number;
  /** From one Pod (or this node) to one endpoint. */
  readonly perEndpoint: number;
  /** Requests to one cluster that wait for a connection, where connectionPool says nothing. */
  readonly pending: number;
}

/** Below the 20 000 descriptors of a process, with room for as many from clients. */
export const connectionBounds: ConnectionBounds = { total: 8192, perPod: 2048, perEndpoint: 1024, pending: 8192 };

/** Counts connections, made and in the making. */
export class ConnectionBudget {
  readonly bounds: ConnectionBounds;
  readonly #byPod = new Map<string, number>();
  #total = 0;

  constructor(bounds: ConnectionBounds) {
    this.bounds = bounds;
  }

  get total(): number {
    return this.#total;
  }

  /** `pod`: NS/POD, or empty for this node, which only `total` bounds. */
  allows(pod: string): boolean {
    return this.#total < this.bounds.total && (pod === '' || (this.#byPod.get(pod) ?? 0) < this.bounds.perPod);
  }

  take(pod: string): void {
    this.#total++;
    this.#byPod.set(pod, (this.#byPod.get(pod) ?? 0) + 1);
  }

  give(pod: string): void {
    this.#total--;
    const left = this.#byPod.get(pod)! - 1;
    if (left === 0) this.#byPod.delete(pod);
    else this.#byPod.set(pod, left);
  }
}
