import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../model/mesh.js';
import type { Absence, Place, PlaceFinder } from './place.js';

/** Where `ip netns add` and the container runtimes keep namespaces. */
export const NETNS_DIRECTORY = '/run/netns';

/** Of Pods that name their namespace: those of directories. What an API server's Pods say of it is anybody's claim who may write one. */
export class NamedPlaces implements PlaceFinder {
  readonly isSeeking = false;

  look(): void {}

  find({ netns, uid }: Pod): Place | Absence {
    if (uid !== '' || netns === '') return { why: 'it names no network namespace', isPassing: false };
    const path = join(NETNS_DIRECTORY, netns);
    const mark = markOf(path);
    if (mark === undefined) return { why: `there is no network namespace ${path}`, isPassing: false };
    return { path, mark, isCurrent: () => markOf(path) === mark };
  }
}

/** Undefined when nothing is there. The kernel gives inode numbers again at once, hence the time too. */
function markOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${path} ${stat.ino} ${stat.ctimeNs}`;
}
