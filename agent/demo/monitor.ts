import type { BackendItem } from '../api/items.js';
import type { Clock } from '../clock.js';
import type { AgentProcess } from './agent-process.js';
import { backendsOf, type CastService, podNamespace } from './cast.js';
import { Comeback } from './comeback.js';
import type { FeedServer } from './feed.js';
import { type Lap, phaseOf, phases } from './phases.js';
import { type Question, questions } from './questions.js';
import { Recent } from './recent.js';
import type { Request } from './request.js';
import type { Event, Scene, SceneRoute, SceneService } from './scene.js';
import { Tally } from './tally.js';

/** Over which rates and latencies are shown, in ms. */
const window = 2000;

/** Gathers what happens in a run, for the live view and the summary. */
export class Monitor {
  readonly tally: Tally = new Tally();
  readonly events: Event[] = [];
  readonly #recent = new Recent(window);
  readonly #comeback: Comeback;
  readonly #services: readonly CastService[];
  readonly #clock: Clock;
  readonly #api: string;
  readonly #total: number | null;
  #lap: Lap | null = null;
  #start: number | null = null;
  #backends: readonly BackendItem[] = [];
  #workers: readonly number[] = [];
  #agentStarts = 0;

  /** `total`: how long the run takes, in s; null when it goes on. `onBack` as {@link Comeback} tells it. */
  constructor(
    services: readonly CastService[],
    clock: Clock,
    api: string,
    total: number | null,
    onBack: (pod: string, after: number) => void,
  ) {
    this.#comeback = new Comeback(onBack);
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
      this.#comeback.add(request, now);
    }
  }

  /** The pod is well again from now on. */
  await(pod: string): void {
    this.#comeback.await(pod, this.#clock.monotonic());
  }

  agentStarted(): void {
    this.#agentStarts++;
  }

  /** What the agent says of its backends; what it said last stays while it does not answer. And which workers there are. */
  async ask(agent: AgentProcess): Promise<void> {
    this.#workers = agent.allWorkers();
    if (agent.state === 'ready') this.#backends = (await agent.backends()) ?? this.#backends;
  }

  scene(agent: AgentProcess, server: FeedServer | null): Scene {
    const phase = this.#lap === null ? null : phaseOf(this.#lap);
    const now = this.#clock.monotonic();
    return {
      elapsed: this.elapsed,
      total: this.#total,
      phase: phase === null ? null : { number: phases.indexOf(phase) + 1, of: phases.length, title: phase.title },
      events: this.events,
      agent: { state: agent.state, pid: agent.pid, starts: this.#agentStarts, workers: this.#workers },
      server: server === null ? null : { pid: server.pid, address: server.address },
      services: questions
        .filter(({ name, service }) => name === service)
        .map((question) => this.#service(question, now))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      routes: questions.filter(({ by }) => by === 'gateway').map((question) => this.#route(question, now)),
      ...this.tally.total(),
      rate: questions.reduce((total, { name }) => total + this.#recent.beat(name, now).rate, 0),
      api: this.#api,
    };
  }

  #service({ name, service }: Question, now: number): SceneService {
    const names = backendsOf(service).map((pod) => pod.name);
    const pulses = this.#recent.pulses(name, names, this.#lap, now);
    return {
      name: service,
      address: this.#services.find((each) => each.name === service)?.addresses[0] ?? '',
      ...this.tally.total((_, question) => question === name),
      backends: names.map((backend) => {
        const item = this.#backends.find((candidate) => candidate.backend === `${podNamespace}/${backend}`);
        return { name: backend, state: item?.state ?? '', weight: item?.weight ?? null, ...pulses.get(backend)! };
      }),
    };
  }

  #route({ name, rule, service }: Question, now: number): SceneRoute {
    const names = backendsOf(service).map((pod) => pod.name);
    const pulses = this.#recent.pulses(name, names, this.#lap, now);
    return {
      name,
      rule,
      ...this.#recent.beat(name, now),
      ...this.tally.total((_, question) => question === name),
      shares: names.map((backend) => ({ backend, share: pulses.get(backend)!.share })),
    };
  }
}
