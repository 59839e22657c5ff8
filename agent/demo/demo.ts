import { existsSync, mkdirSync } from 'node:fs';
import type { Clock } from '../clock.js';
import { abortable } from './abortable.js';
import { AgentProcess, weft } from './agent-process.js';
import { backendPods, type CastPod } from './cast.js';
import { ClusterFeed } from './cluster-feed.js';
import { DirectoryFeed } from './directory-feed.js';
import { noFacts } from './facts.js';
import type { Feed, FeedServer } from './feed.js';
import { abortOnSignals, Interruption } from './interruption.js';
import { demoServices } from './manifests.js';
import { Monitor } from './monitor.js';
import type { Phase } from './phases.js';
import { Obstacle, preflight } from './preflight.js';
import { leftoversOf, removeDeadRuns, removeRun } from './removal.js';
import { drawSummary } from './report.js';
import { ownName, type Run, runOf } from './run.js';
import { type Server, startServer } from './servers.js';
import { Story } from './story.js';
import { type Summary, summarize } from './summary.js';
import { buildTopology, hasIPv6 } from './topology.js';
import { Traffic } from './traffic.js';
import { type Output, openView, paintAll, type View } from './view.js';

export interface DemoOptions {
  /** How long the phases take together; null: {@link storySeconds}, and then on until it is interrupted. */
  readonly seconds: number | null;
  readonly format: 'table' | 'json';
  /** A Kubernetes API server feeds the agent, instead of a directory. */
  readonly kubernetes: boolean;
}

export interface DemoStreams {
  /** The summary, and the live view where it is a terminal. */
  readonly output: Output;
  readonly words: Output;
  readonly environment: NodeJS.ProcessEnv;
}

/** Below, a phase is too short to judge. */
export const leastSeconds = 10;
const storySeconds = 40;
const statePace = 500;

/**
 * Plays the demo and removes everything that it made, however it ends. Resolves with the exit code: 0 when everything
 * went as expected, 1 when not, 77 when not permitted, 128 + N when signal N ended it before the last phase.
 */
export async function playDemo(options: DemoOptions, streams: DemoStreams, clock: Clock): Promise<number> {
  const control = new AbortController();
  const giveSignalsBack = abortOnSignals(control);
  try {
    const cgroupRoot = preflight(options.kubernetes);
    for (const name of await removeDeadRuns(cgroupRoot, clock)) streams.words.write(`removed what ${name} had left\n`);
    const performance = new Performance(runOf(ownName(), cgroupRoot), options, streams, clock, control);
    return await performance.play(cgroupRoot);
  } catch (error) {
    streams.words.write(`weft demo: ${error instanceof Error ? error.message : error}\n`);
    return error instanceof Obstacle || error instanceof Interruption ? error.exitCode : 1;
  } finally {
    giveSignalsBack();
  }
}

/** One run from the first namespace to the summary. */
class Performance {
  readonly #run: Run;
  readonly #options: DemoOptions;
  readonly #streams: DemoStreams;
  readonly #clock: Clock;
  readonly #control: AbortController;
  readonly #monitor: Monitor;
  readonly #agent: AgentProcess;
  readonly #ipv6 = hasIPv6();
  readonly #feed: Feed;
  readonly #servers = new Map<string, Server>();
  readonly #services = demoServices();
  #traffic: Traffic | null = null;
  #story: Story | null = null;
  #view: View | null = null;

