import { existsSync } from 'node:fs';
import { cgroupRoot, removeCgroup, staleCgroups } from './cgroups.js';
import { isLocked, pinsOf, removePins } from './pins.js';

export interface Cleaned {
  /** What was removed, or with `dryRun` would be. */
  readonly removed: readonly string[];
  /** Why nothing was removed; undefined when it was. */
  readonly refused?: string;
}

/** Removes all that an agent leaves in the kernel: links (the programs are detached with them), maps, the pin directory, empty cgroups. */
export function cleanup(options: { readonly pin: string; readonly dryRun: boolean }): Cleaned {
  if (isLocked(options.pin)) return { removed: [], refused: `an agent runs on ${options.pin}: stop it first` };
  const removed = existsSync(options.pin) ? [...removePins(pinsOf(options.pin), options.dryRun)] : [];
  const root = cgroupRoot();
  for (const path of root === undefined ? [] : staleCgroups(root)) {
    if (options.dryRun || removeCgroup(path)) removed.push(path);
  }
  return { removed };
}
