import { backendsOf, podNamed } from './cast.js';
import type { Request } from './request.js';

/** Over which a share is looked at, in ms, and from how many requests on. */
const window = 1000;
const fewest = 10;
/** Of its fair part: from here on a backend is back. */
const enough = 0.5;

interface Answered {
  readonly at: number;
  readonly backend: string;
}

/** Watches when a backend of catalog that is well again has its part of the requests again. */
export class Comeback {
  readonly #onBack: (pod: string, after: number) => void;
  readonly #awaited = new Map<string, number>();
  #answered: Answered[] = [];

  /** `onBack` is told once for each `await`: the pod and after how many ms. */
  constructor(onBack: (pod: string, after: number) => void) {
    this.#onBack = onBack;
  }

  /** The pod is well from `at` on, in ms of a monotonic clock. */
  await(pod: string, at: number): void {
    this.#awaited.set(pod, at);
  }

  /** A request was reported at `at`. */
  add({ question, backend, failure }: Request, at: number): void {
    if (question !== 'catalog' || failure !== '' || this.#awaited.size === 0) return;
    this.#answered.push({ at, backend });
    const recent = this.#answered.findIndex((answer) => answer.at > at - window);
    if (recent > 0) this.#answered.splice(0, recent);
    for (const [pod, since] of [...this.#awaited]) {
      if (at < since + window || !this.#isBack(pod)) continue;
      this.#awaited.delete(pod);
      this.#onBack(pod, at - since);
    }
  }

  #isBack(pod: string): boolean {
    const { version, service } = podNamed(pod);
    const peers = backendsOf(service).filter((peer) => peer.version === version);
    const count = (name: string): number => this.#answered.filter(({ backend }) => backend === name).length;
    const total = peers.reduce((sum, { name }) => sum + count(name), 0);
    return total >= fewest && count(pod) / total >= enough / peers.length;
  }
}
