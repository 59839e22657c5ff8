import type { Clock } from '../clock.js';
import { pause } from '../clock.js';
import { applyDelta, type SnapshotDelta } from '../compile/delta.js';
import type { Snapshot } from '../compile/snapshot.js';
import type { FromWorker, WorkerReport } from '../gateway/messages.js';
import type { RequestRecord } from '../gateway/record.js';
import { endOrphans, findOrphans, isWorker } from '../kernel/orphans.js';
import type { Captured } from '../kernel/pods.js';
import type { Log } from '../log.js';
import type { IngressSockets } from './ingress-sockets.js';
import { type WorkerEvents, WorkerProcess } from './worker-process.js';

/** How long a worker that ended is waited for before it is started again: doubled each time, in ms. */
const firstRestartMs = 50;
const lastRestartMs = 5_000;
/** A worker that lived so long is restarted at once. */
const steadyMs = 10_000;
/** How long workers have to finish what they have when the agent stops. */
const drainMs = 10_000;

/** Listening sockets inside one captured Pod's namespace. */
export interface PodSockets {
  /** NS/POD. */
  readonly pod: string;
  readonly id: number;
  readonly path: string;
  readonly fds: readonly number[];
}

/** What the supervisor needs of the kernel. */
export interface GatewayKernel {
  /** Makes and closes listeners so that each of these Pods has its own. */
  refresh(captured: Iterable<Captured>): {
    readonly opened: readonly PodSockets[];
    readonly closed: readonly PodSockets[];
  };
  all(): Iterable<PodSockets>;
  /** Connections of the Pod may be led to its listener from now on. */
  announce(pod: string): void;
}

/** Hands blank sockets of Pods' namespaces to workers. */
export interface SocketBroker {
  addNamespace(id: number, path: string): void;
  removeNamespace(id: number): void;
  /** The worker's end of a new channel; the caller closes it. */
  addWorker(): number;
}

/** Passes descriptors on. */
export interface DescriptorChannel {
  pair(): readonly [own: number, other: number];
  send(channel: number, fds: readonly number[]): void;
  close(fd: number): void;
}

export interface SupervisorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly workers: number;
  readonly mark: string;
  readonly kernel: GatewayKernel;
  readonly ingress: IngressSockets;
  readonly descriptors: DescriptorChannel;
  /** A Pod's connections are led to the gateway from now on. */
  readonly onServing: () => void;
  /** Starts one, when the first worker is started and when the one before has ended by itself. */
  readonly broker: (onExit: (why: string) => void) => SocketBroker;
  readonly snapshot: Snapshot;
  readonly onReport: (worker: number, report: WorkerReport) => void;
  readonly onRecords: (records: readonly RequestRecord[], lost: number) => void;
}

interface Slot {
  process: WorkerProcess | undefined;
  /** The agent's end of its channel for listening sockets. */
  channel: number;
  startedMs: number;
  restartMs: number;
  isReady: boolean;
  applied: number;
}

