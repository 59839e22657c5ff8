import type { Cluster, Locality } from '../balance/cluster.js';
import { equalValues } from '../model/equal.js';
import { type Family, keyOf, type Pod, type Service } from '../model/mesh.js';
import type { ObjectFinding } from '../model/references.js';
import type { Secret } from '../model/secret.js';
import type { ServiceEntry } from '../model/service-entry.js';
import { clientPod } from './client-pods.js';
import { type ClusterName, clusterNameOf } from './cluster-key.js';
import { compileCluster, serviceOfCluster } from './clusters.js';
import { clustersOfListener, clustersOfTarget } from './clusters-named.js';
import type { Credentials, PemReading } from './credentials.js';
import type { SnapshotDelta } from './delta.js';
import type { HttpInput, Report } from './http/input.js';
import { HttpRules } from './http/rules.js';
import { compileIngress, type Ingress, type IngressInput } from './ingress.js';
import { ingressRules } from './ingress-rules.js';
import type { CompileInput } from './input.js';
import { KeyedPart } from './keyed-part.js';
import { compileTarget, type GatewayUse, gatewayOf } from './l7.js';
import { localityOf, nowhere } from './locality.js';
import { ObjectFindings } from './object-findings.js';
import type { Overrides } from './plan.js';
import { RuleLookup } from './rule-lookup.js';
import { EntryLookup } from './service-entry.js';
import { ServicesOfRules } from './services-of-rules.js';
import type { ClientPod, IngressListener, Snapshot, Target } from './snapshot.js';

/** What a snapshot is compiled from; the catalog has it all. */
export interface SnapshotInput extends CompileInput, HttpInput, IngressInput {
  service(key: string): Service | undefined;
  pods(): Iterable<Pod>;
  secret(key: string): Secret | undefined;
  isMeshed(pod: Pod, directoryMode: boolean): boolean;
}

export interface SnapshotContext {
  readonly node: string;
  readonly directoryMode: boolean;
  /** --gateway-labels. */
  readonly gatewayLabels: Readonly<Record<string, string>>;
  readonly accessLog: boolean;
  readonly overrides: () => Overrides;
  /** Reads a file of certificates or keys. */
  readonly readPem: (path: string) => PemReading;
}

/** What has changed; as the catalog's Touched. */
export interface SnapshotTouched {
  /** NS/NAME of Services whose endpoints, manual weights or drains have changed. */
  readonly services: ReadonlySet<string>;
  /** NS/POD. */
  readonly pods: ReadonlySet<string>;
  /** Whether anything else than endpoints has. */
  readonly routing: boolean;
}

/** What the agent itself does not give: ids are the kernel's, the generation is the supervisor's. */
export type CompiledSnapshot = Omit<Snapshot, 'generation' | 'ids'>;

/** Everything at once. */
export function compileSnapshot(
  input: SnapshotInput,
  context: SnapshotContext,
): { readonly snapshot: CompiledSnapshot; readonly findings: readonly ObjectFinding[] } {
  const compiler = new SnapshotCompiler(input, context);
  compiler.update({ services: new Set(), pods: new Set(), routing: true });
  return { snapshot: compiler.snapshot, findings: compiler.findings };
}

const families: readonly Family[] = [4, 6];

/**
 * Keeps the snapshot up to date. Only what L7 needs is compiled: Service ports that rules are bound to, the clusters that these rules
 * name, and captured Pods once there is such a port. Parts that come out equal stay the same objects.
 */
export class SnapshotCompiler {
  readonly #input: SnapshotInput;
  readonly #context: SnapshotContext;
  readonly #credentials: Credentials;
  readonly #services: ServicesOfRules;
  #locality: Locality = nowhere;
  /** Undefined before the first update. */
  #rules: HttpRules | undefined;
  #lookup = new RuleLookup([]);
  #entries = new EntryLookup([]);
  #ingress: Ingress = { listeners: {}, places: [] };
  readonly #targets = new KeyedPart<Target>();
  readonly #clients = new KeyedPart<ClientPod>();
  readonly #listeners = new KeyedPart<IngressListener>();
  readonly #clusters = new KeyedPart<Cluster>();
  /** Clusters that rules name, whether or not they can be had, by key. */
  #wanted = new Map<string, ClusterName>();
  /** Of those the keys, by NS/NAME of their Service. */
  #wantedOf = new Map<string, string[]>();
  /** Of those the keys whose ServiceEntry has a workloadSelector, by its namespace. */
  #selecting = new Map<string, string[]>();
  /** Use of each Service port that comes to the gateway, by NS/NAME, then port. */
  #uses = new Map<string, ReadonlyMap<number, GatewayUse>>();
  #movedServices = new Set<string>();
  #routingFindings = new ObjectFindings();
  readonly #clusterFindings = new Map<string, readonly ObjectFinding[]>();

