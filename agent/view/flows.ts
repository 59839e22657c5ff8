import { type Flow, type FlowFilter, type FlowHub, flowEvents, matchesFlow, reasons, verdicts } from '../api/flow.js';
import type { Clock } from '../clock.js';
import type { FlowReader } from '../kernel/flows.js';
import { Event, type FlowEventRow, Protocol } from '../tables/layout.gen.js';
import type { IdNames } from './ids.js';

/** How often the ring is read, in ms: while nobody follows, and while somebody does. */
const idlePeriod = 100;
const followedPeriod = 20;
const kept = 4096;
/** Reads of the ring a poll: a flood is left to the next one, so that it does not hold up the agent. */
const readsPerPoll = 4;

export interface FlowHubOptions {
  /** Undefined: there is no ring, and no flows. */
  readonly reader: Pick<FlowReader, 'drain' | 'lost'> | undefined;
  readonly names: IdNames;
  readonly clock: Clock;
  /** CLOCK_MONOTONIC. */
  readonly nowNs: () => bigint;
  /** False while ids have no names yet: events wait in the ring. */
  readonly isNamed: () => boolean;
}

/** Reads the programs' ring of events, names who was there, keeps the last 4 096 flows and hands new ones on. */
export class KernelFlows implements FlowHub {
  readonly #options: FlowHubOptions;
  /** A ring: `#next` is where the next flow goes. */
  readonly #kept: Flow[] = [];
  #next = 0;
  readonly #listeners = new Set<(flows: readonly Flow[]) => void>();
  /** What the reader had lost before this agent started. */
  readonly #lostBefore: number;
  #lostInRing = 0;
  #untold = 0;
  #stop: () => void;

  constructor(options: FlowHubOptions) {
    this.#options = options;
    this.#lostBefore = options.reader?.lost() ?? 0;
    this.#stop = this.#every(idlePeriod);
  }

  /** Sorted when somebody asks: flows come in batches, of several workers and of the programs. */
  recent(filter: FlowFilter, limit: number): readonly Flow[] {
    this.poll();
    const found: Flow[] = [];
    const oldest = this.#kept.length < kept ? 0 : this.#next;
    for (let index = 0; index < this.#kept.length; index++) {
      const flow = this.#kept[(oldest + index) % kept]!;
      if (matchesFlow(filter, flow)) found.push(flow);
    }
    found.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    return limit === 0 ? [] : found.slice(-limit);
  }

  subscribe(listener: (flows: readonly Flow[]) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#pace(followedPeriod);
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#pace(idlePeriod);
    };
  }

  /** Takes flows in that somebody else saw, and how many it could not tell of. */
  add(flows: readonly Flow[], lost: number): void {
    this.#untold += lost;
    for (const flow of flows) this.#keep(flow);
    if (flows.length > 0) for (const listener of this.#listeners) listener(flows);
  }

  /** Whether somebody wants flows as they happen. */
  get isFollowed(): boolean {
    return this.#listeners.size > 0;
  }

  /** As of the last poll, whoever lost them. */
  lost(): number {
    return this.#lostInRing + this.#untold;
  }

  /** As of the last poll, of the programs' ring. */
  get lostInRing(): number {
    return this.#lostInRing;
  }

  /** What somebody else saw and did not tell of. */
  get untold(): number {
    return this.#untold;
  }

  close(): void {
    this.#stop();
  }

  /** Takes what is in the ring now. */
  poll(): void {
    const { isNamed, reader, names } = this.#options;
    if (reader === undefined || !isNamed()) return;
    for (let read = 0; read < readsPerPoll; read++) {
      const events = reader.drain();
      this.#lostInRing = reader.lost() - this.#lostBefore;
      if (events.length === 0) {
        if (read === 0) names.refreshPods();
        break;
      }
      const flows = names.during(() => this.#flowsOf(events));
      for (const flow of flows) this.#keep(flow);
      if (flows.length > 0) for (const listener of this.#listeners) listener(flows);
    }
  }

  #flowsOf(events: readonly FlowEventRow[]): readonly Flow[] {
    const { clock, names, nowNs } = this.#options;
    const now = clock.now();
    const monotonic = nowNs();
    return events.flatMap((event) =>
      // The canary is no Pod.
      event.pod === 0 ? [] : [flowOf(event, new Date(now - Number(monotonic - event.timeNs) / 1e6), names)],
    );
  }

  #keep(flow: Flow): void {
    this.#kept[this.#next] = flow;
    this.#next = (this.#next + 1) % kept;
  }

  #pace(ms: number): void {
    this.#stop();
    this.#stop = this.#every(ms);
  }

  #every(ms: number): () => void {
    if (this.#options.reader === undefined) return () => undefined;
    return this.#options.clock.every(ms, () => this.poll());
  }
}

function flowOf(event: FlowEventRow, time: Date, names: IdNames): Flow {
  const service = event.service === 0 ? undefined : names.service(event.service);
  const ended = event.event === Event.CLOSE || event.event === Event.FAIL;
  return {
    time: time.toISOString(),
    event: flowEvents[event.event - 1] ?? 'open',
    verdict: verdicts[event.verdict] ?? 'pass',
    reason: reasons[event.reason] ?? 'not_meshed',
    protocol: event.protocol === Protocol.UDP ? 'UDP' : 'TCP',
    from: names.pod(event.pod)?.name ?? '',
    service: service?.port === event.servicePort ? service.service : '',
    serviceAddress: event.serviceAddress,
    servicePort: event.servicePort,
    backend: backendOf(event, names),
    backendAddress: event.backendAddress,
    backendPort: event.backendPort,
    connectMs: milliseconds(event.connectNs),
    durationMs: ended ? milliseconds(event.durationNs) : 0,
    sentBytes: Number(event.sentBytes),
    receivedBytes: Number(event.receivedBytes),
    rttMs: event.srttUs / 1000,
  };
}

/** The name of the backend, if the id still is the address that the event names; else the address. */
function backendOf(event: FlowEventRow, names: IdNames): string {
  if (event.backend === 0 || event.backendAddress === '') return event.backendAddress;
  return names.backendAt(event.backend, event.backendAddress, event.backendPort)?.name ?? event.backendAddress;
}

function milliseconds(ns: bigint): number {
  return Number(ns) / 1e6;
}
