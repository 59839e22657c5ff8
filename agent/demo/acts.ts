import type { BackendItem } from '../api/items.js';
import { pause } from '../clock.js';
import { until } from './abortable.js';
import { weft, workers } from './agent-process.js';
import { type CastPod, podNamed, podNamespace } from './cast.js';
import { noFacts, type ServerFacts, type StoryFacts } from './facts.js';
import { failing, slow, well } from './mood.js';
import type { Lap, PhaseName } from './phases.js';
import { ServerActs } from './server-acts.js';
import { startServer } from './servers.js';
import type { Stage } from './stage.js';
import { seconds } from './verdict.js';

/** How long a backend is dead before its Pod says so, in ms: as long as a quick readiness probe may take. */
const probeDelay = 50;
/** What the gateway has to notice that a backend is slow or fails, in ms. */
const noticeDelay = 300;
/** What a change that the kernel has may take to the last gateway worker, in ms. */
const spreadDelay = 100;
/** Until a change counts as lost, in ms. */
const patience = 5000;
const pollPace = 5;

/** What is done at the beginning of each phase, and what was measured of it. */
export class Acts {
  readonly facts: StoryFacts;
  readonly #stage: Stage;
  readonly #lap: (lap: Lap) => Promise<void>;
  /** Null where a directory feeds the agent. */
  readonly #server: ServerActs | null;
  #agentKilled = 0;

  /** `lap` resolves when every request from now on belongs to it. */
  constructor(stage: Stage, lap: (lap: Lap) => Promise<void>) {
    this.facts = noFacts(stage.feed.name);
    this.#stage = stage;
    this.#lap = lap;
    const { server } = stage.feed;
    this.#server = server === null ? null : new ServerActs(stage, server, (facts) => this.#noteServer(facts));
  }

  /** A backend of catalog has its part of the requests again, so many ms after it was well. */
  back(pod: string, after: number): void {
    if (pod === 'catalog-1') this.facts.slowBack = after;
    else this.facts.failingBack = after;
    this.#stage.tell(`${pod} has its part again,${seconds(after)} after it was well`);
  }

