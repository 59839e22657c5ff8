import type { Clock } from '../clock.js';
import type { Pod } from '../model/mesh.js';
import type { Absence, Place, PlaceFinder } from './place.js';
import { NamedPlaces } from './place-named.js';
import { ProcessPlaces } from './place-process.js';

/** Of all Pods of a node: those of directories by the name they give, those of an API server by their processes. */
export class NodePlaces implements PlaceFinder {
  readonly #named = new NamedPlaces();
  readonly #processes: ProcessPlaces;

  /** `proc`: a directory of proc(5) that shows the whole node. */
  constructor(proc: string, clock: Pick<Clock, 'monotonic'>) {
    this.#processes = new ProcessPlaces(proc, clock);
  }

  get isSeeking(): boolean {
    return this.#processes.isSeeking;
  }

  look(wanted: Iterable<Pod>): void {
    this.#processes.look(wanted);
  }

  find(pod: Pod): Place | Absence {
    return pod.uid === '' ? this.#named.find(pod) : this.#processes.find(pod);
  }
}
