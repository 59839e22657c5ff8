import { dirname } from 'node:path';
import { childrenOf } from './cgroups.js';
import type { Native } from './native.js';
import { cgroupId } from './pins.js';

/** A Weft program that captures processes which this agent would capture too. */
export interface Overlap {
  /** The cgroup it is attached to: ours, one above or one below. */
  readonly cgroup: string;
  readonly linkId: number;
}

function* below(cgroup: string): Generator<string> {
  for (const path of childrenOf(cgroup)) {
    yield path;
    yield* below(path);
  }
}

/**
 * The first link of a Weft program, other than `own` ones, on this cgroup, above it or below it. `root` is where cgroup2 is mounted.
 */
export function findOverlap(
  kernel: Native,
  cgroup: string,
  root: string,
  own: ReadonlySet<number>,
): Overlap | undefined {
  const others = kernel
    .cgroupLinks()
    .filter(
      (link) => link.programName.startsWith('weft_') && !link.programName.startsWith('weft_probe') && !own.has(link.id),
    );
  if (others.length === 0) return undefined;
  const links = new Map(others.map((link) => [link.cgroupId, link.id]));
  const at = (path: string): Overlap | undefined => {
    try {
      const linkId = links.get(cgroupId(path));
      return linkId === undefined ? undefined : { cgroup: path, linkId };
    } catch {
      return undefined; // the cgroup went away while we looked
    }
  };
  for (let path = cgroup; ; path = dirname(path)) {
    const overlap = at(path);
    if (overlap) return overlap;
    if (path === root || path === '/') break;
  }
  for (const path of below(cgroup)) {
    const overlap = at(path);
    if (overlap) return overlap;
  }
  return undefined;
}
