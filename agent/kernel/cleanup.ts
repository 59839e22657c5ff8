import { existsSync } from 'node:fs';
import { cgroupRoot, removeCgroup, staleCgroups } from './cgroups.js';
import { endOrphans, findOrphans, markOf } from './orphans.js';
import { isLocked, pinsOf, removePins } from './pins.js';

export interface Cleaned {
  /** What was removed, or with `dryRun` would be. */
  readonly removed: readonly string[];
  /** Why nothing was removed; undefined when it was. */
  readonly refused?: string;
}

/** Removes all that an agent leaves: gateway workers, links (the programs are detached with them), maps, the pin directory, empty cgroups. */
export function cleanup(options: { readonly pin: string; readonly dryRun: boolean }): Cleaned {
  if (isLocked(options.pin)) return { removed: [], refused: `an agent runs on ${options.pin}: stop it first` };
  const mark = markOf(options.pin);
  const workers = findOrphans(mark, new Set());
  if (!options.dryRun) endOrphans(workers, mark, 'SIGKILL');
  const removed = workers.map((pid) => `gateway worker, pid ${pid}`);
  if (existsSync(options.pin)) removed.push(...removePins(pinsOf(options.pin), options.dryRun));
  const root = cgroupRoot();
  for (const path of root === undefined ? [] : staleCgroups(root)) {
    if (options.dryRun || removeCgroup(path)) removed.push(path);
  }
  return { removed };
}
