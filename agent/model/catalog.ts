import { EntryServices } from './entry-services.js';
import { equalValues } from './equal.js';
import {
  type Change,
  type DestinationRule,
  type EndpointSlice,
  type Kind,
  keyOf,
  type MeshObject,
  type Namespace,
  type Node,
  type Pod,
  type Service,
  type ServiceEntry,
} from './mesh.js';
import { hostOfService, serviceOfHost, wildcardCovers } from './names.js';
import { type PlainObject, PlainObjects } from './plain-objects.js';
import { PodAddresses } from './pod-addresses.js';
import { RuleIndex } from './rules.js';
import { SelectorIndex } from './selectors.js';
import { SliceIndex } from './slices.js';

/** What a batch of changes can have an effect on. Keys may be of Services and Pods that are gone, or never were. */
export interface Touched {
  /** NS/NAME of each Service whose tables must be compiled again. */
  readonly services: ReadonlySet<string>;
  /** NS/POD of each Pod whose capture must be looked at again. */
  readonly pods: ReadonlySet<string>;
  /** Whether a DestinationRule came, changed or went. */
  readonly rules: boolean;
  /** Whether something that HTTP rules depend on, other than endpoints, came, changed or went: a Service, a Namespace's labels, where a Node is, or a RoutingObject. */
  readonly routing: boolean;
  /** Whether an object that is only checked (a Deployment) came, changed or went. */
  readonly others: boolean;
}

/** The current objects, each once, with the indexes that compile and the checks need: the one owner of this state. */
export class Catalog extends PlainObjects {
  readonly #services = new Map<string, Service>();
  readonly #entryServices = new EntryServices();
  readonly #slices = new SliceIndex();
  readonly #pods = new Map<string, Pod>();
  readonly #addresses = new PodAddresses();
  readonly #nodes = new Map<string, Node>();
  readonly #namespaces = new Map<string, Namespace>();
  readonly #rules = new Map<string, DestinationRule>();
  readonly #ruleIndex = new RuleIndex();
  /** By namespace. */
  readonly #selectors = new Map<string, SelectorIndex>();

  /** Takes the changes in their order. A later one for the same object wins; removing what is not there does nothing. */
  apply(changes: readonly Change[]): Touched {
    const touched = {
      services: new Set<string>(),
      pods: new Set<string>(),
      rules: false,
      routing: false,
      others: false,
    };
    for (const change of changes) {
      const kind = change.type === 'put' ? change.object.kind : change.kind;
      const key = change.type === 'put' ? keyOf(change.object) : change.key;
      const object = change.type === 'put' ? change.object : undefined;
      switch (kind) {
        case 'Service':
          touched.routing = this.#setService(key, object as Service | undefined) || touched.routing;
          touched.services.add(key);
          break;
        case 'EndpointSlice':
          for (const service of this.#slices.set(key, object as EndpointSlice | undefined))
            touched.services.add(service);
          break;
        case 'Pod':
          this.#setPod(key, object as Pod | undefined, touched.services);
          touched.pods.add(key);
          break;
        case 'Node':
          if (this.#setNode(key, object as Node | undefined)) {
            touched.routing = true;
            for (const each of this.serviceKeys()) touched.services.add(each);
          }
          break;
        case 'Namespace':
          touched.routing = this.#setNamespace(key, object as Namespace | undefined, touched.pods) || touched.routing;
          break;
        case 'DestinationRule':
          this.#setRule(key, object as DestinationRule | undefined, touched.services);
          touched.rules = true;
          touched.routing = true;
          break;
        case 'ServiceEntry':
          this.#setEntry(key, object as ServiceEntry | undefined, touched.services);
          touched.routing = true;
          break;
        default:
          this.setPlain(kind, key, object as PlainObject | undefined);
          if (kind === 'Deployment') touched.others = true;
          else touched.routing = true;
      }
    }
    return touched;
  }

  /** Whether anything but its origin is different. */
  #setService(key: string, service: Service | undefined): boolean {
    const namespace = namespaceOfKey(key);
    const before = this.#services.get(key);
    if (before !== undefined) this.#selectors.get(namespace)?.removeService(before);
    if (service === undefined) {
      this.#services.delete(key);
      this.#dropSelectors(namespace);
    } else {
      this.#services.set(key, service);
      this.#selectorsOf(namespace).putService(service);
    }
    return !equalButOrigin(before, service);
  }

