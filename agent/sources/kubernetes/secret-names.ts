import { type Change, keyOf } from '../../model/mesh.js';
import { referencesOf } from '../../model/refers.js';

/** Of Secrets that objects may name; beyond these no more are asked for, since each takes a watch. */
export const mostSecrets = 500;

const naming: ReadonlySet<string> = new Set(['Gateway', 'KubernetesGateway', 'DestinationRule']);

/** Which Secrets the objects name. */
export class SecretNames {
  /** NS/NAME of Secrets, by the kind and key of the object that names them. */
  readonly #named = new Map<string, readonly string[]>();

  /** Whether the changes may be of what is named. */
  take(changes: readonly Change[]): boolean {
    let isChanged = false;
    for (const change of changes) {
      const kind = change.type === 'put' ? change.object.kind : change.kind;
      if (!naming.has(kind)) continue;
      const identity = `${kind} ${change.type === 'put' ? keyOf(change.object) : change.key}`;
      const references = change.type === 'put' ? referencesOf(change.object) : [];
      const secrets = references.filter((each) => each.kind === 'Secret').map(({ key }) => key);
      isChanged ||= secrets.length > 0 || this.#named.has(identity);
      if (secrets.length === 0) this.#named.delete(identity);
      else this.#named.set(identity, secrets);
    }
    return isChanged;
  }

  /** NS/NAME, sorted. */
  keys(): readonly string[] {
    return [...new Set([...this.#named.values()].flat())].sort();
  }
}