  constructor(input: SnapshotInput, context: SnapshotContext) {
    this.#input = input;
    this.#context = context;
    this.#services = new ServicesOfRules(input);
    this.#credentials = { readPem: context.readPem, secret: (key) => input.secret(key) };
  }

  /** Of its making. */
  get context(): SnapshotContext {
    return this.#context;
  }

  get snapshot(): CompiledSnapshot {
    return {
      node: this.#context.node,
      locality: this.#locality,
      targets: this.#targets.record(),
      clients: this.#clients.record(),
      ingress: this.#listeners.record(),
      clusters: this.#clusters.record(),
      accessLog: this.#context.accessLog,
    };
  }

  /** What was found wrong, sorted. */
  get findings(): readonly ObjectFinding[] {
    const all = new ObjectFindings();
    all.add(this.#routingFindings.list());
    for (const found of this.#clusterFindings.values()) all.add(found);
    return all.list();
  }

  /** The ports for outside traffic, and what became of each server and listener that Gateways ask for. */
  get ingress(): Ingress {
    return this.#ingress;
  }

  /** The HTTP rules by what they are bound to, as of the last update. */
  get rules(): HttpRules {
    return this.#rules ?? new HttpRules(this.#input);
  }

  /** Whether connections to a port of the Service NS/NAME come to the gateway. */
  gatewayOf(service: string, port: number): GatewayUse {
    return this.#uses.get(service)?.get(port) ?? 'none';
  }

  /** NS/NAME of the Services whose use of the gateway has changed since the last call. */
  takeMovedServices(): ReadonlySet<string> {
    const moved = this.#movedServices;
    this.#movedServices = new Set();
    return moved;
  }

  /** Takes changes in. The delta from the last update; undefined: nothing that workers need is different. */
  update(touched: SnapshotTouched): SnapshotDelta | undefined {
    const hadTargets = this.#targets.size > 0;
    const localityBefore = this.#locality;
    if (this.#rules === undefined) this.#services.look([...this.#input.services()].map(keyOf));
    else this.#services.look(touched.services);
    if (touched.routing || this.#rules === undefined) this.#compileRouting();
    else this.#compileClusters(this.#touchedClusters(touched));
    const isEverybody = this.#targets.size > 0 && (!hadTargets || this.#locality !== localityBefore);
    if (this.#targets.size === 0) this.#clients.replace([]);
    else if (isEverybody) this.#clients.replace(this.#allClients());
    else for (const key of touched.pods) this.#clients.set(key, this.#client(this.#input.pod(key)));
    return this.#takeDelta(localityBefore);
  }

  #takeDelta(localityBefore: Locality): SnapshotDelta | undefined {
    const delta: Record<string, unknown> = {};
    if (this.#locality !== localityBefore) delta.locality = this.#locality;
    const parts = {
      targets: this.#targets,
      clients: this.#clients,
      ingress: this.#listeners,
      clusters: this.#clusters,
    };
    for (const [name, part] of Object.entries(parts)) {
      const changes = part.takeChanges();
      if (changes !== undefined) delta[name] = changes;
    }
    return Object.keys(delta).length === 0 ? undefined : (delta as SnapshotDelta);
  }

  /** Everything but clients. */
  #compileRouting(): void {
    const input = this.#input;
    const locality = localityOf(input.node(this.#context.node));
    if (!equalValues(locality, this.#locality)) this.#locality = locality;
    this.#rules = new HttpRules(input);
    this.#lookup = new RuleLookup(input.destinationRules());
    this.#entries = new EntryLookup(input.serviceEntries());
    this.#routingFindings = new ObjectFindings();
    this.#compileTargets(this.#rules);
    this.#compileIngress(this.#rules);
    for (const entry of input.serviceEntries()) if (entry.addresses.length > 0) this.#tellAddresses(entry);
    this.#want();
    this.#compileClusters(new Set([...this.#wanted.keys(), ...this.#clusters.keys()]));
  }

  #tellAddresses(entry: ServiceEntry): void {
    const message = 'connections to its addresses are left alone: it is a destination of rules only';
    this.#routingFindings.report(entry, 'WEFT0312', 'spec.addresses', message);
  }

  #compileTargets(rules: HttpRules): void {
    const targets = new Map<string, Target>();
    const uses = new Map<string, Map<number, GatewayUse>>();
    const report = reporter(this.#routingFindings);
    for (const service of this.#services.candidates()) {
      for (const port of service.ports) {
        const use = gatewayOf(service, port, rules);
        if (use === 'none') continue;
        const key = keyOf(service);
        const known = uses.get(key);
        if (known === undefined) uses.set(key, new Map([[port.port, use]]));
        else known.set(port.port, use);
        for (const family of families) {
          const target = compileTarget(key, port, family, rules);
          if (target !== undefined) targets.set(`${key}:${port.port}/TCP/${family}`, target);
        }
        rules.compileBound(service, port, report);
      }
    }
    for (const key of new Set([...uses.keys(), ...this.#uses.keys()])) {
      if (!equalValues(uses.get(key), this.#uses.get(key))) this.#movedServices.add(key);
    }
    this.#uses = uses;
    this.#targets.replace(targets);
  }

  #compileIngress(rules: HttpRules): void {
    const { gatewayLabels, directoryMode } = this.#context;
    const findings = this.#routingFindings;
    this.#ingress = compileIngress(this.#input, {
      gatewayLabels,
      directoryMode,
      credentials: this.#credentials,
      findings,
      ...ingressRules(rules, reporter(findings)),
    });
    this.#listeners.replace(Object.entries(this.#ingress.listeners));
  }

  /** Gathers the clusters that targets and listeners name. */
  #want(): void {
    const keys = new Set<string>();
    for (const key of this.#targets.keys())
      for (const each of clustersOfTarget(this.#targets.get(key)!)) keys.add(each);
    for (const listener of Object.values(this.#ingress.listeners)) {
      for (const each of clustersOfListener(listener)) keys.add(each);
    }
    this.#wanted = new Map();
    this.#wantedOf = new Map();
    this.#selecting = new Map();
    for (const key of [...keys].sort()) {
      const name = clusterNameOf(key);
      this.#wanted.set(key, name);
      const service = serviceOfCluster(name.host);
      if (service !== undefined) file(this.#wantedOf, service, key);
      for (const { workloadSelector, meta } of this.#entries.of(name.host)) {
        if (workloadSelector !== undefined) file(this.#selecting, meta.namespace, key);
      }
    }
  }

  /** Those of touched Services, and of ServiceEntries that select touched Pods. */
  #touchedClusters({ services, pods }: SnapshotTouched): ReadonlySet<string> {
    const keys = new Set<string>();
    if (this.#wanted.size === 0) return keys;
    for (const service of services) for (const key of this.#wantedOf.get(service) ?? []) keys.add(key);
    if (this.#selecting.size === 0) return keys;
    for (const pod of pods) {
      for (const key of this.#selecting.get(pod.slice(0, pod.indexOf('/'))) ?? []) keys.add(key);
    }
    return keys;
  }

  #compileClusters(keys: ReadonlySet<string>): void {
    if (keys.size === 0) return;
    const { node, overrides } = this.#context;
    const context = {
      node,
      zone: this.#locality.zone,
      overrides: overrides(),
      rules: this.#lookup,
      entries: this.#entries,
      credentials: this.#credentials,
    };
    for (const key of keys) {
      const name = this.#wanted.get(key);
      const findings = new ObjectFindings();
      this.#clusters.set(key, name && compileCluster(name, this.#input, { ...context, findings }));
      const found = findings.list();
      if (found.length > 0) this.#clusterFindings.set(key, found);
      else this.#clusterFindings.delete(key);
    }
  }

  *#allClients(): Generator<readonly [string, ClientPod]> {
    for (const pod of this.#input.pods()) {
      const client = this.#client(pod);
      if (client !== undefined) yield [keyOf(pod), client];
    }
  }

  /** Undefined for one that is not captured here. */
  #client(pod: Pod | undefined): ClientPod | undefined {
    const { node, directoryMode } = this.#context;
    if (pod === undefined || !(directoryMode || pod.node === node)) return undefined;
    return this.#input.isMeshed(pod, directoryMode) ? clientPod(pod, node, this.#locality) : undefined;
  }
}

function file(index: Map<string, string[]>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys === undefined) index.set(name, [key]);
  else keys.push(key);
}

function reporter(findings: ObjectFindings): Report {
  return (object, code, path, message) => findings.report(object, code, path, message);
}
