import { compileService } from '../../agent/compile/frontends.js';
import type { CompileContext } from '../../agent/compile/input.js';
import { type FrontendPlan, noOverrides } from '../../agent/compile/plan.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import type { Rows, Store } from '../../agent/kernel/store.js';
import { Catalog } from '../../agent/model/catalog.js';
import type { Change } from '../../agent/model/mesh.js';
import { parseObject } from '../../agent/model/parse.js';
import type { TableName } from '../../agent/tables/layout.gen.js';
import type { KubernetesObject } from './mesh.js';

/** ms spent in each stage from an object to the kernel. */
export interface Stages {
  readonly parse: number;
  readonly catalog: number;
  readonly compile: number;
  /** Ids, regions and bytes. */
  readonly rows: number;
  /** Inside the store: the kernel's maps. */
  readonly maps: number;
  readonly total: number;
}

/** A store that adds up the ms spent in another. */
class TimedStore implements Store {
  spent = 0;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  #time<Result>(call: () => Result): Result {
    const began = performance.now();
    try {
      return call();
    } finally {
      this.spent += performance.now() - began;
    }
  }

  update(table: TableName, rows: Rows): void {
    this.#time(() => this.#store.update(table, rows));
  }

  remove(table: TableName, keys: Uint8Array, count: number): number {
    return this.#time(() => this.#store.remove(table, keys, count));
  }

  lookup(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#time(() => this.#store.lookup(table, key));
  }

  read(table: TableName, limit?: number): Rows {
    return this.#time(() => this.#store.read(table, limit));
  }

  capacity(table: TableName): number {
    return this.#store.capacity(table);
  }
}

const context: CompileContext = { node: 'bench', zone: '', overrides: noOverrides };

/** The agent's stages from parsed YAML to the tables, without its sources and its clock. */
export class Pipeline {
  readonly #catalog = new Catalog();
  readonly #store: TimedStore;
  readonly #reconciler: Reconciler;

  constructor(store: Store) {
    this.#store = new TimedStore(store);
    this.#reconciler = new Reconciler(this.#store);
  }

  /** Takes objects all the way; when it returns, the store has them. Throws when one is invalid or has no place in the tables. */
  take(objects: readonly KubernetesObject[]): Stages {
    const spentBefore = this.#store.spent;
    const began = performance.now();
    const changes = objects.map((object, document): Change => {
      const parsed = parseObject(object, { file: 'bench.yaml', document, item: -1 });
      if (!parsed.object)
        throw new Error(`${object.metadata.name}: ${parsed.findings[0]?.message ?? 'not understood'}`);
      return { type: 'put', object: parsed.object };
    });
    const parsed = performance.now();
    const touched = this.#catalog.apply(changes);
    const catalogued = performance.now();
    const plans = new Map<string, readonly FrontendPlan[]>();
    for (const service of touched.services) plans.set(service, compileService(service, this.#catalog, context));
    const compiled = performance.now();
    this.#reconciler.apply(plans);
    const ended = performance.now();
    for (const { plan, table } of this.#reconciler.unfit()) throw new Error(`${plan.key} has no place in ${table}`);
    const maps = this.#store.spent - spentBefore;
    return {
      parse: parsed - began,
      catalog: catalogued - parsed,
      compile: compiled - catalogued,
      rows: ended - compiled - maps,
      maps,
      total: ended - began,
    };
  }
}
