import type { BackendItem } from '../api/items.js';
import type { Clock } from '../clock.js';
import type { AgentProcess } from './agent-process.js';
import { backendPods, type CastService, podNamespace } from './cast.js';
import { type Lap, phaseOf, phases } from './phases.js';
import { Recent } from './recent.js';
import type { Request } from './request.js';
import type { Event, Scene, SceneService } from './scene.js';
import { sum, Tally } from './tally.js';

/** Over which rates and latencies are shown, in ms. */
const window = 2000;

/** Gathers what happens in a run, for the live view and the summary. */
export class Monitor {
  readonly tally: Tally = new Tally();
  readonly events: Event[] = [];
  readonly #recent = new Recent(window);
  readonly #services: readonly CastService[];
  readonly #clock: Clock;
  readonly #api: string;
  readonly #total: number | null;
  #lap: Lap | null = null;
  #start: number | null = null;
  #backends: readonly BackendItem[] = [];
  #agentStarts = 0;

  /** `total`: how long the run takes, in s; null when it goes on. */
  constructor(services: readonly CastService[], clock: Clock, api: string, total: number | null) {
    this.#services = services;
    this.#clock = clock;
    this.#api = api;
    this.#total = total;
  }

  /** In s from the first lap. */
  get elapsed(): number {
    return this.#start === null ? 0 : (this.#clock.monotonic() - this.#start) / 1000;
  }

  enter(lap: Lap): void {
    this.#start ??= this.#clock.monotonic();
    this.#lap = lap;
  }

  tell(text: string): Event {
    const event = { at: this.elapsed, text };
    this.events.push(event);
    return event;
  }

  add(requests: readonly Request[]): void {
    const now = this.#clock.monotonic();
    for (const request of requests) {
      this.tally.add(request);
      this.#recent.add(request, now);
    }
  }

  agentStarted(): void {
    this.#agentStarts++;
  }

  /** What the agent says of its backends; what it said last stays while it does not answer. */
  async ask(agent: AgentProcess): Promise<void> {
    if (agent.state === 'ready') this.#backends = (await agent.backends()) ?? this.#backends;
  }

  scene(agent: AgentProcess): Scene {
    const phase = this.#lap === null ? null : phaseOf(this.#lap);
    const services = this.#services.map((service) => this.#service(service));
    return {
      elapsed: this.elapsed,
      total: this.#total,
      phase: phase === null ? null : { number: phases.indexOf(phase) + 1, of: phases.length, title: phase.title },
      events: this.events,
      agent: { state: agent.state, pid: agent.pid, starts: this.#agentStarts },
      services,
      ...this.tally.total(),
      rate: services.flatMap(({ backends }) => backends).reduce((total, { rate }) => total + rate, 0),
      api: this.#api,
    };
  }

  #service({ name, addresses }: CastService): SceneService {
    const names = backendPods.filter((pod) => pod.service === name).map((pod) => pod.name);
    const pulses = this.#recent.pulses(name, names, this.#lap, this.#clock.monotonic());
    let connections = 0;
    let failed = 0;
    for (const { answered, failed: failures } of this.tally.ofService(name)) {
      failed += sum(failures);
      connections += sum(answered) + sum(failures);
    }
    return {
      name,
      address: addresses[0] ?? '',
      connections,
      failed,
      backends: names.map((backend) => {
        const item = this.#backends.find((candidate) => candidate.backend === `${podNamespace}/${backend}`);
        return { name: backend, state: item?.state ?? '', weight: item?.weight ?? null, ...pulses.get(backend)! };
      }),
    };
  }
}
