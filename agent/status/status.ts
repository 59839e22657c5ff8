import type { Clock } from '../clock.js';
import { type ApiClient, ApiError } from '../kubernetes/api.js';
import type { Log } from '../log.js';
import type { Problem } from '../model/problem.js';
import { EventWriter } from './events.js';
import { type Election, startElection } from './lease.js';
import { Pace } from './pace.js';
import { Resources } from './resources.js';
import { type Progress, StatusWriter } from './status-writer.js';
import type { Term } from './term.js';
import { Troubles } from './troubles.js';
import { type Statuses, wantedStatuses } from './wanted.js';

/**
 * Status back to the API server, by one of all agents: conditions of GatewayClasses, Gateways and routes of this controller, Events for rejected VirtualServices
 * and DestinationRules. What it says of ports is what the writer's node has met. The rules it needs, and no more:
 *
 * | apiGroup                  | resources                                                                               | verbs               |
 * |---------------------------|-----------------------------------------------------------------------------------------|---------------------|
 * | coordination.k8s.io       | leases (a Role in the agent's namespace)                                                | get, create, update |
 * | gateway.networking.k8s.io | gatewayclasses, gateways, httproutes, grpcroutes                                        | get, list           |
 * | gateway.networking.k8s.io | gatewayclasses/status, gateways/status, httproutes/status, grpcroutes/status             | update              |
 * | networking.istio.io       | virtualservices, destinationrules                                                       | get                 |
 * | events.k8s.io             | events                                                                                  | create, patch       |
 */
export interface StatusOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly log: Log;
  readonly node: string;
  /** Of the Lease: the agent's own. */
  readonly namespace: string;
  /** As of now; undefined while what it is made of has not been read once: nothing is written then. */
  readonly statuses: () => Statuses | undefined;
  readonly problems: () => readonly Problem[];
  /** How many agents there are, this one among them. */
  readonly agents: () => number;
  /** Why status cannot be written; empty: it can, or another agent writes it. */
  readonly onTrouble: (why: string) => void;
}

export interface StatusReporter {
  /** The mesh has changed: look soon. */
  touch(): void;
  /** Whether this agent writes. */
  readonly isWriter: boolean;
  /** Gives the Lease away. Never rejects. */
  stop(): Promise<void>;
}

/** Of status and Events together. */
const writesPerSecond = 5;
/** From a change to the look at it. */
const soonMs = 1_000;
/** Between comparisons with all that the server has. */
const compareMs = 300_000;
/** Until an object that somebody else kept writing is tried again. */
const contendedMs = 10_000;
const firstRetryMs = 2_000;
const lastRetryMs = 60_000;
/** A look takes at most one part in so many of the time. */
const restFactor = 20;

export function startStatus(options: StatusOptions): StatusReporter {
  return new Reporter(options);
}

class Reporter implements StatusReporter {
  readonly #options: StatusOptions;
  readonly #troubles: Troubles;
  readonly #pace: Pace;
  readonly #resources: Resources;
  readonly #election: Election;
  #turn: WriterTurn | undefined;

  constructor(options: StatusOptions) {
    const { agents, client, clock, log, node, namespace, random } = options;
    this.#options = options;
    this.#troubles = new Troubles(log, options.onTrouble);
    this.#pace = new Pace(clock, writesPerSecond);
    this.#resources = new Resources(client);
    this.#election = startElection({
      ...{ agents, client, clock, log, node, namespace, random },
      troubles: this.#troubles,
      begin: (term) => this.#begin(term),
      settled: async () => this.#turn?.rest(),
    });
  }

  get isWriter(): boolean {
    return this.#election.isHolder;
  }

  touch(): void {
    this.#turn?.lookIn(soonMs);
  }

  stop(): Promise<void> {
    return this.#election.stop();
  }

  #begin(term: Term): void {
    const parts = { resources: this.#resources, pace: this.#pace, troubles: this.#troubles };
    const turn = new WriterTurn(this.#options, parts, term);
    this.#turn = turn;
    term.signal.addEventListener('abort', () => turn.end(), { once: true });
    turn.lookIn(0);
  }
}

interface WriterParts {
  readonly resources: Resources;
  readonly pace: Pace;
  readonly troubles: Troubles;
}

/** What this agent does in one term: one look after the other. */
class WriterTurn {
  readonly #options: StatusOptions;
  readonly #troubles: Troubles;
  readonly #term: Term;
  readonly #statusWriter: StatusWriter;
  readonly #eventWriter: EventWriter;
  #looking: Promise<void> | undefined;
  #next: { readonly at: number; readonly cancel: () => void } | undefined;
  #compareAt = 0;
  #failures = 0;
  /** No look before, by the monotonic clock: after one that failed, or that took long to work out. */
  #notBefore = 0;
  #ended = false;

  constructor(options: StatusOptions, parts: WriterParts, term: Term) {
    const { clock, log, node } = options;
    this.#options = options;
    this.#troubles = parts.troubles;
    this.#term = term;
    this.#statusWriter = new StatusWriter({ ...parts, clock, log }, term);
    this.#eventWriter = new EventWriter({ ...parts, clock, node }, term);
  }

  /** Looks within `ms`, once what is under way is done. */
  lookIn(ms: number): void {
    if (this.#ended) return;
    const { clock } = this.#options;
    const now = clock.monotonic();
    const at = Math.max(now + ms, this.#notBefore);
    if (this.#next !== undefined && this.#next.at <= at) return;
    this.#next?.cancel();
    const cancel = clock.after(at - now, () => {
      this.#next = undefined;
      this.#looking = (this.#looking ?? Promise.resolve()).then(() => this.#look());
    });
    this.#next = { at, cancel };
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#next?.cancel();
    this.#troubles.clearOthers('leases');
  }

  /** Resolves once nothing is under way. */
  async rest(): Promise<void> {
    await this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#ended || this.#term.isOver) return;
    try {
      const progress = await this.#bringStatus();
      await this.#eventWriter.tell(this.#options.problems());
      this.#failures = 0;
      this.#troubles.clear('api');
      const rest = { done: this.#compareAt - this.#options.clock.monotonic(), more: 0, contended: contendedMs };
      this.lookIn(Math.max(soonMs, rest[progress]));
    } catch (error) {
      if (this.#ended || this.#term.isOver) return;
      this.#failed(error);
    }
  }

  /** `more`: also while nothing is known yet. */
  async #bringStatus(): Promise<Progress> {
    const { clock, random, statuses } = this.#options;
    const began = clock.monotonic();
    const known = statuses();
    if (known === undefined) return 'more';
    const wanted = wantedStatuses(known);
    const now = clock.monotonic();
    this.#notBefore = now + restFactor * (now - began);
    if (clock.monotonic() >= this.#compareAt) {
      await this.#statusWriter.compare(wanted);
      this.#compareAt = clock.monotonic() + compareMs * (1 + 0.1 * random());
    }
    return this.#statusWriter.write(wanted);
  }

  #failed(error: unknown): void {
    const { clock, log, random } = this.#options;
    const backOff = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#failures) * (1 + random());
    this.#failures++;
    if (!(error instanceof ApiError)) log.error({ err: error }, 'status could not be worked out');
    const asked = error instanceof ApiError ? Math.min(lastRetryMs, error.retryAfterMs ?? 0) : 0;
    this.#troubles.set('api', (error as Error).message);
    this.#notBefore = clock.monotonic() + Math.max(backOff, asked);
    this.#next?.cancel();
    this.#next = undefined;
    this.lookIn(0);
  }
}
