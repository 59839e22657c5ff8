import type { BackendItem } from '../api/items.js';
import { type Clock, pause } from '../clock.js';
import { type AgentProcess, weft } from './agent-process.js';
import { backendPods, type CastPod, podNamespace } from './cast.js';
import { writePod } from './manifests.js';
import { deadlines, type Lap, type Phase, type PhaseName, phases } from './phases.js';
import type { Run } from './run.js';
import { type Server, startServer } from './servers.js';
import type { Facts } from './summary.js';
import type { Traffic } from './traffic.js';

/** What the story acts on. */
export interface Stage {
  readonly run: Run;
  readonly ipv6: boolean;
  readonly clock: Clock;
  readonly agent: AgentProcess;
  readonly traffic: Traffic;
  /** By pod. */
  readonly servers: Map<string, Server>;
  readonly signal: AbortSignal;
  /** Says what was just done. */
  tell(text: string): void;
  startAgent(): void;
  /** Every request from now on belongs to the lap. */
  onLap(lap: Lap): void;
  /** The phase of this index is about to begin. */
  onPhase(phase: Phase, index: number, of: number): void;
}

/** How long a backend is dead before its Pod says so, in ms: as long as a quick readiness probe may take. */
const probeDelay = 80;
/** What a phase has at least when the way into it took long, in ms: enough connections to judge its shares by. */
const leastHold = 700;
/** Until a change of a manifest counts as lost, in ms. */
const patience = 5000;
const pollPace = 5;

/** Plays the phases on a stage where the agent is ready. */
export class Story {
  readonly #stage: Stage;
  #agentKilled = 0;
  readonly #facts = {
    markedAfter: null as number | null,
    spreadAfter: null as number | null,
    agentDead: null as number | null,
    agentReady: null as number | null,
    weightsKept: null as Facts['weightsKept'],
    seconds: null as number | null,
  };

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get facts(): Omit<Facts, 'leftovers'> {
    return this.#facts;
  }

  /** Resolves after the last phase, `seconds` after the first request unless changes take longer. Throws when `signal` is aborted. */
  async play(seconds: number): Promise<void> {
    const { clock } = this.#stage;
    const ends = deadlines(seconds);
    const start = clock.monotonic();
    for (const [index, phase] of phases.entries()) {
      this.#stage.onPhase(phase, index, phases.length);
      await this.#begin(phase);
      await this.#until(Math.max(start + ends[index]!, clock.monotonic() + leastHold));
    }
    await this.#lap('open');
    this.#facts.seconds = (clock.monotonic() - start) / 1000;
  }

  /** Changes what the phase is about. Resolves when the change is effective and the phase's connections count. */
  async #begin(phase: Phase): Promise<void> {
    await this.#entrances[phase.name]();
    await this.#lap(phase.name);
  }

  readonly #entrances: Record<PhaseName, () => Promise<void>> = {
    steady: async () => this.#stage.tell('the client sends requests to 10.96.0.10 and 10.96.0.20'),
    weight: () => this.#command('weight', 'default/user-service', 'default/user-1=3', 'default/user-2=1'),
    drain: () => this.#command('drain', 'default/order-1'),
    undrain: () => this.#command('undrain', 'default/order-1'),
    agentless: () => this.#killAgent(),
    restart: () => this.#restartAgent(),
    outage: () => this.#killBackend(),
    recovery: () => this.#reviveBackend(),
  };

  /** Runs the real CLI, between two phases. */
  async #command(...args: string[]): Promise<void> {
    const { run, tell } = this.#stage;
    await this.#lap(`${args[0] as 'weight' | 'drain' | 'undrain'}:change`);
    await weft([...args, '--api', run.api]);
    tell(`$ weft ${args.join(' ')}`);
  }

  /** Nothing is to change, so every connection from before the kill on counts. */
  async #killAgent(): Promise<void> {
    const { agent, clock, tell } = this.#stage;
    await this.#lap('agentless');
    const { pid } = agent;
    await agent.kill();
    this.#agentKilled = clock.monotonic();
    tell(`the agent, pid ${pid}, was killed with SIGKILL`);
  }

  async #restartAgent(): Promise<void> {
    const { agent, clock, signal, startAgent, tell } = this.#stage;
    await this.#lap('restart');
    startAgent();
    this.#facts.agentDead = clock.monotonic() - this.#agentKilled;
    this.#facts.agentReady = await agent.untilReady(signal);
    this.#facts.weightsKept = await agent.weights(`${podNamespace}/user-service`);
    tell(`the agent runs again, pid ${agent.pid}, ready after ${Math.round(this.#facts.agentReady)} ms`);
  }

  async #killBackend(): Promise<void> {
    const { clock, ipv6, run, servers, tell } = this.#stage;
    const pod = podNamed('user-2');
    await this.#lap('outage:change');
    const killed = clock.monotonic();
    await servers.get(pod.name)!.kill();
    tell('the server of user-2 was killed with SIGKILL');
    await this.#until(killed + probeDelay);
    await this.#lap('outage:spread');
    writePod(run, pod, ipv6, false);
    const marked = clock.monotonic();
    await this.#backendIs(pod, (item) => item.probability === 0);
    this.#facts.markedAfter = marked - killed;
    this.#facts.spreadAfter = clock.monotonic() - marked;
    tell(`its Pod is not ready since ${Math.round(this.#facts.markedAfter)} ms after`);
  }

  async #reviveBackend(): Promise<void> {
    const { clock, ipv6, run, servers, tell } = this.#stage;
    const pod = podNamed('user-2');
    await this.#lap('recovery:change');
    servers.set(pod.name, await startServer(run, pod, ipv6, clock));
    writePod(run, pod, ipv6, true);
    await this.#backendIs(pod, (item) => item.probability > 0);
    tell('the server of user-2 runs again and its Pod is ready');
  }

  async #lap(lap: Lap): Promise<void> {
    this.#stage.signal.throwIfAborted();
    await this.#stage.traffic.enter(lap);
    this.#stage.onLap(lap);
  }

  /** Resolves when the agent lists the pod's endpoints and every one of them satisfies the condition. */
  async #backendIs(pod: CastPod, condition: (item: BackendItem) => boolean): Promise<void> {
    const { agent, clock, signal } = this.#stage;
    const end = clock.monotonic() + patience;
    for (;;) {
      const items = (await agent.backends())?.filter((item) => item.backend === `${podNamespace}/${pod.name}`) ?? [];
      if (items.length > 0 && items.every(condition)) return;
      signal.throwIfAborted();
      if (clock.monotonic() > end)
        throw new Error(`the agent did not follow the Pod ${pod.name} within ${patience} ms`);
      await pause(clock, pollPace);
    }
  }

  async #until(time: number): Promise<void> {
    const { clock, signal } = this.#stage;
    await abortable((resolve) => clock.after(Math.max(0, time - clock.monotonic()), resolve), signal);
  }
}

function podNamed(name: string): CastPod {
  return backendPods.find((pod) => pod.name === name)!;
}

/** A promise that rejects with the signal's reason when it is aborted first; `begin` returns what undoes it. */
export function abortable(begin: (resolve: () => void) => () => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const abort = (): void => {
      undo();
      reject(signal.reason);
    };
    const undo = begin(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}
