import { type Change, type Kind, keyOf, type MeshObject } from '../../model/mesh.js';
import { referencesOf } from '../../model/refers.js';
import { selects } from '../../model/selectors.js';

/** Of Secrets that are watched at once, since each takes a watch. */
export const mostSecrets = 500;

/** Which Gateways are this node's: those of others are nobody's business here, nor are their Secrets. */
export interface OwnGateways {
  /** Of Istio's: --gateway-labels. */
  readonly gatewayLabels: Readonly<Record<string, string>>;
  /** Of the Gateway API's: GatewayClass.spec.controllerName. */
  readonly controllerName: string;
  /** Where Secrets of Istio's Gateways may lie, besides a Gateway's own namespace. */
  readonly rootNamespace: string;
}

/** What one object names. */
interface Naming {
  /** Of a Gateway of the Gateway API. */
  readonly className: string | undefined;
  /** NS/NAME. */
  readonly secrets: readonly string[];
  /** NS/NAME of Secrets that are looked at in case they are there. */
  readonly spares: readonly string[];
}

const naming: ReadonlySet<Kind> = new Set(['Gateway', 'KubernetesGateway', 'DestinationRule']);

/** Which Secrets the objects name. */
export class SecretNames {
  readonly #own: OwnGateways;
  /** By the kind and key of the object. */
  readonly #named = new Map<string, Naming>();
  /** Names of GatewayClasses of the own controller. */
  readonly #classes = new Set<string>();

  constructor(own: OwnGateways) {
    this.#own = own;
  }

  /** Whether the changes may be of what is named. */
  take(changes: readonly Change[]): boolean {
    let isChanged = false;
    for (const change of changes) {
      const kind = change.type === 'put' ? change.object.kind : change.kind;
      const key = change.type === 'put' ? keyOf(change.object) : change.key;
      const object = change.type === 'put' ? change.object : undefined;
      if (kind === 'GatewayClass') isChanged = this.#setClass(key, object) || isChanged;
      else if (naming.has(kind)) isChanged = this.#set(`${kind} ${key}`, object) || isChanged;
    }
    return isChanged;
  }

  /** By NS/NAME, sorted: whether it is only looked at in case it is there. */
  keys(): ReadonlyMap<string, boolean> {
    const own = [...this.#named.values()].filter(
      ({ className }) => className === undefined || this.#classes.has(className),
    );
    const found = new Map(own.flatMap(({ spares }) => spares.map((key) => [key, true])));
    for (const { secrets } of own) for (const key of secrets) found.set(key, false);
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** `key`: `/NAME`. */
  #setClass(key: string, object: MeshObject | undefined): boolean {
    const name = key.slice(1);
    if (object?.kind !== 'GatewayClass' || object.controllerName !== this.#own.controllerName) {
      return this.#classes.delete(name);
    }
    const isNew = !this.#classes.has(name);
    this.#classes.add(name);
    return isNew;
  }

  #set(identity: string, object: MeshObject | undefined): boolean {
    const secrets = object === undefined ? [] : this.#secretsOf(object);
    if (secrets.length === 0) return this.#named.delete(identity);
    const className = object?.kind === 'KubernetesGateway' ? object.gatewayClassName : undefined;
    this.#named.set(identity, { className, secrets, spares: this.#sparesOf(object!, secrets) });
    return true;
  }

  #secretsOf(object: MeshObject): readonly string[] {
    if (object.kind === 'Gateway' && !selects(object.selector, this.#own.gatewayLabels)) return [];
    return referencesOf(object).flatMap(({ kind, key }) => (kind === 'Secret' ? [key] : []));
  }

  /** As Istio looks for them: an authority in NAME-cacert, and what a Gateway names in the root namespace. */
  #sparesOf(object: MeshObject, secrets: readonly string[]): readonly string[] {
    const withAuthority = (keys: readonly string[]) => keys.flatMap((key) => [key, `${key}-cacert`]);
    if (object.kind === 'DestinationRule') return withAuthority(secrets);
    if (object.kind !== 'Gateway') return [];
    const inRoot = secrets.map((key) => `${this.#own.rootNamespace}/${key.slice(key.indexOf('/') + 1)}`);
    const checksClients = object.servers.some(({ tls }) => tls?.mode === 'MUTUAL' || tls?.mode === 'OPTIONAL_MUTUAL');
    return checksClients ? withAuthority([...secrets, ...inRoot]) : inRoot;
  }
}