  #noteServer(facts: Partial<ServerFacts>): void {
    this.facts.server = { ...this.facts.server!, ...facts };
  }

  /** Changes what the phase is about. Resolves when the change is effective. */
  async enter(phase: PhaseName): Promise<void> {
    await this.#entrances[phase]();
  }

  readonly #entrances: Record<PhaseName, () => Promise<void>> = {
    steady: async () => {
      this.#stage.tell('a pod and somebody outside send requests');
      this.#server?.awaitWord();
    },
    slow: () => this.#slowDown(),
    failing: () => this.#fail(),
    weight: async () => {
      await this.#server?.leave();
      await this.#healAndWeigh();
    },
    drain: async () => {
      await this.#server?.comeBack();
      await this.#command('drain:change', 'drain', 'default/order-1');
    },
    undrain: () => this.#command('undrain:change', 'undrain', 'default/order-1'),
    agentless: () => this.#killAgent(),
    restart: () => this.#restartAgent(),
    worker: () => this.#killWorker(),
    outage: () => this.#killBackend(),
    recovery: () => this.#reviveBackend(),
  };

  async #slowDown(): Promise<void> {
    const { servers, tell } = this.#stage;
    await this.#lap('slow:change');
    servers.get('catalog-1')!.feel(slow);
    tell(`catalog-1 takes ${slow.delay} ms for an answer; nobody tells the agent`);
    await this.#wait(noticeDelay);
  }

  async #fail(): Promise<void> {
    const { onWell, servers, tell } = this.#stage;
    await this.#lap('failing:change');
    servers.get('catalog-1')!.feel(well);
    onWell('catalog-1');
    servers.get('catalog-2')!.feel(failing);
    tell('catalog-1 is quick again; catalog-2 answers every request with 500');
    await this.#wait(noticeDelay);
  }

  async #healAndWeigh(): Promise<void> {
    const { onWell, servers, tell } = this.#stage;
    await this.#lap('weight:change');
    servers.get('catalog-2')!.feel(well);
    onWell('catalog-2');
    tell('catalog-2 is well again');
    await this.#command('weight:change', 'weight', 'default/user-service', 'default/user-1=3', 'default/user-2=1');
  }

  /** Runs the real CLI, between two phases. */
  async #command(lap: Lap, ...args: string[]): Promise<void> {
    const { run, tell } = this.#stage;
    await this.#lap(lap);
    await weft([...args, '--api', run.api]);
    tell(`$ weft ${args.join(' ')}`);
    await this.#wait(spreadDelay);
  }

  /** Nothing is to change, so every request from before the kill on counts. */
  async #killAgent(): Promise<void> {
    const { agent, clock, tell } = this.#stage;
    await this.#lap('agentless');
    const { pid } = agent;
    await agent.kill();
    this.#agentKilled = clock.monotonic();
    tell(`the agent, pid ${pid}, was killed with SIGKILL; its gateway workers serve on`);
  }

  async #restartAgent(): Promise<void> {
    const { agent, clock, signal, startAgent, tell } = this.#stage;
    await this.#lap('restart');
    startAgent();
    this.facts.agentDead = clock.monotonic() - this.#agentKilled;
    this.facts.agentReady = await agent.untilReady(signal);
    this.facts.weightsKept = await agent.weights(`${podNamespace}/user-service`);
    tell(`the agent runs again, pid ${agent.pid}, ready after ${Math.round(this.facts.agentReady)} ms`);
    await this.#workersRun();
  }

  /** Only what the worker had in hand may be lost: nothing that begins after its end. */
  async #killWorker(): Promise<void> {
    const { agent, clock, tell } = this.#stage;
    const [pid] = agent.workers();
    if (pid === undefined) throw new Error('the agent has no gateway worker');
    await this.#lap('worker:change');
    process.kill(pid, 'SIGKILL');
    const killed = clock.monotonic();
    while (agent.workers().includes(pid)) await this.#wait(pollPace);
    tell(`a gateway worker, pid ${pid}, was killed with SIGKILL`);
    await this.#lap('worker');
    await this.#workersRun();
    this.facts.workerReplaced = clock.monotonic() - killed;
    tell(`another one runs in its place after ${Math.round(this.facts.workerReplaced)} ms`);
  }

  async #workersRun(): Promise<void> {
    const { agent, clock } = this.#stage;
    const end = clock.monotonic() + patience;
    while (agent.workers().length < workers) {
      if (clock.monotonic() > end) throw new Error(`the agent has not ${workers} gateway workers after ${patience} ms`);
      await this.#wait(pollPace);
    }
  }

  async #killBackend(): Promise<void> {
    const { clock, feed, servers, signal, tell } = this.#stage;
    const pod = podNamed('user-2');
    await this.#lap('outage:change');
    const killed = clock.monotonic();
    await servers.get(pod.name)!.kill();
    tell('the server of user-2 was killed with SIGKILL');
    await until(killed + probeDelay, clock, signal);
    await feed.mark(pod, false);
    const marked = clock.monotonic();
    await this.#lap('outage:spread');
    await this.#backendIs(pod, (item) => item.probability === 0);
    this.facts.markedAfter = marked - killed;
    this.facts.spreadAfter = clock.monotonic() - marked;
    tell(`its Pod is not ready since ${Math.round(this.facts.markedAfter)} ms after`);
    await this.#wait(spreadDelay);
  }

  async #reviveBackend(): Promise<void> {
    const { clock, feed, ipv6, run, servers, tell } = this.#stage;
    const pod = podNamed('user-2');
    await this.#lap('recovery:change');
    servers.set(pod.name, await startServer(run, pod, ipv6, clock));
    await feed.mark(pod, true);
    await this.#backendIs(pod, (item) => item.probability > 0);
    tell('the server of user-2 runs again and its Pod is ready');
    await this.#wait(spreadDelay);
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

  /** `ms` from now. */
  #wait(ms: number): Promise<void> {
    const { clock, signal } = this.#stage;
    return until(clock.monotonic() + ms, clock, signal);
  }
}
