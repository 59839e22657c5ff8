import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Check, SourceItem } from '../../agent/api/items.js';
import type { Clock } from '../../agent/clock.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { OverrideTable } from '../../agent/kernel/overrides.js';
import { NETNS_DIRECTORY } from '../../agent/kernel/place-named.js';
import { PodTable } from '../../agent/kernel/pods.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import type { Store } from '../../agent/kernel/store.js';
import { Catalog } from '../../agent/model/catalog.js';
import type { MeshObject, Pod } from '../../agent/model/mesh.js';
import type { Problem } from '../../agent/model/problem.js';
import { placeFindings, readText } from '../../agent/sources/problems.js';
import { Sync } from '../../agent/sync.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  type EdgeKey,
  EdgeKeySize,
  type EdgeRow,
  EdgeRowSize,
  type FlowEventRow,
  type TableName,
  writeEdgeKey,
  writeEdgeRow,
} from '../../agent/tables/layout.gen.js';
import { EdgeLedger } from '../../agent/view/edges.js';
import type { ViewParts } from '../../agent/view/parts.js';
import { createView, type RunningView } from '../../agent/view/view.js';
import { HandGateway } from './hand-gateway.js';

/** A clock that only moves when told to. */
export class HandClock implements Clock {
  /** 2026-01-02T03:04:05Z. */
  readonly start: number = Date.UTC(2026, 0, 2, 3, 4, 5);
  #elapsed = 0;
  #tasks: { at: number; readonly every: number; readonly task: () => void }[] = [];

  now(): number {
    return this.start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, task: () => void): () => void {
    return this.#add({ at: this.#elapsed + ms, every: 0, task });
  }

  every(ms: number, task: () => void): () => void {
    return this.#add({ at: this.#elapsed + ms, every: ms, task });
  }

  /** Runs what is due within the next `ms`, in order. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (;;) {
      const next = this.#tasks.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#elapsed = next.at;
      if (next.every > 0) next.at += next.every;
      else this.#tasks = this.#tasks.filter((each) => each !== next);
      next.task();
    }
    this.#elapsed = end;
  }

  #add(entry: { at: number; readonly every: number; readonly task: () => void }): () => void {
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((each) => each !== entry);
    };
  }
}

/** The ring of events, filled by the test. */
export class HandRing {
  readonly events: FlowEventRow[] = [];
  lostCount = 0;
  reads = 0;

  drain(): readonly FlowEventRow[] {
    this.reads++;
    return this.events.splice(0, 2_000);
  }

  lost(): number {
    return this.lostCount;
  }
}

export interface WorldOptions {
  readonly capacities?: Partial<Record<TableName, number>>;
  readonly programs?: ViewParts['programs'];
  /** Default true: Sync has started. */
  readonly started?: boolean;
}

/** An agent over tables in memory, with the objects of a text. Pods with a netns annotation live in files of a directory of the test's own. */
export class World {
  readonly clock: HandClock = new HandClock();
  readonly catalog: Catalog = new Catalog();
  readonly store: Store;
  readonly reconciler: Reconciler;
  readonly pods: PodTable;
  readonly overrides: OverrideTable;
  readonly edges: EdgeLedger;
  readonly gateway: HandGateway;
  readonly sync: Sync;
  readonly ring: HandRing = new HandRing();
  readonly view: RunningView;
  checks: readonly Check[] = [{ name: 'sources', state: 'ok', why: '' }];
  sources: SourceItem[] = [{ name: '/manifests', synced: true, trouble: '', objects: 0 }];
  sourceProblems: readonly Problem[] = [];
  held = 0;
  readonly #directory: string = mkdtempSync(join(tmpdir(), 'weft-view-'));

