import type { Identity } from '../api/measures.js';
import type { FrontendPlan } from '../compile/plan.js';
import { nobody, workloadOf } from '../compile/workload.js';
import type { Backend } from '../kernel/backends.js';
import type { PodTable } from '../kernel/pods.js';
import type { Reconciler } from '../kernel/reconcile.js';
import type { Catalog } from '../model/catalog.js';

/** Who an id stands for. */
export interface Named {
  /** NS/POD, or a backend's address. */
  readonly name: string;
  readonly identity: Identity;
}

/** The Service port that an id of `struct frontend.service` stands for. */
export interface NamedService {
  /** Of its plan. */
  readonly key: string;
  /** NS/NAME. */
  readonly service: string;
  readonly port: number;
}

interface NamedBackend extends Named {
  readonly generation: number;
  readonly address: string;
  readonly port: number;
}

export interface IdSources {
  readonly catalog: Catalog;
  readonly reconciler: Reconciler;
  readonly pods: PodTable;
}

/**
 * Who the ids in the kernel's records are. Records are read later than they are made: an id that was asked for is
 * remembered until it is somebody else's, so that the last records of what is gone still have a name.
 */
export class IdNames {
  readonly #sources: IdSources;
  readonly #pods = new Map<number, Named>();
  readonly #services = new Map<number, NamedService>();
  readonly #backends = new Map<number, NamedBackend>();
  /** Of the present batch. */
  #index: ReadonlyMap<number, FrontendPlan> | undefined;

  constructor(sources: IdSources) {
    this.#sources = sources;
  }

  /** Names a batch of records by what is known now. */
  during<Result>(name: () => Result): Result {
    this.refreshPods();
    try {
      return name();
    } finally {
      this.#index = undefined;
    }
  }

  /** Remembers the Pods that are captured now. */
  refreshPods(): void {
    const { catalog, pods } = this.#sources;
    for (const { id, pod: key } of pods.all()) {
      const before = this.#pods.get(id);
      const pod = catalog.pod(key);
      const identity = pod ? workloadOf(pod) : undefined;
      if (before?.name === key && (identity === undefined || before.identity === identity)) continue;
      this.#pods.set(id, { name: key, identity: identity ?? identityOfName(key) });
    }
  }

  pod(id: number): Named | undefined {
    return this.#pods.get(id);
  }

  forgetPods(ids: Iterable<number>): void {
    for (const id of ids) this.#pods.delete(id);
  }

  service(id: number): NamedService | undefined {
    const known = this.#services.get(id);
    if (known && this.#sources.reconciler.plan(known.key)?.service === id) return known;
    this.#index ??= new Map([...this.#sources.reconciler.programmed()].map(({ service, plan }) => [service, plan]));
    const plan = this.#index.get(id);
    if (plan === undefined) return known;
    const named = { key: plan.key, service: plan.service, port: plan.port };
    this.#services.set(id, named);
    return named;
  }

  /** Undefined when the id was of another generation. */
  backend(id: number, generation: number): Named | undefined {
    const present = this.#sources.reconciler.backends.byId(id);
    if (present?.generation === generation) return this.nameBackend(present);
    const known = this.#backends.get(id);
    return known?.generation === generation ? known : undefined;
  }

  /** Undefined when the id stood for another address. */
  backendAt(id: number, address: string, port: number): Named | undefined {
    const present = this.#sources.reconciler.backends.byId(id);
    if (present?.address === address && present.port === port) return this.nameBackend(present);
    const known = this.#backends.get(id);
    return known?.address === address && known.port === port ? known : undefined;
  }

  nameBackend(backend: Backend): Named {
    const { id, generation, name, address, port } = backend;
    const before = this.#backends.get(id);
    const known = before?.generation === generation && before.name === name ? before : undefined;
    const pod = this.#sources.catalog.pod(name);
    const identity = pod ? workloadOf(pod) : (known?.identity ?? identityOfName(name));
    if (known?.identity === identity) return known;
    const named = { name, generation, address, port, identity };
    this.#backends.set(id, named);
    return named;
  }

  forgetBackends(ids: Iterable<number>): void {
    for (const id of ids) this.#backends.delete(id);
  }
}

export const unnamed: Named = { name: '', identity: nobody };

/** What can be said of a backend whose Pod is not known: `name` is NS/POD or an address. */
function identityOfName(name: string): Identity {
  const slash = name.indexOf('/');
  return slash < 0 ? nobody : { ...nobody, namespace: name.slice(0, slash) };
}
