import type { SourceItem } from './api/items.js';
import type { Clock } from './clock.js';
import type { Config } from './config.js';
import type { Catalog } from './model/catalog.js';
import type { Change } from './model/mesh.js';
import type { Problem } from './model/problem.js';
import type { ObjectFinding } from './model/references.js';
import { watchFiles } from './sources/files.js';
import type { ResourceState } from './sources/kubernetes-state.js';
import { placeFindings, rootStates } from './sources/problems.js';

export interface FeedOptions {
  readonly config: Pick<Config, 'manifests'>;
  readonly clock: Clock;
  readonly onChanges: (changes: readonly Change[]) => void;
}

/** All sources of an agent together. */
export interface Feed {
  /** Resolves when each has been read once. */
  readonly synced: Promise<void>;
  /** How each fares, with the objects of the catalog that came from it. `hasSynced`: whether `synced` has resolved. */
  items(catalog: Catalog, hasSynced: boolean): readonly SourceItem[];
  /** Of the API server; none without one. */
  watches(): readonly ResourceState[];
  /** What is wrong with what they gave. */
  problems(): readonly Problem[];
  /** Gives findings of objects the places of their fields. */
  locate(findings: readonly ObjectFinding[]): readonly Problem[];
  stop(): void;
}

export function openFeed({ config, clock, onChanges }: FeedOptions): Feed {
  let problems: readonly Problem[] = [];
  const files = watchFiles(config.manifests, {
    clock,
    onChanges,
    onProblems: (all) => {
      problems = all;
    },
  });
  return {
    synced: files.synced,
    items: (catalog, hasSynced) =>
      rootStates(config.manifests, catalog, problems).map((root) => ({ ...root, synced: hasSynced })),
    watches: () => [],
    problems: () => problems,
    locate: (findings) => placeFindings(findings, (fields) => files.locate(fields)),
    stop: () => files.stop(),
  };
}
