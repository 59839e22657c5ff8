import type { Locality } from '../balance/cluster.js';
import { equalValues } from '../model/equal.js';
import type { GatewayScope } from '../model/gateway-scope.js';
import { type Family, keyOf, type Pod, type Service } from '../model/mesh.js';
import type { ObjectFinding } from '../model/references.js';
import type { Secret } from '../model/secret.js';
import { clientPod } from './client-pods.js';
import { clustersOfListener, clustersOfTarget } from './clusters-named.js';
import type { Credentials, PemReading } from './credentials.js';
import type { SnapshotDelta } from './delta.js';
import type { HttpInput } from './http/input.js';
import { routeFindings } from './http/rule-findings.js';
import { HttpRules } from './http/rules.js';
import { compileIngress, type Ingress, type IngressInput } from './ingress.js';
import { ingressRules } from './ingress-rules.js';
import type { CompileInput } from './input.js';
import { KeptClusters } from './kept-clusters.js';
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
  isMeshed(pod: Pod): boolean;
}

export interface SnapshotContext extends GatewayScope {
  readonly node: string;
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
  readonly #clusters = new KeptClusters();
  /** Use of each Service port that comes to the gateway, by NS/NAME, then port. */
  #uses = new Map<string, ReadonlyMap<number, GatewayUse>>();
  #movedServices = new Set<string>();
  #ingressFindings = new ObjectFindings();
  /** Of the rules themselves; undefined before somebody asks. */
  #ruleFindings: readonly ObjectFinding[] | undefined;

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
      clusters: this.#clusters.part.record(),
      accessLog: this.#context.accessLog,
    };
  }

  /** What was found wrong, sorted. */
  get findings(): readonly ObjectFinding[] {
    this.#ruleFindings ??= routeFindings(this.#input, this.rules);
    const all = new ObjectFindings();
    all.add(this.#ruleFindings);
    all.add(this.#ingressFindings.list());
    all.add(this.#clusters.findings());
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
    else this.#compileClusters(this.#clusters.touchedBy(touched.services, touched.pods));
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
      clusters: this.#clusters.part,
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
    this.#ingressFindings = new ObjectFindings();
    this.#ruleFindings = undefined;
    this.#compileTargets(this.#rules);
    this.#compileIngress(this.#rules);
    this.#compileClusters(this.#clusters.want(this.#clustersNamed(), this.#entries));
  }

  #compileTargets(rules: HttpRules): void {
    const targets = new Map<string, Target>();
    const uses = new Map<string, Map<number, GatewayUse>>();
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
    this.#ingress = compileIngress(this.#input, {
      gatewayLabels,
      directoryMode,
      credentials: this.#credentials,
      findings: this.#ingressFindings,
      ...ingressRules(rules),
    });
    this.#listeners.replace(Object.entries(this.#ingress.listeners));
  }

  *#clustersNamed(): Generator<string> {
    for (const target of Object.values(this.#targets.record())) yield* clustersOfTarget(target);
    for (const listener of Object.values(this.#ingress.listeners)) yield* clustersOfListener(listener);
  }

  #compileClusters(keys: ReadonlySet<string>): void {
    if (keys.size === 0) return;
    const { node, overrides } = this.#context;
    this.#clusters.compile(keys, this.#input, {
      node,
      zone: this.#locality.zone,
      overrides: overrides(),
      rules: this.#lookup,
      entries: this.#entries,
      credentials: this.#credentials,
    });
  }

  *#allClients(): Generator<readonly [string, ClientPod]> {
    for (const pod of this.#input.pods()) {
      const client = this.#client(pod);
      if (client !== undefined) yield [keyOf(pod), client];
    }
  }

  /** Undefined for one that is not captured here. */
  #client(pod: Pod | undefined): ClientPod | undefined {
    if (pod === undefined || !this.#input.isMeshed(pod)) return undefined;
    return clientPod(pod, this.#context.node, this.#locality);
  }
}
