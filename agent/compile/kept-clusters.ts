import type { Cluster } from '../balance/cluster.js';
import { keyOfHost } from '../model/names.js';
import type { ObjectFinding } from '../model/references.js';
import { type ClusterName, clusterNameOf } from './cluster-key.js';
import { type ClusterContext, compileCluster, serviceOfCluster } from './clusters.js';
import type { CompileInput } from './input.js';
import { KeyedPart } from './keyed-part.js';
import { ObjectFindings } from './object-findings.js';
import type { EntryLookup } from './service-entry.js';

/** The clusters that rules name, kept up to date one by one. */
export class KeptClusters {
  readonly part: KeyedPart<Cluster> = new KeyedPart();
  /** Whether or not they can be had, by key. */
  #wanted = new Map<string, ClusterName>();
  /** Of those the keys, by NS/NAME of their Service. */
  #byService = new Map<string, string[]>();
  /** Of those the keys whose ServiceEntry has a workloadSelector, by its namespace. */
  #selecting = new Map<string, string[]>();
  readonly #findings = new Map<string, readonly ObjectFinding[]>();

  *findings(): Generator<ObjectFinding> {
    for (const found of this.#findings.values()) yield* found;
  }

  /** From now on these, by their keys, and no others. Returns what is to be compiled: these, and those that are gone. */
  want(keys: Iterable<string>, entries: EntryLookup): ReadonlySet<string> {
    this.#wanted = new Map();
    this.#byService = new Map();
    this.#selecting = new Map();
    for (const key of [...new Set(keys)].sort()) {
      const name = clusterNameOf(key);
      this.#wanted.set(key, name);
      const service = serviceOfCluster(name.host);
      if (service !== undefined) file(this.#byService, service, key);
      for (const { workloadSelector, meta } of entries.of(name.host)) {
        file(this.#byService, keyOfHost(name.host, meta.namespace), key);
        if (workloadSelector !== undefined) file(this.#selecting, meta.namespace, key);
      }
    }
    return new Set([...this.#wanted.keys(), ...this.part.keys()]);
  }

  /** Keys of those of these Services (NS/NAME), and of ServiceEntries that may select these Pods (NS/POD). */
  touchedBy(services: Iterable<string>, pods: Iterable<string>): ReadonlySet<string> {
    const keys = new Set<string>();
    if (this.#wanted.size === 0) return keys;
    for (const service of services) for (const key of this.#byService.get(service) ?? []) keys.add(key);
    if (this.#selecting.size === 0) return keys;
    for (const pod of pods) {
      for (const key of this.#selecting.get(pod.slice(0, pod.indexOf('/'))) ?? []) keys.add(key);
    }
    return keys;
  }

  compile(keys: Iterable<string>, input: CompileInput, context: Omit<ClusterContext, 'findings'>): void {
    for (const key of keys) {
      const name = this.#wanted.get(key);
      const findings = new ObjectFindings();
      this.part.set(key, name && compileCluster(name, input, { ...context, findings }));
      const found = findings.list();
      if (found.length > 0) this.#findings.set(key, found);
      else this.#findings.delete(key);
    }
  }
}

function file(index: Map<string, string[]>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys === undefined) index.set(name, [key]);
  else keys.push(key);
}