/**
 * Keeps the gateway's workers alive and up to date: they get the snapshot and its changes, and the listening sockets of captured Pods and of ingress
 * ports. Nothing is started before there is something to serve.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #snapshot: Snapshot;
  readonly #slots: Slot[] = [];
  #broker: SocketBroker | undefined;
  #isStopping = false;
  #restarts = 0;
  #follows = false;
  /** Pods whose listener a worker has. */
  readonly #announced = new Set<string>();
  #orphans: readonly number[] = [];
  #captured: readonly Captured[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#snapshot = options.snapshot;
    this.#orphans = findOrphans(options.mark, new Set());
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Workers started again after they ended by themselves. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Whether connections can be led to the gateway: a worker serves. */
  get isServing(): boolean {
    return this.#slots.some(({ isReady, applied }) => isReady && applied > 0);
  }

  /** Whether workers that an earlier agent left serve still. */
  get hasOrphans(): boolean {
    return this.#orphans.length > 0;
  }

  /** What keeps the gateway from serving as it should; empty when nothing does. */
  get trouble(): string {
    if (!this.#isNeeded) return '';
    const working = this.#slots.filter(({ isReady }) => isReady).length;
    if (working < this.#slots.length) return `${working} of ${this.#slots.length} workers run`;
    return this.#slots.length === 0 ? 'it has no workers (--workers 0)' : '';
  }

  /** Whether everything that was asked for is in place. */
  get isSettled(): boolean {
    if (!this.#isNeeded || this.#options.workers === 0) return true;
    const generation = this.#snapshot.generation;
    return (
      this.#slots.length > 0 &&
      this.#slots.every(({ isReady, applied }) => isReady && applied >= generation) &&
      [...this.#options.kernel.all()].every(({ pod }) => this.#announced.has(pod))
    );
  }

  /** pids of the workers that run. */
  get pids(): readonly number[] {
    return this.#slots.flatMap(({ process }) => process?.pid ?? []);
  }

  get #isNeeded(): boolean {
    const { targets, ingress } = this.#snapshot;
    return Object.keys(targets).length > 0 || Object.keys(ingress).length > 0;
  }

  /** Takes a change of the snapshot in. */
  apply(delta: SnapshotDelta): void {
    this.#snapshot = { ...applyDelta(this.#snapshot, delta), generation: this.#snapshot.generation + 1 };
    this.#start();
    for (const { process, isReady } of this.#slots) if (isReady) process?.configure(delta, () => this.#snapshot);
    this.#openIngress();
  }

  /** The Pods whose connections are captured now. */
  capture(captured: Iterable<Captured>): void {
    this.#captured = [...captured];
    if (this.#slots.length > 0) this.#openPods();
  }

  /** What time alone changes: Pods' listeners that could not be made, ports that were taken, workers left by an earlier agent. */
  tick(): void {
    if (this.#isStopping || this.#slots.length === 0) {
      if (!this.#isNeeded) this.#endOrphans();
      return;
    }
    this.#openPods();
    this.#openIngress();
    if (this.isSettled) this.#endOrphans();
  }

  /** Whether single requests are reported. */
  follow(on: boolean): void {
    if (this.#follows === on) return;
    this.#follows = on;
    for (const { process, isReady } of this.#slots) if (isReady) process?.send({ type: 'records', on });
  }

  /** Workers finish what they have, for a while; then they are ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endOrphans();
    for (const { process } of this.#slots) process?.kill('SIGTERM');
    const { clock, mark } = this.#options;
    const end = clock.monotonic() + drainMs;
    while (this.pids.length > 0 && clock.monotonic() < end) await pause(clock, 20);
    for (const pid of this.pids) if (isWorker(pid, mark)) process.kill(pid, 'SIGKILL');
    this.#options.ingress.close();
  }

  #endOrphans(): void {
    if (this.#orphans.length === 0) return;
    endOrphans(this.#orphans, this.#options.mark, 'SIGTERM');
    this.#options.log.info({ workers: this.#orphans.length }, 'ended workers that an earlier agent left');
    this.#orphans = [];
  }

  #start(): void {
    if (this.#isStopping || this.#slots.length > 0 || !this.#isNeeded) return;
    this.#broker = this.#options.broker(this.#brokerEnded);
    for (let i = 0; i < this.#options.workers; i++) {
      const slot: Slot = {
        process: undefined,
        channel: -1,
        startedMs: 0,
        restartMs: firstRestartMs,
        isReady: false,
        applied: 0,
      };
      this.#slots.push(slot);
      this.#launch(slot, i);
    }
    this.#openPods();
  }

  /** Without it no worker can reach a backend from a Pod's namespace. */
  readonly #brokerEnded = (why: string): void => {
    const { clock, descriptors, log } = this.#options;
    if (this.#isStopping) return;
    log.error({ why }, 'the socket broker ended');
    clock.after(firstRestartMs, () => {
      if (this.#isStopping) return;
      this.#broker = this.#options.broker(this.#brokerEnded);
      for (const { id, path } of this.#options.kernel.all()) this.#broker.addNamespace(id, path);
      for (const { process, channel, isReady } of this.#slots) {
        if (!isReady) continue;
        const fd = this.#broker.addWorker();
        descriptors.send(channel, [fd]);
        process?.send({ type: 'broker' });
        descriptors.close(fd);
      }
    });
  };

  #launch(slot: Slot, index: number): void {
    const { clock, descriptors, log, mark } = this.#options;
    const [own, other] = descriptors.pair();
    const broker = this.#broker!.addWorker();
    slot.channel = own;
    slot.startedMs = clock.monotonic();
    const events: WorkerEvents = {
      onMessage: (message) => this.#take(slot, index, message),
      onExit: (why) => {
        descriptors.close(own);
        slot.process = undefined;
        slot.isReady = false;
        slot.applied = 0;
        if (this.#isStopping) return;
        log.error({ worker: index, why }, 'a gateway worker ended');
        this.#restarts++;
        const lived = clock.monotonic() - slot.startedMs;
        slot.restartMs = lived > steadyMs ? firstRestartMs : Math.min(lastRestartMs, slot.restartMs * 2);
        clock.after(lived > steadyMs ? 0 : slot.restartMs, () => {
          if (!this.#isStopping) this.#launch(slot, index);
        });
      },
    };
    slot.process = new WorkerProcess(mark, { listeners: other, broker }, events);
    descriptors.close(other);
    descriptors.close(broker);
  }

  #take(slot: Slot, index: number, message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#equip(slot);
        break;
      case 'applied':
        slot.applied = message.generation;
        break;
      case 'opened':
        this.#announce(message.pod);
        break;
      case 'opened-ingress':
        this.#options.ingress.served(message.port);
        break;
      case 'telemetry':
        this.#options.onReport(index, message.report);
        break;
      case 'records':
        this.#options.onRecords(message.records, message.lost);
    }
  }

  /** Everything that a worker needs, from the beginning. */
  #equip(slot: Slot): void {
    slot.isReady = true;
    slot.process?.configure(undefined, () => this.#snapshot);
    if (this.#follows) slot.process?.send({ type: 'records', on: true });
    for (const sockets of this.#options.kernel.all()) this.#give(slot, sockets);
    for (const [port, fds] of this.#options.ingress.all()) this.#giveIngress(slot, port, fds);
  }

  #give({ process, channel }: Slot, { pod, id, fds }: PodSockets): void {
    this.#options.descriptors.send(channel, fds);
    process?.send({ type: 'open-mesh', pod, id, descriptors: fds.length });
  }

  #giveIngress({ process, channel }: Slot, port: number, fds: readonly number[]): void {
    this.#options.descriptors.send(channel, fds);
    process?.send({ type: 'open-ingress', port, descriptors: fds.length });
  }

  #announce(pod: string): void {
    if (this.#announced.has(pod)) return;
    this.#announced.add(pod);
    this.#options.kernel.announce(pod);
    this.#options.onServing();
  }

  #openPods(): void {
    const { opened, closed } = this.#options.kernel.refresh(this.#captured);
    for (const { pod, id } of closed) {
      this.#announced.delete(pod);
      this.#broker?.removeNamespace(id);
      for (const { process, isReady } of this.#slots) if (isReady) process?.send({ type: 'close-mesh', pod });
    }
    for (const sockets of opened) {
      this.#broker?.addNamespace(sockets.id, sockets.path);
      for (const slot of this.#slots) if (slot.isReady) this.#give(slot, sockets);
    }
  }

  #openIngress(): void {
    if (this.#slots.length === 0) return;
    const { opened, closed } = this.#options.ingress.refresh(Object.values(this.#snapshot.ingress));
    for (const port of closed)
      for (const { process, isReady } of this.#slots) if (isReady) process?.send({ type: 'close-ingress', port });
    for (const [port, fds] of opened)
      for (const slot of this.#slots) if (slot.isReady) this.#giveIngress(slot, port, fds);
  }
}
