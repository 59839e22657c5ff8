import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allPods, type CastPod } from './cast.js';
import type { Feed } from './feed.js';
import { podManifest, staticManifests } from './manifests.js';
import type { Run } from './run.js';

/** Directories of manifests: the example's own, and one of Pods that say in which namespace they live. */
export class DirectoryFeed implements Feed {
  readonly name = 'directory';
  readonly server = null;
  readonly options: readonly string[];
  readonly #run: Run;
  readonly #ipv6: boolean;

  constructor(run: Run, ipv6: boolean) {
    this.#run = run;
    this.#ipv6 = ipv6;
    this.options = ['--manifests', staticManifests, '--manifests', run.podManifests];
  }

  async open(): Promise<void> {
    mkdirSync(this.#run.podManifests);
    for (const pod of allPods) await this.mark(pod, true);
  }

  /** Writes or replaces the Pod's manifest in one step (rename(2)). */
  async mark(pod: CastPod, ready: boolean): Promise<void> {
    const draft = join(this.#run.folder, `${pod.name}.draft`);
    writeFileSync(draft, podManifest(this.#run, pod, this.#ipv6, ready));
    renameSync(draft, join(this.#run.podManifests, `${pod.name}.yaml`));
  }
}
