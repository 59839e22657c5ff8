import type { Resource } from './resource.js';
import type { Server } from './server.js';

/** ms that a CRD must be missing before the objects that there were are taken for gone. */
const patience = 30_000;

/** Of a custom resource that is answered with 404: whether that is believed, and if not, why, and when to ask again. */
export type Verdict =
  | { readonly isBelieved: true }
  | { readonly isBelieved: false; readonly why: string; readonly wait: number | undefined };

/** Tells a CRD that is not installed from a server that is confused. */
export class Absence {
  readonly #resource: Resource;
  readonly #server: Server;
  /** Monotonic ms; undefined while it is there. */
  #since: number | undefined;
  #isBelieved = false;

  constructor(resource: Resource, server: Server) {
    this.#resource = resource;
    this.#server = server;
  }

  /** Whether it was last judged to be missing. */
  get isBelieved(): boolean {
    return this.#isBelieved;
  }

  /** It is there. */
  end(): void {
    this.#since = undefined;
    this.#isBelieved = false;
  }

  /**
   * It is missing, at `now` in monotonic ms. `isNews`: something would come of believing it; then the server's list of what it
   * serves must agree. `hasObjects`: and it must have lasted. Rejects with ApiError when the server does not say.
   */
  async judge(now: number, isNews: boolean, hasObjects: boolean): Promise<Verdict> {
    this.#since ??= now;
    const lasted = now - this.#since;
    if (hasObjects && lasted < patience) {
      const why = `the API server answers 404: what was there counts as removed once that lasts ${patience / 1_000} s`;
      return { isBelieved: false, why, wait: Math.max(1_000, patience - lasted) };
    }
    this.#isBelieved = !isNews || (await this.#server.lacks(this.#resource));
    if (this.#isBelieved) return { isBelieved: true };
    return { isBelieved: false, why: 'the API server answers 404 although it says that it serves it', wait: undefined };
  }
}
