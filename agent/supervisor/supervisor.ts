import type { Clock } from '../clock.js';
import { pause } from '../clock.js';
import { applyDelta, type SnapshotDelta } from '../compile/delta.js';
import type { Snapshot } from '../compile/snapshot.js';
import type { FromWorker, WorkerReport } from '../gateway/messages.js';
import type { RequestRecord } from '../gateway/record.js';
import { isWorker } from '../kernel/orphans.js';
import type { Captured } from '../kernel/pods.js';
import type { Log } from '../log.js';
import { Handover, type Parcel } from './handover.js';
import type { IngressSockets } from './ingress-sockets.js';
import { LeftWorkers } from './left-workers.js';
import { type WorkerEvents, WorkerProcess } from './worker-process.js';

/** How long a worker that ended is waited for before it is started again: doubled each time, in ms. */
const firstRestartMs = 50;
const lastRestartMs = 5_000;
/** A worker that lived so long is restarted at once. */
const steadyMs = 10_000;
/** A worker that says nothing for so many ticks of a second hangs: each reports once a second. */
const mostSilentTicks = 20;
/** How long workers have to finish what they have when the agent stops. */
const drainMs = 10_000;

/** Listening sockets inside one captured Pod's namespace. */
export interface PodSockets {
  /** NS/POD. */
  readonly pod: string;
  /** Leads to the namespace, now; empty while nothing does. */
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
  /** Throws when the other side has gone, or has no room. */
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
  /** What workers run. Default: agent/gateway/worker.js. */
  readonly workerPath?: string;
}

interface OpenPod {
  readonly pod: string;
  readonly fds: readonly number[];
  /** What the broker knows the namespace by. Never given again, as ids of Pods are: a worker may be slow to hear that a Pod has gone. */
  readonly namespace: number;
}

interface Slot {
  process: WorkerProcess | undefined;
  /** The agent's end of its channel for listening sockets. */
  channel: number;
  /** That it asks. */
  broker: SocketBroker | undefined;
  /** Of the process that runs. */
  handover: Handover | undefined;
  /** Ticks since it said something. */
  silentTicks: number;
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
  /** By Pod. */
  readonly #open = new Map<string, OpenPod>();
  /** Pods whose namespace the broker has. */
  readonly #entered = new Set<string>();
  /** The last number that was given to a namespace. */
  #lastNamespace = 0;
  readonly #left: LeftWorkers;
  #captured: readonly Captured[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#snapshot = options.snapshot;
    this.#left = new LeftWorkers(options.mark, options.clock, options.log);
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
    return this.#left.serve;
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

