import { readlinkSync } from 'node:fs';
import type { Clock } from '../clock.js';
import type { Pod } from '../model/mesh.js';
import { type Absence, isAbsent, type Place, type PlaceFinder } from './place.js';
import { type PodProcess, PodProcesses } from './pod-processes.js';

/** How long a process of a Pod is worth being looked for more often than others, in ms: an image may take for ever to come. */
const seekingMs = 60_000;
/** How long the numbers of processes are believed without looking, in ms. */
const trustMs = 10_000;
/** Errors of a process that is gone. */
const vanished: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH']);

/**
 * Of Pods of an API server: by their processes, since what a runtime names namespaces is its own affair. A Pod stays with the process that was found first as
 * long as that lives.
 */
export class ProcessPlaces implements PlaceFinder {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #processes: PodProcesses;
  /** Namespaces that are no Pod's: runtimes leave processes of theirs in Pods' cgroups (runc's first stage, conmon). */
  readonly #foreign: ReadonlySet<string>;
  /** By UID, like the others. */
  #places: ReadonlyMap<string, Place> = new Map();
  #absences: ReadonlyMap<string, Absence> = new Map();
  /** Since when a Pod has no place, in ms of the clock. */
  #since: ReadonlyMap<string, number> = new Map();
  /** When processes were looked at, in ms of the clock. */
  #scanned = 0;

  /** `proc`: a directory of proc(5) that shows the whole node. */
  constructor(proc: string, clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#processes = new PodProcesses(proc);
    this.#foreign = new Set([linkOf('/proc/self/ns/net'), linkOf(this.#processes.namespacePath(1))]);
  }

  get isSeeking(): boolean {
    const now = this.#clock.monotonic();
    return [...this.#since.values()].some((since) => now - since < seekingMs);
  }

  look(wanted: Iterable<Pod>): void {
    const places = new Map<string, Place>();
    const seekers: string[] = [];
    for (const { uid } of wanted) {
      const place = this.#places.get(uid);
      if (place?.isCurrent()) places.set(uid, place);
      else if (uid !== '') seekers.push(uid);
    }
    const now = this.#clock.monotonic();
    const absences = new Map<string, Absence>();
    const trouble = seekers.length > 0 ? this.#scan(now) : '';
    for (const uid of seekers) {
      const found = trouble === '' ? this.#choose(uid) : absence(trouble);
      if (isAbsent(found)) absences.set(uid, found);
      else places.set(uid, found);
    }
    this.#since = new Map(Array.from(absences.keys(), (uid) => [uid, this.#since.get(uid) ?? now]));
    this.#places = places;
    this.#absences = absences;
  }

  find({ uid }: Pod): Place | Absence {
    return this.#places.get(uid) ?? this.#absences.get(uid) ?? absence('nobody has looked for its processes yet');
  }

  /** Why it could not; empty when it could. */
  #scan(now: number): string {
    try {
      if (now - this.#scanned > trustMs) this.#processes.forget();
      this.#scanned = now;
      this.#processes.scan();
      return '';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #choose(uid: string): Place | Absence {
    let why = 'none of its processes is there yet';
    for (const process of this.#processes.of(uid)) {
      try {
        const namespace = this.#processes.namespaceOf(process.pid);
        const place = this.#placeOf(process, namespace);
        if (!place.isCurrent()) this.#processes.forget(process.pid);
        else if (this.#foreign.has(namespace))
          why = 'its processes are in the network namespace of the node or of the agent';
        else return place;
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (!vanished.has(code)) why = `the network namespace of its process ${process.pid} cannot be read: ${code}`;
      }
    }
    return absence(why);
  }

  #placeOf(process: PodProcess, namespace: string): Place {
    const processes = this.#processes;
    const isCurrent = (): boolean => {
      try {
        return processes.namespaceOf(process.pid) === namespace && processes.isAlive(process);
      } catch {
        return false;
      }
    };
    const mark = `${process.pid} ${process.started} ${namespace}`;
    return { path: processes.namespacePath(process.pid), mark, isCurrent };
  }
}

function absence(why: string): Absence {
  return { why, isPassing: true };
}

/** Empty when it cannot be read. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
