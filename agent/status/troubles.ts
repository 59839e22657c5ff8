import type { Log } from '../log.js';

/** What keeps status from being written, by resource; each is logged once, until it changes. */
export class Troubles {
  readonly #log: Log;
  readonly #tell: (why: string) => void;
  readonly #byResource = new Map<string, string>();

  /** `tell` gets all of them as one line whenever that changes; empty for none. */
  constructor(log: Log, tell: (why: string) => void) {
    this.#log = log;
    this.#tell = tell;
  }

  set(resource: string, why: string): void {
    if (this.#byResource.get(resource) === why) return;
    this.#byResource.set(resource, why);
    this.#log.warn({ resource, why }, 'status cannot be written');
    this.#tell(this.#line());
  }

  clear(resource: string): void {
    if (this.#byResource.delete(resource)) this.#tell(this.#line());
  }

  /** Of all but `resource`. */
  clearOthers(resource: string): void {
    for (const each of [...this.#byResource.keys()]) if (each !== resource) this.clear(each);
  }

  has(resource: string): boolean {
    return this.#byResource.has(resource);
  }

  #line(): string {
    return [...this.#byResource]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([resource, why]) => `${resource}: ${why}`)
      .join('; ');
  }
}

/** What a refused call lacks, as the rule that grants it (rbac.authorization.k8s.io/v1 PolicyRule). */
export function missingRule(group: string, resource: string, verbs: readonly string[]): string {
  return `needs the rule {apiGroups: ["${group}"], resources: [${resource}], verbs: [${verbs.join(', ')}]}`;
}