  constructor(run: Run, options: DemoOptions, streams: DemoStreams, clock: Clock, control: AbortController) {
    this.#run = run;
    this.#options = options;
    this.#streams = streams;
    this.#clock = clock;
    this.#control = control;
    this.#monitor = new Monitor(this.#services, clock, run.api, options.seconds, (pod, after) =>
      this.#story?.back(pod, after),
    );
    this.#feed = options.kubernetes
      ? new ClusterFeed(run, this.#ipv6, (error) => control.abort(error))
      : new DirectoryFeed(run, this.#ipv6);
    this.#agent = new AgentProcess(run, this.#feed.options, clock, (error) => control.abort(error));
  }

  async play(cgroupRoot: string): Promise<number> {
    const cancels: (() => void)[] = [];
    let end: unknown = null;
    try {
      this.#view = openView(this.#streams.output, this.#streams.words, this.#streams.environment);
      cancels.push(
        this.#clock.every(this.#view.pace, () => this.#view?.show(this.#monitor.scene(this.#agent, this.#feed.server))),
      );
      await this.#prepare();
      cancels.push(this.#clock.every(statePace, () => void this.#monitor.ask(this.#agent)));
      await this.#perform();
    } catch (error) {
      end = error;
    }
    for (const cancel of cancels) cancel();
    this.#view?.close();
    const troubles = await this.#remove();
    return this.#conclude(end, troubles, leftoversOf(this.#run, cgroupRoot));
  }

  async #prepare(): Promise<void> {
    const { signal } = this.#control;
    for (const folder of [this.#run.folder, this.#run.cgroup, this.#run.podCgroup, this.#run.agentCgroup]) {
      signal.throwIfAborted();
      mkdirSync(folder, { mode: 0o700 });
    }
    await buildTopology(this.#run, signal);
    this.#tell('made network namespaces as pods, joined by a bridge, without a route out; the node is one more');
    await this.#feed.open();
    this.#introduce(this.#feed.server);
    this.#startAgent();
    signal.throwIfAborted();
    await Promise.all(backendPods.map((pod) => this.#serve(pod)));
    this.#tell('user-service runs the Flask code of the example, order-service nginx, catalog two versions of its own');
    const readyAfter = await this.#agent.untilReady(signal);
    this.#tell(`the agent, pid ${this.#agent.pid}, is ready after ${Math.round(readyAfter)} ms`);
    this.#traffic = new Traffic(this.#run, this.#services, this.#ipv6, {
      onRequests: (requests) => this.#monitor.add(requests),
      onEnd: (error) => this.#control.abort(error),
    });
  }

  #introduce(server: FeedServer | null): void {
    if (server === null) return;
    this.#tell(`a Kubernetes API server, pid ${server.pid}, has the example's objects: ${server.address}`);
    this.#tell('no Pod says where it lives: the agent finds its namespace by its UID, in the cgroups of its processes');
  }

  async #serve(pod: CastPod): Promise<void> {
    this.#servers.set(pod.name, await startServer(this.#run, pod, this.#ipv6, this.#clock));
  }

  async #perform(): Promise<void> {
    const { signal } = this.#control;
    this.#story = new Story({
      run: this.#run,
      ipv6: this.#ipv6,
      clock: this.#clock,
      agent: this.#agent,
      feed: this.#feed,
      traffic: this.#traffic!,
      servers: this.#servers,
      signal,
      tell: (text) => this.#tell(text),
      startAgent: () => this.#startAgent(),
      onWell: (pod) => this.#monitor.await(pod),
      onLap: (lap) => this.#monitor.enter(lap),
      onPhase: (phase, index, of) => this.#announce(phase, index, of),
    });
    await this.#story.play(this.#options.seconds ?? storySeconds);
    if (this.#options.seconds !== null) return;
    this.#tell('all phases are over; traffic goes on until Ctrl-C');
    await abortable(() => () => {}, signal);
  }

  #startAgent(): void {
    this.#agent.start();
    this.#monitor.agentStarted();
  }

  #announce(phase: Phase, index: number, of: number): void {
    this.#tell(`— ${index + 1}/${of} ${phase.title}`);
  }

  #tell(text: string): void {
    this.#view?.tell(this.#monitor.tell(text));
  }

  /** Ends and removes everything; a step that fails does not keep the others from being done. Returns what failed. */
  async #remove(): Promise<string[]> {
    const steps = [
      async () => this.#traffic?.stop(),
      async () => this.#agent.stop(),
      async () => existsSync(this.#run.pin) && weft(['cleanup', '--pin', this.#run.pin]),
      async () => removeRun(this.#run, this.#clock),
    ];
    const troubles: string[] = [];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        troubles.push(error instanceof Error ? error.message : String(error));
      }
    }
    return troubles;
  }

  #conclude(end: unknown, troubles: readonly string[], leftovers: readonly string[]): number {
    const { output, words, environment } = this.#streams;
    const summary = summarize(this.#monitor.tally, { ...(this.#story?.facts ?? noFacts(this.#feed.name)), leftovers });
    if (output.isTTY === true)
      for (const { at, text } of this.#monitor.events) words.write(`${at.toFixed(1).padStart(6)} s  ${text}\n`);
    for (const trouble of troubles) words.write(`weft demo: while removing: ${trouble}\n`);
    if (end !== null) words.write(`weft demo: ${end instanceof Error ? end.message : end}\n`);
    const silent = summary.requests === 0 && summary.met;
    if (this.#options.format === 'json') output.write(`${JSON.stringify(summary, null, 2)}\n`);
    else if (!silent) output.write(paintAll(drawSummary(summary), output, environment));
    return exitCode(summary, end, troubles);
  }
}

function exitCode(summary: Summary, end: unknown, troubles: readonly string[]): number {
  const fine = summary.met && troubles.length === 0;
  if (end instanceof Interruption && summary.seconds === null) return end.exitCode;
  if (end !== null && !(end instanceof Interruption)) return 1;
  return fine ? 0 : 1;
}
