import type { Clock } from '../clock.js';
import type { ApiClient } from '../kubernetes/api.js';
import type { Log } from '../log.js';
import type { Change } from '../model/mesh.js';
import { compareProblems, type Problem, showProblem } from '../model/problem.js';
import { Batch } from './kubernetes/batch.js';
import { podChanges } from './kubernetes/pod-versions.js';
import { Reflector } from './kubernetes/reflector.js';
import { type Resource, resourcesFor, secretNamed } from './kubernetes/resource.js';
import { mostSecrets, type OwnGateways, SecretNames } from './kubernetes/secret-names.js';
import { Server } from './kubernetes/server.js';
import { Tally } from './kubernetes/tally.js';
import { troubleProblem } from './kubernetes/trouble.js';
import type { ResourceState } from './kubernetes-state.js';

export interface KubernetesOptions {
  readonly client: ApiClient;
  /** The name of this node: its Pods are read whole. */
  readonly node: string;
  readonly own: OwnGateways;
  readonly clock: Clock;
  /** From 0 to 1: for jitter. */
  readonly random: () => number;
  readonly log: Log;
  /** What differs from before: all that arrived in one turn of the event loop, a list as one. Never called with nothing. */
  readonly onChanges: (changes: readonly Change[]) => void;
  /** All problems there are now, sorted, when they are others than before; `file` is the URL of the list, without a place in it. */
  readonly onProblems: (problems: readonly Problem[]) => void;
}

export interface KubernetesSource {
  /** Resolves when every resource was listed once and `onChanges` was called; one that may be forbidden or missing counts when it is. */
  readonly synced: Promise<void>;
  /** By resource. */
  states(): readonly ResourceState[];
  /** Ends all watching; nothing is called any more. */
  stop(): void;
}

const maxProblems = 1_000;

/** Comparisons of each resource with a list, in ms: of one agent no sooner, and of all agents of a large cluster one after the other. */
const comparison = { ofOne: 600_000, ofAll: 1_000 };

/**
 * Lists and watches what Weft reads of a Kubernetes API server. Objects stay as they were last seen while the server
 * cannot be reached, refuses or answers strangely; an invalid object keeps its last valid version.
 */
export function watchKubernetes(options: KubernetesOptions): KubernetesSource {
  const source = new ApiSource(options);
  source.start();
  return source;
}

class ApiSource implements KubernetesSource {
  readonly synced: Promise<void>;
  readonly #options: KubernetesOptions;
  readonly #server: Server;
  readonly #reflectors: readonly Reflector[];
  readonly #wholePods: Reflector;
  readonly #allPods: Reflector;
  readonly #tallies = new Map<string, Tally>();
  readonly #secretNames: SecretNames;
  /** By NS/NAME. */
  readonly #secrets = new Map<string, Reflector>();
  readonly #batch: Batch;
  /** That were logged, by resource or server. */
  #troubles: ReadonlyMap<string, string> = new Map();
  #shown = '';
  /** Of troubles and problems, when they were shown. */
  #revision = 0;
  /** Revisions of watches that are no more. */
  #ended = 0;
  #hasSynced = false;
  #sync: () => void = () => undefined;

  constructor(options: KubernetesOptions) {
    this.#options = options;
    this.#server = new Server(options.client);
    this.#secretNames = new SecretNames(options.own);
    this.#batch = new Batch((changes) => this.#turn(changes));
    this.#reflectors = resourcesFor(options.node).map((resource) => this.#reflector(resource));
    const pods = this.#reflectors.filter(({ resource }) => resource.kind === 'Pod');
    this.#wholePods = pods.find(({ resource }) => resource.shape === 'whole')!;
    this.#allPods = pods.find(({ resource }) => resource.shape === 'metadata')!;
    this.synced = new Promise((resolve) => {
      this.#sync = resolve;
    });
  }

