import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.js';
import type { Change, MeshObject, Origin } from '../model/mesh.js';
import { type Problem, showProblem } from '../model/problem.js';
import { DirectoryWatch } from './directory-watch.js';
import { FileStore, grace, locateFields } from './file-store.js';
import type { Place } from './locate.js';
import type { Pace } from './manifest.js';

export interface FilesOptions {
  readonly clock: Clock;
  /** What differs from before; called once a scan, never with nothing. */
  readonly onChanges: (changes: readonly Change[]) => void;
  /** All problems there are now, when they are others than before. */
  readonly onProblems: (problems: readonly Problem[]) => void;
}

export interface Files {
  /** Resolves when every root has been read once and `onChanges` was called. */
  readonly synced: Promise<void>;
  /** The places of fields of objects that came from these files; line 0 where the file cannot be read now. */
  locate(fields: readonly { readonly origin: Origin; readonly path: string }[]): readonly Place[];
  /** Ends all watching; nothing is called any more. */
  stop(): void;
}

/** ms. Events within `quiet` of each other are one scan, which waits `patience` at most. */
const quiet = 20;
const patience = 100;
/** ms. inotify does not see links that are swapped outside of the tree, nor a root that comes back. */
const rescan = 250;
/** A rescan that costs more than this share of its period is done less often, but at least every `leisure` ms. */
const share = 0.05;
const leisure = 2_000;
/** ms of parsing at a stretch. */
const stretch = 10;

/**
 * Watches manifest directories (or files). Every file keeps the objects it last gave while it cannot be parsed or
 * read, an invalid object its last valid version, and a root that disappears everything, until it is back.
 */
export function watchFiles(roots: readonly string[], options: FilesOptions): Files {
  const watcher = new FileWatcher(roots, options);
  watcher.start();
  return watcher;
}

/** Reads files and directories once. Two files with one object: the first is taken, and a problem says so. */
export async function readManifests(
  paths: readonly string[],
): Promise<{ readonly objects: readonly MeshObject[]; readonly problems: readonly Problem[] }> {
  const store = new FileStore(paths);
  await store.scan(0, 0, () => undefined);
  return { objects: store.objects(), problems: store.problems() };
}

class FileWatcher implements Files {
  readonly synced: Promise<void>;
  readonly #options: FilesOptions;
  readonly #store: FileStore;
  readonly #watch: DirectoryWatch;
  #sync: () => void = () => undefined;
  #scanning = false;
  /** When the first event came that no scan has seen, in monotonic ms. */
  #pendingSince: number | undefined;
  #cancel: () => void = () => undefined;
  #shown = '';
  /** ms that a scan took which parsed nothing. */
  #cost = 0;
  #stopped = false;

  constructor(roots: readonly string[], options: FilesOptions) {
    this.#options = options;
    this.#store = new FileStore(roots);
    this.#watch = new DirectoryWatch(() => this.#noticed());
    this.synced = new Promise((resolve) => {
      this.#sync = resolve;
    });
  }

  start(): void {
    void this.#scan();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#watch.close();
  }

  locate(fields: readonly { readonly origin: Origin; readonly path: string }[]): readonly Place[] {
    return locateFields(fields);
  }

  #noticed(): void {
    if (this.#stopped) return;
    const now = this.#options.clock.monotonic();
    this.#pendingSince ??= now;
    if (!this.#scanning) this.#schedule(Math.max(0, Math.min(quiet, this.#pendingSince + patience - now)));
  }

  #schedule(ms: number): void {
    this.#cancel();
    this.#cancel = this.#options.clock.after(ms, () => void this.#scan());
  }

  async #scan(): Promise<void> {
    this.#scanning = true;
    this.#pendingSince = undefined;
    const { clock } = this.#options;
    const begun = clock.monotonic();
    const changes = await this.#store.scan(clock.now(), begun, this.#pace());
    if (this.#stopped) return;
    this.#watch.set(this.#store.directories());
    if (changes.length > 0) this.#options.onChanges(changes);
    this.#showProblems();
    if (this.#store.complete) this.#sync();
    this.#scanning = false;
    if (!this.#store.parsed) this.#cost = clock.monotonic() - begun;
    if (this.#pendingSince !== undefined) this.#schedule(quiet);
    else if (this.#store.awaitsGrace) this.#schedule(grace);
    else this.#schedule(Math.min(Math.max(rescan, this.#cost / share), leisure));
  }

  #pace(): Pace {
    let since = this.#options.clock.monotonic();
    return () => {
      if (this.#options.clock.monotonic() - since < stretch) return undefined;
      return setImmediate().then(() => {
        since = this.#options.clock.monotonic();
      });
    };
  }

  #showProblems(): void {
    const problems = this.#store.problems();
    const shown = problems.map(showProblem).join('\n');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#options.onProblems(problems);
  }
}
