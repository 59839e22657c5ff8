import type { SourceItem } from './api/items.js';
import type { Clock } from './clock.js';
import type { Config } from './config.js';
import type { ApiClient } from './kubernetes/api.js';
import type { Log } from './log.js';
import type { Catalog } from './model/catalog.js';
import { controllerName } from './model/gateway-scope.js';
import type { Change } from './model/mesh.js';
import type { Problem } from './model/problem.js';
import type { ObjectFinding } from './model/references.js';
import { rootNamespace } from './model/root-namespace.js';
import { type Files, watchFiles } from './sources/files.js';
import { type KubernetesSource, watchKubernetes } from './sources/kubernetes.js';
import type { ResourceState } from './sources/kubernetes-state.js';
import { Precedence } from './sources/precedence.js';
import { placeFindings, rootStates } from './sources/problems.js';

export interface FeedOptions {
  readonly config: Pick<Config, 'manifests' | 'node' | 'gatewayLabels'>;
  /** Of the API server; undefined: it is no source. */
  readonly client: ApiClient | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChanges: (changes: readonly Change[]) => void;
}

/** All sources of an agent together: directories of manifests, an API server, or both. */
export class Feed {
  readonly #options: FeedOptions;
  /** Where both are sources of one mesh. */
  readonly #precedence: Precedence | undefined;
  readonly #files: Files | undefined;
  readonly #kubernetes: KubernetesSource | undefined;
  #fileProblems: readonly Problem[] = [];
  #apiProblems: readonly Problem[] = [];
  #haveFiles = false;
  readonly #listeners = new Set<() => void>();

  constructor(options: FeedOptions) {
    const { client, clock, config, log } = options;
    this.#options = options;
    if (config.manifests.length > 0 && client !== undefined) this.#precedence = new Precedence();
    if (config.manifests.length > 0) {
      this.#files = watchFiles(config.manifests, {
        clock,
        onChanges: (changes) => this.#take('files', changes),
        onProblems: (problems) => {
          this.#fileProblems = problems;
          this.#tellProblems();
        },
      });
      void this.#files.synced.then(() => {
        this.#haveFiles = true;
      });
    }
    if (client !== undefined) {
      this.#kubernetes = watchKubernetes({
        ...{ client, clock, log },
        node: config.node,
        own: { gatewayLabels: config.gatewayLabels, controllerName, rootNamespace },
        random: Math.random,
        onChanges: (changes) => this.#take('kubernetes', changes),
        onProblems: (problems) => {
          this.#apiProblems = problems;
          this.#tellProblems();
        },
      });
    }
  }

  /** Resolves when each source has been read once. */
  get synced(): Promise<void> {
    return Promise.all([this.#files?.synced, this.#kubernetes?.synced]).then(() => undefined);
  }

  /** How each source fares, with what it gave. */
  items(catalog: Catalog): readonly SourceItem[] {
    const roots = rootStates(this.#options.config.manifests, catalog, this.#fileProblems);
    return [
      ...roots.map((root) => ({ ...root, synced: this.#haveFiles })),
      ...this.watches().map(({ resource, synced, trouble, objects }) => {
        return { name: `kubernetes/${resource}`, synced, trouble, objects };
      }),
    ];
  }

  /** Resources of the API server; none without one. */
  watches(): readonly ResourceState[] {
    return this.#kubernetes?.states() ?? [];
  }

  /** What keeps `synced` from resolving. */
  get missing(): string {
    const parts = this.#files === undefined || this.#haveFiles ? [] : ['manifests have not been read yet'];
    const open = this.watches().filter(({ synced }) => !synced);
    return [...parts, ...sentences(open.map((each) => ({ ...each, trouble: each.trouble || 'not listed yet' })))].join(
      '; ',
    );
  }

  /** What is wrong with following the API server; empty when nothing is. */
  get trouble(): string {
    return sentences(this.watches().filter(({ trouble }) => trouble !== '')).join('; ');
  }

  /** What is wrong with what the sources gave. */
  problems(): readonly Problem[] {
    return [...this.#fileProblems, ...this.#apiProblems, ...(this.#precedence?.problems() ?? [])];
  }

  /** Told whenever `problems` are others, also by objects that change nothing else. Returns what ends that. */
  onProblems(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gives findings of objects the places of their fields. */
  locate(findings: readonly ObjectFinding[]): readonly Problem[] {
    const nowhere = { line: 0, column: 0 };
    return placeFindings(findings, (fields) => this.#files?.locate(fields) ?? fields.map(() => nowhere));
  }

  stop(): void {
    this.#files?.stop();
    this.#kubernetes?.stop();
  }

  #tellProblems(): void {
    for (const listener of this.#listeners) listener();
  }

  #take(source: 'files' | 'kubernetes', changes: readonly Change[]): void {
    const effective = this.#precedence?.take(source, changes) ?? changes;
    if (effective.length > 0) this.#options.onChanges(effective);
  }
}

/** `services, pods: why` for each different why. */
function sentences(states: readonly Pick<ResourceState, 'resource' | 'trouble'>[]): readonly string[] {
  const byTrouble = new Map<string, string[]>();
  for (const { resource, trouble } of states) byTrouble.set(trouble, [...(byTrouble.get(trouble) ?? []), resource]);
  return [...byTrouble].map(([trouble, resources]) => `${resources.join(', ')}: ${trouble}`);
}