  /** Whether anything was compiled yet: before, nobody knows that there is nothing to serve. */
  get #isTold(): boolean {
    return this.#snapshot.generation > 0;
  }

  get #isNeeded(): boolean {
    const { targets, ingress } = this.#snapshot;
    return Object.keys(targets).length > 0 || Object.keys(ingress).length > 0;
  }

  /** Takes a change of the snapshot in. The first tells what there is to serve, be it nothing. */
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
    this.#left.tick();
    if (this.#isStopping || this.#slots.length === 0) {
      if (this.#isTold && !this.#isNeeded) this.#left.end();
      return;
    }
    this.#endSilent();
    this.#openPods();
    this.#openIngress();
    if (this.isSettled) this.#left.end();
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
    this.#left.end();
    for (const { process } of this.#slots) process?.kill('SIGTERM');
    const { clock, mark } = this.#options;
    const end = clock.monotonic() + drainMs;
    while (this.pids.length > 0 && clock.monotonic() < end) await pause(clock, 20);
    for (const pid of this.pids) if (isWorker(pid, mark)) process.kill(pid, 'SIGKILL');
    this.#options.ingress.close();
  }

  #start(): void {
    if (this.#isStopping || this.#slots.length > 0 || !this.#isNeeded) return;
    this.#broker = this.#options.broker(this.#brokerEnded);
    for (let i = 0; i < this.#options.workers; i++) {
      const slot: Slot = {
        process: undefined,
        channel: -1,
        broker: undefined,
        handover: undefined,
        silentTicks: 0,
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
    const { clock, log } = this.#options;
    if (this.#isStopping) return;
    log.error({ why }, 'the socket broker ended');
    clock.after(firstRestartMs, () => this.#replaceBroker());
  };

  #replaceBroker(): void {
    const { broker, clock, log } = this.#options;
    if (this.#isStopping) return;
    try {
      this.#broker = broker(this.#brokerEnded);
    } catch (error) {
      log.error({ err: error }, 'the socket broker could not be started');
      clock.after(lastRestartMs, () => this.#replaceBroker());
      return;
    }
    this.#entered.clear();
    this.#enterNamespaces();
    for (const slot of this.#slots) if (slot.isReady) this.#giveBroker(slot);
  }

  /** To a worker whose own has ended. */
  #giveBroker(slot: Slot): void {
    const { process, channel } = slot;
    if (process === undefined || this.#broker === undefined) return;
    const fd = this.#broker.addWorker();
    slot.broker = this.#broker;
    this.#hand(process, channel, { fds: [fd], message: { type: 'broker' } });
    this.#options.descriptors.close(fd);
  }

  #launch(slot: Slot, index: number): void {
    if (this.#isStopping) return;
    const { clock, log } = this.#options;
    try {
      this.#spawn(slot, index);
    } catch (error) {
      log.error({ worker: index, err: error }, 'a gateway worker could not be started');
      clock.after(lastRestartMs, () => this.#launch(slot, index));
    }
  }

  #spawn(slot: Slot, index: number): void {
    const { clock, descriptors, log, mark, workerPath } = this.#options;
    const broker = this.#broker!.addWorker();
    const [own, other] = descriptors.pair();
    const events: WorkerEvents = {
      onMessage: (message) => {
        // What one that has ended says of its sockets is of no use; what it counted is.
        if (slot.process === process || message.type === 'telemetry' || message.type === 'records')
          this.#take(slot, index, message);
      },
      onFault: (why) => {
        log.error({ worker: index, why }, 'a gateway worker is not itself');
        process.kill('SIGKILL');
      },
      onExit: (why) => {
        descriptors.close(own);
        Object.assign(slot, { process: undefined, handover: undefined, isReady: false, applied: 0 });
        if (!this.#isStopping) this.#replace(slot, index, why);
      },
    };
    const process = new WorkerProcess(mark, { listeners: other, broker }, events, workerPath);
    descriptors.close(other);
    descriptors.close(broker);
    const handover = new Handover((parcel) => this.#hand(process, own, parcel));
    const startedMs = clock.monotonic();
    Object.assign(slot, { process, handover, broker: this.#broker, channel: own, silentTicks: 0, startedMs });
  }

  #replace(slot: Slot, index: number, why: string): void {
    const { clock, log } = this.#options;
    log.error({ worker: index, why }, 'a gateway worker ended');
    this.#restarts++;
    const lived = clock.monotonic() - slot.startedMs;
    slot.restartMs = lived > steadyMs ? firstRestartMs : Math.min(lastRestartMs, slot.restartMs * 2);
    clock.after(lived > steadyMs ? 0 : slot.restartMs, () => this.#launch(slot, index));
  }

  /** A worker that hangs accepts connections still, as far as the kernel knows. */
  #endSilent(): void {
    for (const [index, slot] of this.#slots.entries()) {
      if (slot.process === undefined || ++slot.silentTicks <= mostSilentTicks) continue;
      slot.silentTicks = 0;
      this.#options.log.error({ worker: index }, 'a gateway worker hangs: it is ended');
      slot.process.kill('SIGKILL');
    }
  }

  #take(slot: Slot, index: number, message: FromWorker): void {
    slot.silentTicks = 0;
    switch (message.type) {
      case 'ready':
        if (!slot.isReady) this.#equip(slot);
        break;
      case 'applied':
        slot.applied = message.generation;
        break;
      case 'opened':
        this.#announce(slot.handover?.taken(podKey(message.pod)));
        break;
      case 'opened-ingress':
        if (slot.handover?.taken(portKey(message.port)) !== undefined) this.#options.ingress.served(message.port);
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
    if (slot.broker !== this.#broker) this.#giveBroker(slot);
    slot.process?.configure(undefined, () => this.#snapshot);
    if (this.#follows) slot.process?.send({ type: 'records', on: true });
    for (const pod of this.#open.values()) this.#give(slot, pod);
    for (const [port, fds] of this.#options.ingress.all()) this.#giveIngress(slot, port, fds);
  }

  #give({ handover }: Slot, { pod, namespace: id, fds }: OpenPod): void {
    handover?.give(podKey(pod), { fds, message: { type: 'open-mesh', pod, id, descriptors: fds.length } });
  }

  #giveIngress({ handover }: Slot, port: number, fds: readonly number[]): void {
    handover?.give(portKey(port), { fds, message: { type: 'open-ingress', port, descriptors: fds.length } });
  }

  /** False when the worker has gone, or takes nothing any more: it is ended then. */
  #hand(process: WorkerProcess, channel: number, { fds, message }: Parcel): boolean {
    try {
      this.#options.descriptors.send(channel, fds);
    } catch (error) {
      this.#options.log.error({ err: error }, 'a gateway worker takes no sockets');
      process.kill('SIGKILL');
      return false;
    }
    process.send(message);
    return true;
  }

  /** `taken`: what a worker has. Of a Pod that has gone, or come again, since it was sent, it says nothing. */
  #announce(taken: Parcel | undefined): void {
    if (taken?.message.type !== 'open-mesh') return;
    const { pod } = taken.message;
    if (this.#open.get(pod)?.fds !== taken.fds || this.#announced.has(pod)) return;
    this.#announced.add(pod);
    this.#options.kernel.announce(pod);
    this.#options.onServing();
  }

  #openPods(): void {
    const { opened, closed } = this.#options.kernel.refresh(this.#captured);
    for (const { pod } of closed) this.#closePod(pod);
    for (const { pod, fds } of opened) this.#open.set(pod, { pod, fds, namespace: ++this.#lastNamespace });
    this.#enterNamespaces();
    for (const { pod } of opened)
      for (const slot of this.#slots) if (slot.isReady) this.#give(slot, this.#open.get(pod)!);
  }

  #closePod(pod: string): void {
    const open = this.#open.get(pod);
    if (open === undefined) return;
    this.#announced.delete(pod);
    this.#entered.delete(pod);
    this.#open.delete(pod);
    this.#broker?.removeNamespace(open.namespace);
    for (const { handover } of this.#slots) handover?.withdraw(podKey(pod));
    for (const { process, isReady } of this.#slots) if (isReady) process?.send({ type: 'close-mesh', pod });
  }

  /** Tells the broker of namespaces that it does not have. One that is going does not keep the others from being served, and is tried again. */
  #enterNamespaces(): void {
    for (const { pod, path } of this.#options.kernel.all()) {
      const open = this.#open.get(pod);
      if (open === undefined || path === '' || this.#entered.has(pod)) continue;
      try {
        this.#broker?.addNamespace(open.namespace, path);
        this.#entered.add(pod);
      } catch (error) {
        this.#options.log.error({ pod, err: error }, 'a network namespace could not be entered');
      }
    }
  }

  #openIngress(): void {
    if (this.#slots.length === 0) return;
    const { opened, closed } = this.#options.ingress.refresh(Object.values(this.#snapshot.ingress));
    for (const port of closed) {
      for (const { handover } of this.#slots) handover?.withdraw(portKey(port));
      for (const { process, isReady } of this.#slots) if (isReady) process?.send({ type: 'close-ingress', port });
    }
    for (const [port, fds] of opened)
      for (const slot of this.#slots) if (slot.isReady) this.#giveIngress(slot, port, fds);
  }
}

function podKey(pod: string): string {
  return `pod ${pod}`;
}

function portKey(port: number): string {
  return `port ${port}`;
}