  start(): void {
    for (const reflector of this.#reflectors) reflector.start();
  }

  stop(): void {
    this.#batch.stop();
    for (const reflector of this.#all()) reflector.stop();
  }

  states(): readonly ResourceState[] {
    const byName = new Map<string, Reflector[]>([['secrets', [...this.#secrets.values()]]]);
    for (const reflector of this.#reflectors) byName.set(reflector.resource.name, [reflector]);
    return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, reflectors]) => this.#state(name, reflectors));
  }

  #all(): readonly Reflector[] {
    return [...this.#reflectors, ...this.#secrets.values()];
  }

  #state(resource: string, reflectors: readonly Reflector[]): ResourceState {
    const { events, restarts } = this.#tally(resource);
    let objects = 0;
    for (const { holdings } of reflectors) objects += holdings.size;
    return {
      resource,
      synced: reflectors.every(({ isListed }) => isListed),
      trouble: reflectors.find(({ trouble }) => trouble !== undefined)?.trouble?.text ?? '',
      objects,
      events: { ...events },
      restarts: { ...restarts },
    };
  }

  /** Of the cluster, each with an agent. */
  get #nodes(): number {
    return this.#reflectors.find(({ resource }) => resource.kind === 'Node')?.holdings.size ?? 0;
  }

  #tally(name: string): Tally {
    let tally = this.#tallies.get(name);
    if (tally === undefined) {
      tally = new Tally();
      this.#tallies.set(name, tally);
    }
    return tally;
  }

  #reflector(resource: Resource): Reflector {
    const { clock, random } = this.#options;
    const reflector: Reflector = new Reflector({
      resource,
      server: this.#server,
      clock,
      random,
      tally: this.#tally(resource.name),
      comparisonPeriod: () => Math.max(comparison.ofOne, this.#nodes * comparison.ofAll),
      onChanges: (changes) => this.#take(changes, reflector),
      onState: () => this.#batch.note([]),
      onReached: () => {
        for (const other of this.#all()) if (other !== reflector) other.hurry();
      },
    });
    return reflector;
  }

  #take(changes: readonly Change[], reflector: Reflector): void {
    if (reflector.resource.kind !== 'Pod') {
      this.#batch.note(changes);
      return;
    }
    this.#batch.note(podChanges(changes, this.#wholePods.holdings, reflector.holdings, this.#allPods.holdings));
  }

  #turn(changes: readonly Change[]): void {
    const secrets = this.#secretNames.take(changes) ? this.#watchSecrets() : [];
    const all = [...changes, ...secrets];
    if (all.length > 0) this.#options.onChanges(all);
    this.#show();
    if (this.#hasSynced || !this.#all().every(({ isListed }) => isListed)) return;
    this.#hasSynced = true;
    this.#sync();
  }

  /** Begins and ends the watches of Secrets as objects name them. Returns the removal of those that nobody names any more. */
  #watchSecrets(): readonly Change[] {
    const wanted = this.#wantedSecrets();
    const changes: Change[] = [];
    for (const [key, reflector] of this.#secrets) {
      const isSpare = wanted.get(key);
      // One that was read stays: what it is looked at for matters only where it may not be.
      if (isSpare !== undefined && (isSpare === reflector.resource.isSpare || reflector.holdings.size > 0)) continue;
      reflector.stop();
      this.#secrets.delete(key);
      this.#ended += reflector.revision + 1;
      changes.push(...reflector.holdings.clear());
    }
    for (const [key, isSpare] of wanted) {
      if (this.#secrets.has(key)) continue;
      const [namespace, name] = key.split('/') as [string, string];
      const reflector = this.#reflector(secretNamed(namespace, name, isSpare));
      this.#secrets.set(key, reflector);
      reflector.start();
    }
    return changes;
  }

  /** By NS/NAME, whether it is a spare. Where too many are named those that are watched already go first: nobody takes another one's away. */
  #wantedSecrets(): ReadonlyMap<string, boolean> {
    const named = this.#secretNames.keys();
    if (named.size <= mostSecrets) return named;
    this.#options.log.warn({ named: named.size, watched: mostSecrets }, 'too many Secrets are named');
    const rank = ([key, isSpare]: readonly [string, boolean]) => (isSpare ? 2 : this.#secrets.has(key) ? 0 : 1);
    return new Map([...named].sort((a, b) => rank(a) - rank(b)).slice(0, mostSecrets));
  }

  #show(): void {
    let revision = this.#ended;
    for (const reflector of this.#all()) revision += reflector.revision;
    if (revision === this.#revision) return;
    this.#revision = revision;
    this.#showTroubles();
    this.#showProblems();
  }

  /** Logs what is new of troubles; one of the whole server once. */
  #showTroubles(): void {
    const { client, log } = this.#options;
    const troubles = new Map<string, string>();
    for (const { resource, trouble } of this.#all()) {
      if (trouble !== undefined) troubles.set(trouble.isGeneral ? client.server : resource.name, trouble.text);
    }
    for (const [resource, trouble] of troubles) {
      if (this.#troubles.get(resource) !== trouble) log.warn({ resource, trouble }, 'the API server is not followed');
    }
    for (const resource of this.#troubles.keys()) {
      if (!troubles.has(resource)) log.info({ resource }, 'the API server is followed again');
    }
    this.#troubles = troubles;
  }

  #showProblems(): void {
    const problems = this.#problems();
    const shown = problems.map(showProblem).join('\n');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#options.onProblems(problems);
  }

  #problems(): readonly Problem[] {
    const { server } = this.#options.client;
    const troubles = new Map<string, Problem>();
    const problems = new Map<string, Problem>();
    for (const { holdings, trouble } of this.#all()) {
      if (trouble !== undefined) {
        const problem = troubleProblem(trouble, server, holdings.file);
        troubles.set(showProblem(problem), problem);
      }
      for (const problem of holdings.problems()) {
        // A Pod of this node is there twice, and what is wrong with its metadata.
        if (problems.size < maxProblems) problems.set(showProblem(problem), problem);
      }
    }
    return [...troubles.values(), ...problems.values()].slice(0, maxProblems).sort(compareProblems);
  }
}
