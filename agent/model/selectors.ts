import { keyOf, type Pod, type Service } from './mesh.js';

type Labels = Readonly<Record<string, string>>;

/** Whether every label of the selector is there with its value (an equality selector, as a Service's). */
export function selects(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}

/** Pods of equal labels: those of one workload have one map between them. */
interface Group {
  readonly labels: Labels;
  readonly pods: Map<string, Pod>;
}

/**
 * Who selects whom in one namespace. A Service is filed under one term (KEY=VALUE) of its selector, Pods by their
 * label map under each term of it, so that a change looks at few candidates.
 */
export class SelectorIndex {
  readonly #services = new Map<string, Service[]>();
  readonly #termOf = new Map<Service, string>();
  readonly #groups = new Map<Labels, Group>();
  readonly #groupsByTerm = new Map<string, Set<Group>>();

  get empty(): boolean {
    return this.#termOf.size === 0 && this.#groups.size === 0;
  }

  /** A Service without a selector is not filed. */
  putService(service: Service): void {
    let best: string | undefined;
    for (const term of termsOf(service.selector ?? {})) {
      if (best === undefined || this.#crowd(term) < this.#crowd(best)) best = term;
    }
    if (best === undefined) return;
    this.#termOf.set(service, best);
    const filed = this.#services.get(best);
    if (filed === undefined) this.#services.set(best, [service]);
    else filed.push(service);
  }

  /** The same object that was put. */
  removeService(service: Service): void {
    const term = this.#termOf.get(service);
    if (term === undefined) return;
    this.#termOf.delete(service);
    const filed = this.#services.get(term)!;
    filed.splice(filed.indexOf(service), 1);
    if (filed.length === 0) this.#services.delete(term);
  }

  #crowd(term: string): number {
    return this.#services.get(term)?.length ?? 0;
  }

  putPod(key: string, pod: Pod): void {
    let group = this.#groups.get(pod.meta.labels);
    if (group === undefined) {
      group = { labels: pod.meta.labels, pods: new Map() };
      this.#groups.set(group.labels, group);
      for (const term of termsOf(group.labels)) {
        const filed = this.#groupsByTerm.get(term);
        if (filed === undefined) this.#groupsByTerm.set(term, new Set([group]));
        else filed.add(group);
      }
    }
    group.pods.set(key, pod);
  }

  removePod(key: string, pod: Pod): void {
    const group = this.#groups.get(pod.meta.labels);
    if (group === undefined || !group.pods.delete(key) || group.pods.size > 0) return;
    this.#groups.delete(group.labels);
    for (const term of termsOf(group.labels)) {
      const filed = this.#groupsByTerm.get(term)!;
      filed.delete(group);
      if (filed.size === 0) this.#groupsByTerm.delete(term);
    }
  }

  /** Keys of all Pods. */
  *pods(): Generator<string> {
    for (const group of this.#groups.values()) yield* group.pods.keys();
  }

  /** Keys of the Services that select these labels. */
  *servicesSelecting(labels: Labels): Generator<string> {
    for (const term of termsOf(labels)) {
      const filed = this.#services.get(term);
      if (filed === undefined) continue;
      for (const service of filed) if (selects(service.selector!, labels)) yield keyOf(service);
    }
  }

  /** In no order. */
  *podsSelected(selector: Labels): Generator<Pod> {
    let fewest: Set<Group> | undefined;
    for (const term of termsOf(selector)) {
      const filed = this.#groupsByTerm.get(term);
      if (filed === undefined) return;
      if (fewest === undefined || filed.size < fewest.size) fewest = filed;
    }
    for (const group of fewest ?? []) if (selects(selector, group.labels)) yield* group.pods.values();
  }
}

function* termsOf(labels: Labels): Generator<string> {
  for (const key in labels) yield `${key}=${labels[key]}`;
}
