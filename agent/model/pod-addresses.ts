import { keyOf, type Pod } from './mesh.js';

/** Pods by their addresses, of which hostNetwork and finished Pods share some with others. */
export class PodAddresses {
  /** Sorted by precedence where there are several. */
  readonly #pods = new Map<string, Pod | readonly Pod[]>();

  put(pod: Pod): void {
    for (const address of pod.addresses) {
      const others = this.all(address);
      this.#pods.set(address, others.length === 0 ? pod : [...others, pod].sort(byPrecedence));
    }
  }

  remove(pod: Pod): void {
    for (const address of pod.addresses) {
      const rest = this.all(address).filter((each) => each !== pod);
      if (rest.length === 0) this.#pods.delete(address);
      else this.#pods.set(address, rest.length === 1 ? rest[0]! : rest);
    }
  }

  first(address: string): Pod | undefined {
    return this.all(address)[0];
  }

  all(address: string): readonly Pod[] {
    const pods = this.#pods.get(address);
    if (pods === undefined) return [];
    return 'length' in pods ? pods : [pods];
  }
}

function byPrecedence(a: Pod, b: Pod): number {
  const rank = (pod: Pod) => Number(pod.finished) * 2 + Number(pod.hostNetwork);
  return rank(a) - rank(b) || (keyOf(a) < keyOf(b) ? -1 : 1);
}
