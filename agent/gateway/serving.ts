import { type Clock, pause } from '../clock.js';
import { applyDelta, type SnapshotDelta } from '../compile/delta.js';
import { emptySnapshot, type Snapshot } from '../compile/snapshot.js';
import { accessLogLine, type LogDetails } from './access-log.js';
import { Listeners } from './listener/listeners.js';
import type { FromWorker } from './messages.js';
import { HttpProxy } from './proxy/proxy.js';
import type { RequestRecord } from './record.js';
import { RecordSample } from './record-sample.js';
import { RetiredTargets } from './retired-targets.js';
import { Telemetry } from './telemetry.js';
import { UpstreamPools } from './upstream/pools.js';
import { PodSockets } from './upstream/sockets.js';

/** How often the agent is told what was served, in ms. */
const reportMs = 1_000;
/** How often single requests are told while somebody follows them. */
const recordsMs = 100;
/** How long connections are still accepted once this worker is to end: some are on their way to its listeners. */
const lingerMs = 500;

export interface WorkerOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Blank sockets in the namespace that the broker knows by this id. */
  readonly blanks: (namespace: number, family: 4 | 6, count: number) => readonly number[];
  /** Tells the agent; lost when there is none. */
  readonly tell: (message: FromWorker) => void;
  /** The agent does not keep up: sums and records wait here, bounded. */
  readonly isAgentBehind: () => boolean;
  /** Writes a line of the access log. */
  readonly log: (line: string) => void;
}

/** A worker's parts, wired: sockets come in by listeners, requests go through the proxy to upstreams, and what became of them is summed up. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #listeners: Listeners;
  readonly #upstreams: UpstreamPools;
  readonly #proxy: HttpProxy;
  readonly #sockets: PodSockets;
  readonly #telemetry: Telemetry;
  readonly #records: RecordSample;
  /** The broker's ids of Pods' namespaces, by NS/POD. */
  readonly #namespaces = new Map<string, number>();
  readonly #retired: RetiredTargets;
  /** As the agent said. */
  #given: Snapshot = emptySnapshot;
  /** What is served by: with what has left lately. */
  #snapshot: Snapshot = emptySnapshot;

  constructor(options: WorkerOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#records = new RecordSample(clock);
    this.#retired = new RetiredTargets(clock);
    const snapshot = (): Snapshot => this.#snapshot;
    this.#telemetry = new Telemetry(snapshot);
    this.#sockets = new PodSockets(
      (pod, family, count) => this.#blanks(pod, family, count),
      () => clock.monotonic(),
    );
    this.#upstreams = new UpstreamPools({
      clock,
      random,
      sockets: this.#sockets,
    });
    const onRecord = (record: RequestRecord & LogDetails): void => this.#record(record);
    this.#proxy = new HttpProxy({ upstreams: this.#upstreams, snapshot, clock, random, onRecord });
    this.#listeners = new Listeners({
      onRequest: (exchange) => this.#proxy.onRequest(exchange),
      upstreams: this.#upstreams,
      snapshot,
      clock,
      random,
      onRecord,
    });
    clock.every(reportMs, () => this.#report());
    clock.every(recordsMs, () => {
      if (this.#records.isFollowed) this.#tellRecords();
    });
  }

  /** Takes the whole configuration. */
  replace(snapshot: Snapshot): void {
    this.#apply(snapshot);
  }

  change(generation: number, delta: SnapshotDelta): void {
    this.#apply({ ...applyDelta(this.#given, delta), generation });
  }

  openMesh(pod: string, id: number, fds: readonly number[]): void {
    this.#namespaces.set(pod, id);
    this.#listeners.openMesh(pod, fds);
    this.#options.tell({ type: 'opened', pod });
  }

  /** Ends everything of a Pod that is gone: what is kept open keeps its namespace alive. */
  closeMesh(pod: string): void {
    this.#namespaces.delete(pod);
    this.#listeners.closeMesh(pod);
    this.#upstreams.forget(pod);
  }

  openIngress(port: number, fds: readonly number[]): void {
    this.#listeners.openIngress(port, fds);
    this.#options.tell({ type: 'opened-ingress', port });
  }

  closeIngress(port: number): void {
    this.#listeners.closeIngress(port);
  }

  followRecords(on: boolean): void {
    this.#records.follow(on);
  }

  /** Takes no new connections, and resolves when those that are there have ended. */
  async drain(): Promise<void> {
    await pause(this.#options.clock, lingerMs);
    await this.#listeners.drain();
    this.#report();
    this.#upstreams.close();
  }

  #apply(given: Snapshot): void {
    const gone = this.#retired.retire(this.#given, given);
    this.#given = given;
    this.#snapshot = this.#retired.complete(given);
    this.#listeners.drainTargets(gone);
    this.#upstreams.update(this.#snapshot);
    this.#listeners.update(this.#snapshot);
    this.#options.tell({ type: 'applied', generation: this.#snapshot.generation });
  }

  #blanks(pod: string, family: 4 | 6, count: number): readonly number[] {
    const namespace = this.#namespaces.get(pod);
    if (namespace === undefined) throw new Error(`the network namespace of ${pod} is not known`);
    return this.#options.blanks(namespace, family, count);
  }

  #record(record: RequestRecord & LogDetails): void {
    this.#telemetry.add(record);
    this.#records.add(record);
    if (this.#snapshot.accessLog) this.#options.log(accessLogLine(record));
  }

  #tellRecords(): void {
    if (this.#options.isAgentBehind()) return;
    const { records, lost } = this.#records.drain();
    if (records.length > 0 || lost > 0) this.#options.tell({ type: 'records', records, lost });
  }

  #report(): void {
    this.#sockets.sweep();
    if (this.#options.isAgentBehind()) return;
    this.#tellRecords();
    const { requests, ...load } = this.#proxy.load;
    this.#options.tell({
      type: 'telemetry',
      report: {
        sums: this.#telemetry.drain(),
        endpoints: this.#upstreams.states(),
        connections: this.#listeners.connections,
        inFlight: requests,
        rssBytes: process.memoryUsage.rss(),
        bounds: {
          ...this.#listeners.bounds,
          delaysSkipped: load.delaysSkipped,
          mirrorsSkipped: load.mirrorsSkipped,
          mirrorsCut: load.mirrorsCut,
          bodiesNotKept: load.keepsSkipped,
          upstreamOverflows: this.#upstreams.overflows,
        },
      },
    });
  }
}
