import type { Pod } from '../model/mesh.js';

/** A file that stands for a network namespace now. */
export interface Place {
  /** Opened to enter the namespace. Behind it may be a process, and then it is there as long as that lives. */
  readonly path: string;
  /** Places of equal marks are one namespace. Of different ones only the namespaces' cookies can tell. */
  readonly mark: string;
  /** Whether `path` still leads where it did when it was found. To be asked after what is behind it was read. */
  isCurrent(): boolean;
}

/** That a Pod has no place, and why. */
export interface Absence {
  readonly why: string;
  /** The namespace may be there all the same, and a place that leads to it may come: that of a container that starts again. */
  readonly isPassing: boolean;
}

/** From a Pod to its network namespace. */
export interface PlaceFinder {
  /** Looks at the node again, for these Pods and no others: `find` answers by what was seen. Throws nothing. */
  look(wanted: Iterable<Pod>): void;
  /** Of a Pod that was looked for. */
  find(pod: Pod): Place | Absence;
  /** Whether some Pod's place may come at any moment, so that looking again soon is worth its cost. */
  readonly isSeeking: boolean;
}

export function isAbsent(found: Place | Absence): found is Absence {
  return 'why' in found;
}
