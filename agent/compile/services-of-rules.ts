import { keyOf, type Service } from '../model/mesh.js';
import { serviceOfHost } from '../model/names.js';
import type { HttpInput } from './http/input.js';
import { isServiceParent } from './http/rules.js';
import { l7Annotation } from './l7.js';

/** The few Services of a mesh that HTTP rules can be about. */
export class ServicesOfRules {
  readonly #input: HttpInput;
  /** NS/NAME of those with annotation weft.dev/l7. */
  readonly #asking = new Set<string>();

  constructor(input: HttpInput) {
    this.#input = input;
  }

  /** These Services came, changed or went; at first it is all that there are. */
  look(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.#input.service(key)?.meta.annotations[l7Annotation] === 'enabled') this.#asking.add(key);
      else this.#asking.delete(key);
    }
  }

  /** Those that can have a port for the gateway: which rules of the mesh name, which ask for it, and hosts of ServiceEntries. Each once. */
  *candidates(): Generator<Service> {
    const input = this.#input;
    const keys = new Set(this.#asking);
    for (const { hosts, gateways, meta } of input.virtualServices()) {
      if (!gateways.includes('mesh')) continue;
      for (const host of hosts) {
        if (host.startsWith('*')) return yield* input.services();
        const key = serviceOfHost(host, meta.namespace);
        if (key !== undefined) keys.add(key);
      }
    }
    for (const service of input.entryServices()) keys.add(keyOf(service));
    for (const { parentRefs } of [...input.httpRoutes(), ...input.grpcRoutes()]) {
      for (const parent of parentRefs) if (isServiceParent(parent)) keys.add(`${parent.namespace}/${parent.name}`);
    }
    for (const key of keys) {
      const service = input.service(key);
      if (service !== undefined) yield service;
    }
  }
}
