import { type FSWatcher, watch } from 'node:fs';

interface Watched {
  readonly inode: bigint;
  readonly watcher: FSWatcher;
}

/** Notices that something happened in one of a changing set of directories; what, a new listing tells. */
export class DirectoryWatch {
  readonly #watched = new Map<string, Watched>();
  readonly #onEvent: () => void;

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** The directories to watch from now on, by path with their inode: one that was replaced is watched anew. */
  set(directories: ReadonlyMap<string, bigint>): void {
    for (const [path, { inode, watcher }] of this.#watched) {
      if (directories.get(path) === inode) continue;
      watcher.close();
      this.#watched.delete(path);
    }
    for (const [path, inode] of directories) if (!this.#watched.has(path)) this.#add(path, inode);
  }

  /** A directory that cannot be watched (gone, or the limit of inotify) is left to the periodic scan. */
  #add(path: string, inode: bigint): void {
    try {
      const watcher = watch(path, { persistent: false }, this.#onEvent);
      watcher.on('error', () => {
        watcher.close();
        if (this.#watched.get(path)?.watcher === watcher) this.#watched.delete(path);
      });
      this.#watched.set(path, { inode, watcher });
    } catch {
      return;
    }
  }

  close(): void {
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }
}