  /** Touches the Services that stand for its hosts, before or now. */
  #setEntry(key: string, entry: ServiceEntry | undefined, touched: Set<string>): void {
    const before = this.plainObject('ServiceEntry', key) as ServiceEntry | undefined;
    this.setPlain('ServiceEntry', key, entry);
    const selectors = this.#selectorsOf(namespaceOfKey(key));
    for (const [name, was] of this.#entryServices.set(before, entry)) {
      const service = this.#entryServices.get(name);
      if (was !== undefined) selectors.removeService(was);
      if (service !== undefined) selectors.putService(service);
      if (was !== undefined || service !== undefined) touched.add(name);
    }
    this.#dropSelectors(namespaceOfKey(key));
  }

  /** Touches the Services that selected the Pod before or do so now, or whose endpoints are known by it. */
  #setPod(key: string, pod: Pod | undefined, touched: Set<string>): void {
    const before = this.#pods.get(key);
    const namespace = namespaceOfKey(key);
    if (before !== undefined) {
      this.#addresses.remove(before);
      this.#touchPod(key, before, namespace, touched);
      this.#selectors.get(namespace)?.removePod(key, before);
    }
    if (pod === undefined) {
      this.#pods.delete(key);
      this.#dropSelectors(namespace);
    } else {
      this.#pods.set(key, pod);
      this.#addresses.put(pod);
      this.#selectorsOf(namespace).putPod(key, pod);
      this.#touchPod(key, pod, namespace, touched);
    }
  }

  #touchPod(key: string, pod: Pod, namespace: string, touched: Set<string>): void {
    for (const service of this.#selectors.get(namespace)?.servicesSelecting(pod.meta.labels) ?? [])
      touched.add(service);
    for (const service of this.#slices.mentioning(key, pod.addresses)) touched.add(service);
    for (const service of this.#entryServices.slices.mentioning(key, pod.addresses)) touched.add(service);
  }

  #selectorsOf(namespace: string): SelectorIndex {
    let index = this.#selectors.get(namespace);
    if (index === undefined) {
      index = new SelectorIndex();
      this.#selectors.set(namespace, index);
    }
    return index;
  }

  #dropSelectors(namespace: string): void {
    if (this.#selectors.get(namespace)?.empty) this.#selectors.delete(namespace);
  }

  /** Whether the locality of the node's endpoints is now another. */
  #setNode(key: string, node: Node | undefined): boolean {
    const name = key.slice(1);
    const before = this.#nodes.get(name);
    if (node === undefined) this.#nodes.delete(name);
    else this.#nodes.set(name, node);
    const parts = ['region', 'zone', 'subzone'] as const;
    return parts.some((part) => (node?.[part] ?? '') !== (before?.[part] ?? ''));
  }

  /** Whether its labels are different. */
  #setNamespace(key: string, namespace: Namespace | undefined, touched: Set<string>): boolean {
    const name = key.slice(1);
    const before = this.#namespaces.get(name);
    if (namespace === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, namespace);
    if (namespace?.mesh !== before?.mesh) {
      for (const pod of this.#selectors.get(name)?.pods() ?? []) touched.add(pod);
    }
    return !equalValues(before?.meta.labels, namespace?.meta.labels);
  }

  #setRule(key: string, rule: DestinationRule | undefined, touched: Set<string>): void {
    const before = this.#rules.get(key);
    if (before !== undefined) {
      this.#ruleIndex.remove(before);
      this.#touchRule(before, touched);
    }
    if (rule === undefined) this.#rules.delete(key);
    else {
      this.#rules.set(key, rule);
      this.#ruleIndex.put(rule);
      this.#touchRule(rule, touched);
    }
  }

  #touchRule(rule: DestinationRule, touched: Set<string>): void {
    for (const key of this.servicesMeant(rule.host, rule.meta.namespace)) touched.add(key);
    if (!RuleIndex.isWildcard(rule)) return;
    for (const key of this.serviceKeys()) if (wildcardCovers(rule.host, hostOfService(key))) touched.add(key);
  }

  /** Whether there is nothing that traffic could be sent to, or come from. */
  get empty(): boolean {
    return this.#services.size === 0 && this.#slices.endpointCount === 0 && this.#pods.size === 0;
  }

  get serviceCount(): number {
    return this.#services.size;
  }

  /** Endpoints of all slices that belong to a Service. */
  get endpointCount(): number {
    return this.#slices.endpointCount;
  }

  /** Also one that stands for a host of ServiceEntries. */
  service(key: string): Service | undefined {
    return this.#services.get(key) ?? this.#entryServices.get(key);
  }

  /** With those that stand for hosts of ServiceEntries. */
  *services(): Generator<Service> {
    yield* this.#services.values();
    yield* this.#entryServices.all();
  }

  *serviceKeys(): Generator<string> {
    yield* this.#services.keys();
    yield* this.#entryServices.keys();
  }

  /** Those that stand for hosts of ServiceEntries. */
  entryServices(): IterableIterator<Service> {
    return this.#entryServices.all();
  }

  /** Those of one host. */
  entryServicesOf(host: string): readonly Service[] {
    return this.#entryServices.of(host.toLowerCase().replace(/\.$/, ''));
  }

  /** Keys of the Services that a host can mean which is written in `namespace`, whether or not they are there. */
  servicesMeant(host: string, namespace: string): readonly string[] {
    const own = serviceOfHost(host, namespace);
    const named = this.entryServicesOf(host).map(keyOf);
    return own === undefined ? named : [own, ...named];
  }

  /** What the user wrote a Service as, for telling about it: of a ServiceEntry's host that. */
  written(service: Service): MeshObject {
    return (service.entry && this.plainObject('ServiceEntry', service.entry.key)) ?? service;
  }

  slice(key: string): EndpointSlice | undefined {
    return this.#slices.get(key);
  }

  slices(): IterableIterator<EndpointSlice> {
    return this.#slices.all();
  }

  /** The EndpointSlices of a Service, by name. When there is one, the Service's selector plays no part. */
  slicesOf(serviceKey: string): readonly EndpointSlice[] {
    const index = this.#entryServices.get(serviceKey) === undefined ? this.#slices : this.#entryServices.slices;
    return index.of(serviceKey);
  }

  /**
   * The Pods of directories that the Service's selector matches, by name; none without a selector. In a cluster the
   * EndpointSlice controller does that, and this node knows the addresses of its own Pods only.
   */
  podsMatching(service: Service): readonly Pod[] {
    const index = service.selector && this.#selectors.get(service.meta.namespace);
    if (index === undefined) return [];
    const pods = [...index.podsSelected(service.selector!)].filter(({ uid }) => uid === '');
    return pods.sort((a, b) => (a.meta.name < b.meta.name ? -1 : 1));
  }

  /** Keys of the Services whose selector matches the Pod, whether or not they have EndpointSlices. */
  servicesSelecting(pod: Pod): readonly string[] {
    return [...(this.#selectors.get(pod.meta.namespace)?.servicesSelecting(pod.meta.labels) ?? [])];
  }

  /** By labels alone, as a Deployment's template has them. */
  servicesSelectingLabels(namespace: string, labels: Readonly<Record<string, string>>): readonly string[] {
    return [...(this.#selectors.get(namespace)?.servicesSelecting(labels) ?? [])];
  }

  pod(key: string): Pod | undefined {
    return this.#pods.get(key);
  }

  pods(): IterableIterator<Pod> {
    return this.#pods.values();
  }

  /** Of several Pods the one that has the address for itself: not finished, not hostNetwork, then first by key. */
  podByAddress(address: string): Pod | undefined {
    return this.#addresses.first(address);
  }

  /** All Pods that say they have the address. */
  podsByAddress(address: string): readonly Pod[] {
    return this.#addresses.all(address);
  }

  get nodeCount(): number {
    return this.#nodes.size;
  }

  /** By its bare name. */
  node(name: string): Node | undefined {
    return this.#nodes.get(name);
  }

  /** By its bare name. */
  namespace(name: string): Namespace | undefined {
    return this.#namespaces.get(name);
  }

  /** The Namespace object of a Pod. */
  namespaceOf(pod: Pod): Namespace | undefined {
    return this.#namespaces.get(pod.meta.namespace);
  }

  /** The one DestinationRule that is in effect for a Service (rules.ts says which). */
  ruleFor(serviceKey: string): DestinationRule | undefined {
    return this.#ruleIndex.ruleFor(serviceKey);
  }

  /** Every DestinationRule that names the Service. */
  rulesNaming(serviceKey: string): readonly DestinationRule[] {
    return this.#ruleIndex.candidates(serviceKey);
  }

  rules(): IterableIterator<DestinationRule> {
    return this.#rules.values();
  }

  /** Every DestinationRule, as `rules`. */
  destinationRules(): IterableIterator<DestinationRule> {
    return this.#rules.values();
  }

  /** Every object, kind by kind. */
  *objects(): Generator<MeshObject> {
    yield* this.#services.values();
    yield* this.#slices.all();
    yield* this.#pods.values();
    yield* this.#nodes.values();
    yield* this.#namespaces.values();
    yield* this.#rules.values();
    yield* this.plainObjects();
  }

  object(kind: Kind, key: string): MeshObject | undefined {
    switch (kind) {
      case 'Service':
        return this.#services.get(key);
      case 'EndpointSlice':
        return this.#slices.get(key);
      case 'Pod':
        return this.#pods.get(key);
      case 'Node':
        return this.#nodes.get(key.slice(1));
      case 'Namespace':
        return this.#namespaces.get(key.slice(1));
      case 'DestinationRule':
        return this.#rules.get(key);
      default:
        return this.plainObject(kind, key);
    }
  }

  /**
   * Whether the Pod's own connections are to be captured: label weft.dev/mesh of the Pod, else of its Namespace; one of a directory that names a
   * network namespace is enabled unless disabled. One that does not, and a Pod of another node, cannot be reached.
   */
  isMeshed(pod: Pod): boolean {
    const isHere = pod.uid === '' ? pod.netns !== '' : pod.node !== '';
    if (pod.hostNetwork || pod.finished || !isHere) return false;
    const mesh = pod.mesh ?? this.#namespaces.get(pod.meta.namespace)?.mesh;
    return mesh === undefined ? pod.uid === '' : mesh === 'enabled';
  }
}

function equalButOrigin(a: Service | undefined, b: Service | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalValues({ ...a, meta: undefined }, { ...b, meta: undefined }) && equalMeta(a.meta, b.meta);
}

function equalMeta(a: Service['meta'], b: Service['meta']): boolean {
  return equalValues({ ...a, origin: undefined }, { ...b, origin: undefined });
}

function namespaceOfKey(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