  private constructor(options: WorldOptions) {
    this.store = new MemoryStore({ backends: 4096, backend_states: 4096, ...options.capacities });
    const { catalog, store, clock } = this;
    this.reconciler = new Reconciler(store);
    this.reconciler.adopt();
    const cookies = new Map<string, bigint>();
    this.pods = new PodTable(
      store,
      (path) => {
        const cookie = cookies.get(path) ?? BigInt(4001 + cookies.size);
        cookies.set(path, cookie);
        return cookie;
      },
      undefined,
    );
    this.overrides = new OverrideTable(store);
    this.edges = new EdgeLedger(this);
    this.gateway = new HandGateway(catalog, this.reconciler, 'here', () => this.overrides.current);
    this.sync = new Sync({
      routing: this.gateway.routing,
      catalog,
      reconciler: this.reconciler,
      pods: this.pods,
      overrides: () => this.overrides.current,
      node: 'here',
      clock,
      endSockets: () => undefined,
      retireBackends: this.edges.retireBackends,
      retirePods: this.edges.retirePods,
    });
    this.view = createView({
      version: '0.1.0',
      node: 'here',
      kernel: '6.1.0',
      started: clock.now(),
      cgroup: '/sys/fs/cgroup',
      pin: '/sys/fs/bpf/weft',
      clock,
      nowNs: () => BigInt(Math.round(clock.monotonic() * 1e6)) + 1_000_000_000_000n,
      catalog,
      sync: this.sync,
      reconciler: this.reconciler,
      pods: this.pods,
      overrides: this.overrides,
      store,
      edges: this.edges,
      programs: options.programs,
      flowReader: this.ring,
      checks: () => this.checks,
      sources: () => this.sources,
      watches: () => [],
      isStatusWriter: () => undefined,
      sourceProblems: () => this.sourceProblems,
      held: () => this.held,
      ...this.gateway.parts,
      locate: (findings) => placeFindings(findings, (fields) => fields.map(() => ({ line: 1, column: 1 }))),
      readManifests: readText,
    });
    if (options.started ?? true) this.sync.start();
  }

  /** With the objects of `yaml`; gone after the test. */
  static async of(t: ExecutionContext, yaml = '', options: WorldOptions = {}): Promise<World> {
    const world = new World(options);
    t.teardown(() => world.#close());
    await world.put(yaml);
    return world;
  }

  /** Applies the objects of a text. Throws when one is not valid. */
  async put(yaml: string): Promise<void> {
    const { objects, problems } = await readText(yaml, 'mesh.yaml');
    const error = problems.find(({ severity }) => severity === 'error');
    if (error) throw new Error(error.message);
    this.sync.change(objects.map((object) => ({ type: 'put', object: this.#housed(object) })));
  }

  remove(kind: MeshObject['kind'], key: string): void {
    this.sync.change([{ type: 'remove', kind, key }]);
  }

  /** Writes a row of the edges as the programs do. */
  edge(key: EdgeKey, sums: Partial<Record<keyof EdgeRow, number>>): void {
    const keys = new Uint8Array(EdgeKeySize);
    const values = new Uint8Array(EdgeRowSize);
    writeEdgeKey(key, viewOf(keys), 0);
    const of = (name: keyof EdgeRow): bigint => BigInt(sums[name] ?? 0);
    const row = {
      opened: of('opened'),
      closed: of('closed'),
      failed: of('failed'),
      sentBytes: of('sentBytes'),
      receivedBytes: of('receivedBytes'),
    };
    writeEdgeRow(row, viewOf(values), 0);
    this.store.update('edges', { keys, values, count: 1 });
  }

  /** What the ids of a connection to the only IPv4 port of a Service are. */
  idsOf(
    service: string,
    backend: string,
  ): { readonly service: number; readonly backend: number; readonly generation: number } {
    const programmed = this.reconciler.plansOf(service)[0]!;
    const id = programmed.ids[programmed.plan.backends.findIndex(({ name }) => name === backend)]!;
    return { service: programmed.service, backend: id, generation: this.reconciler.backends.byId(id)!.generation };
  }

  /** Time passes until what was given up can be given away. */
  settle(): void {
    for (let round = 0; round < 4; round++) this.sync.tick();
  }

  /** A Pod's network namespace as a file in the test's directory. */
  #housed(object: MeshObject): MeshObject {
    if (object.kind !== 'Pod' || object.netns === '') return object;
    const file = join(this.#directory, object.netns);
    writeFileSync(file, '');
    return { ...object, netns: relative(NETNS_DIRECTORY, file) } satisfies Pod;
  }

  #close(): void {
    this.view.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The example that most tests look at: a Service of two Pods, and a client. */
export const shop = `
apiVersion: v1
kind: Service
metadata: { name: user-service, namespace: shop }
spec:
  clusterIP: 10.96.0.10
  selector: { app: user }
  ports: [{ name: http, port: 8080, targetPort: 80 }]
---
apiVersion: v1
kind: Pod
metadata: { name: user-1, namespace: shop, labels: { app: user, version: v1 } }
status: { podIP: 10.1.0.1 }
---
apiVersion: v1
kind: Pod
metadata: { name: user-2, namespace: shop, labels: { app: user, version: v2 } }
status: { podIP: 10.1.0.2 }
---
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: shop, labels: { app: client }, annotations: { weft.dev/netns: client } }
status: { podIP: 10.1.0.9 }
`;
