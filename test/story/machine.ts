import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Clock } from '../../agent/clock.js';
import { Intake } from '../../agent/intake.js';
import { MemoryStore } from '../../agent/kernel/memory.js';
import { OverrideTable } from '../../agent/kernel/overrides.js';
import { NETNS_DIRECTORY } from '../../agent/kernel/place-named.js';
import { PodTable } from '../../agent/kernel/pods.js';
import { Reconciler } from '../../agent/kernel/reconcile.js';
import type { Store } from '../../agent/kernel/store.js';
import { Brake } from '../../agent/model/brake.js';
import { Catalog } from '../../agent/model/catalog.js';
import type { Change } from '../../agent/model/mesh.js';
import { FileStore, grace, locateFields } from '../../agent/sources/file-store.js';
import { placeFindings, readText } from '../../agent/sources/problems.js';
import { Sync } from '../../agent/sync.js';
import { showEndpoint } from '../../agent/tables/address.js';
import type { TableName } from '../../agent/tables/layout.gen.js';
import { EdgeLedger } from '../../agent/view/edges.js';
import { createView, type RunningView } from '../../agent/view/view.js';
import { HandGateway } from '../view/hand-gateway.js';
import { HandClock } from '../view/world.js';

/** How often the agent does what time alone demands, in ms (agent.ts). */
const tickMs = 1_000;

/** The agent of one start. */
export interface Running {
  readonly view: RunningView;
  readonly reconciler: Reconciler;
  readonly sync: Sync;
  /** Reads the manifests again. */
  scan(): Promise<void>;
  /** Ends at once. The tables stay. */
  kill(): void;
}

/** A node of the mesh with tables in memory: its manifests and namespaces are files, its time moves when told to. */
export class Machine {
  readonly clock: HandClock = new HandClock();
  readonly store: Store;
  readonly manifests: string;
  /** What the agent told since it was last asked, one thing a line. */
  readonly events: string[] = [];
  #agent: Running | undefined;
  readonly #directory: string = mkdtempSync(join(tmpdir(), 'weft-case-'));
  readonly #namespaces: string;
  readonly #cookies = new Map<string, bigint>();

  constructor(capacities: Partial<Record<TableName, number>>) {
    this.store = new MemoryStore({
      backends: 64,
      backend_states: 64,
      service_states: 64,
      slots: 256,
      rings: 8192,
      ...capacities,
    });
    this.manifests = join(this.#directory, 'manifests');
    this.#namespaces = join(this.#directory, 'netns');
    mkdirSync(this.manifests);
    mkdirSync(this.#namespaces);
  }

  get agent(): Running {
    if (this.#agent === undefined) throw new Error('no agent runs');
    return this.#agent;
  }

  /** Starts an agent, which reads the manifests and programs the tables. */
  async run(node: string): Promise<void> {
    this.#agent = await this.#start(node);
  }

  kill(): void {
    this.agent.kill();
    this.#agent = undefined;
  }

  /** Makes a text the whole of a file. */
  async write(file: string, text: string): Promise<void> {
    writeFileSync(join(this.manifests, file), text);
    await this.#agent?.scan();
  }

  /** Files go; their absence is believed after a while. */
  async remove(files: readonly string[]): Promise<void> {
    for (const file of files) rmSync(join(this.manifests, file));
    await this.#agent?.scan();
    this.clock.advance(grace);
    await this.#agent?.scan();
  }

  /** A network namespace that no other has ever been. */
  addNamespace(name: string): void {
    const path = join(this.#namespaces, name);
    writeFileSync(path, '');
    this.#cookies.set(path, BigInt(4001 + this.#cookies.size));
  }

  removeNamespace(name: string): void {
    rmSync(join(this.#namespaces, name));
  }

  close(): void {
    this.#agent?.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Text without this directory's own path. */
  plain(text: string): string {
    return text
      .replaceAll(`${relative(NETNS_DIRECTORY, this.#namespaces)}/`, '')
      .replaceAll(this.#namespaces, NETNS_DIRECTORY)
      .replaceAll(`${this.manifests}/`, '');
  }

  async #start(node: string): Promise<Running> {
    const { clock, store } = this;
    const catalog = new Catalog();
    const reconciler = new Reconciler(store);
    reconciler.adopt();
    const pods = new PodTable(store, (path) => this.#cookies.get(path)!, undefined);
    const overrides = new OverrideTable(store);
    const edges = new EdgeLedger({ catalog, reconciler, pods, store });
    const gateway = new HandGateway(catalog, reconciler, node, () => overrides.current);
    const sync = new Sync({
      routing: gateway.routing,
      catalog,
      reconciler,
      pods,
      overrides: () => overrides.current,
      node,
      clock,
      endSockets: (gone) => {
        for (const { address, port, protocol, onRemoval } of gone)
          this.events.push(`gone: ${showEndpoint(address, port)} ${protocol}, on removal ${onRemoval}`);
      },
      retireBackends: edges.retireBackends,
      retirePods: edges.retirePods,
    });
    let told = '';
    const intake = new Intake({
      brake: new Brake({ enrolled: (pod, meshed) => meshed.isMeshed(pod) }),
      catalog,
      sync,
      clock,
      onHeld: (held) => {
        const now = held.map(({ kind, key }) => `${kind} ${key}`).sort();
        if (now.join() === told) return;
        told = now.join();
        this.events.push(now.length === 0 ? 'nothing is held' : `held: ${now.join(', ')}`);
      },
      onError: (error) => this.events.push(`error: ${error instanceof Error ? error.message : error}`),
    });
    const files = new FileStore([this.manifests]);
    const scan = async (): Promise<void> => {
      const changes = await files.scan(clock.now(), clock.monotonic(), () => undefined);
      if (changes.length > 0) intake.take(changes.map((change) => this.#housed(change)));
    };
    const view = createView({
      version: '0.1.0',
      node,
      kernel: '6.1.0',
      started: clock.now(),
      cgroup: '/sys/fs/cgroup',
      pin: '/sys/fs/bpf/weft',
      clock,
      nowNs: () => nowNs(clock),
      catalog,
      sync,
      reconciler,
      pods,
      overrides,
      store,
      edges,
      programs: undefined,
      flowReader: undefined,
      checks: () => [],
      sources: () => [{ name: 'manifests', synced: true, trouble: '', objects: 0 }],
      watches: () => [],
      isStatusWriter: () => undefined,
      sourceProblems: () => files.problems(),
      held: () => intake.held.length,
      ...gateway.parts,
      locate: (findings) => placeFindings(findings, locateFields),
      readManifests: readText,
    });
    await scan();
    sync.start();
    intake.startBraking();
    const cancel = clock.every(tickMs, () => sync.tick());
    const kill = (): void => {
      cancel();
      intake.stop();
      view.close();
    };
    return { view, reconciler, sync, scan, kill };
  }

  /** A Pod's namespace lies in the machine's own directory. */
  #housed(change: Change): Change {
    if (change.type !== 'put' || change.object.kind !== 'Pod' || change.object.netns === '') return change;
    const netns = relative(NETNS_DIRECTORY, join(this.#namespaces, change.object.netns));
    return { type: 'put', object: { ...change.object, netns } };
  }
}

function nowNs(clock: Clock): bigint {
  return BigInt(Math.round(clock.monotonic() * 1e6)) + 1_000_000_000_000n;
}
