import type { Clock } from '../clock.js';
import { type ApiClient, ApiError } from '../kubernetes/api.js';
import type { Log } from '../log.js';
import { type ApiMetadata, microTimeText } from './api-object.js';
import { OpenTerm, type Term } from './term.js';
import { missingRule, type Troubles } from './troubles.js';

/**
 * Who of all agents writes status, by a Lease of coordination.k8s.io/v1, as client-go's leaderelection does it. Times in a Lease are
 * never compared with this machine's: a candidate takes a Lease that it has not seen change for `leaseMs` of its own clock, and a holder is none any more
 * `renewDeadlineMs` after it sent what last renewed it. So two hold it at once only where clocks run at rates that differ by more than half.
 * Nothing else depends on who holds it: with the API server away nobody does.
 */
export const leaseName = 'weft-status';
export const leaseMs: number = 15_000;
export const renewDeadlineMs: number = 10_000;
export const retryPeriodMs: number = 2_000;
/** Of waits of candidates: a wait is up to this much longer, so that they do not come at once. */
const jitter = 1.2;
/** From so many candidates on they wait longer, up to so many times: the first of them is soon enough. */
const manyCandidates = 100;
const longestWait = 15;
/** Of one call; less than what lies between a holder's end and the next one's begin. */
const callMs = 4_500;
const releaseMs = 2_000;
/** Until a candidate that may not, or has no namespace to do it in, asks again. */
const refusedMs = 30_000;
/** After a failure or a conflict the server's cache is not trusted for so long: time to see a Lease expire without it. */
const exactMs: number = 4 * leaseMs;
const resource = 'leases';

export interface ElectionOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly log: Log;
  readonly node: string;
  /** Where the Lease is. */
  readonly namespace: string;
  readonly troubles: Troubles;
  /** How many may be candidates now. */
  readonly agents: () => number;
  /** This agent holds the Lease from now on. */
  readonly begin: (term: Term) => void;
  /** Resolves once nothing of an ended term is under way: only then is the Lease given away. */
  readonly settled: () => Promise<void>;
}

export interface Election {
  /** `NODE_` and ten random characters. */
  readonly identity: string;
  readonly isHolder: boolean;
  /** Ends the term, and gives the Lease away if it is held: a candidate takes it at its next look. Never rejects. */
  stop(): Promise<void>;
}

/** coordination.k8s.io/v1 LeaseSpec; fields of coordinated elections are kept as they are. */
interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ApiMetadata;
  readonly spec?: LeaseSpec;
}

export function startElection(options: ElectionOptions): Election {
  const election = new LeaseElection(options);
  election.start();
  return election;
}

class LeaseElection implements Election {
  readonly identity: string;
  readonly #options: ElectionOptions;
  readonly #path: string;
  readonly #stopping = new AbortController();
  /** As last read or written. */
  #lease: Lease | undefined;
  /** What the Lease said when it was last seen to change, and when that was by the monotonic clock. */
  #observed = '';
  #observedAt = 0;
  /** Until then, by the monotonic clock, reads must not come from the server's cache, nor be left out. */
  #exactUntil = 0;
  #term: OpenTerm | undefined;
  #attempting: Promise<void> = Promise.resolve();
  #cancelNext: () => void = () => {};

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
    const suffix = Array.from({ length: 10 }, () => Math.floor(options.random() * 36).toString(36)).join('');
    this.identity = `${options.node}_${suffix}`;
  }

  get isHolder(): boolean {
    return this.#term !== undefined && !this.#term.isOver;
  }

  start(): void {
    this.#attempting = this.#attempt();
  }

  async stop(): Promise<void> {
    const held = this.isHolder;
    this.#cancelNext();
    this.#stopping.abort();
    this.#end();
    await this.#attempting;
    await this.#options.settled();
    if (held) await this.#release();
  }

  /** One try, and the appointment for the next; never rejects. */
  async #attempt(): Promise<void> {
    const { clock, random, troubles } = this.#options;
    let waitMs: number | undefined;
    try {
      await this.#acquireOrRenew();
      troubles.clear(resource);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      waitMs = this.#failed(error as ApiError);
    }
    if (this.#stopping.signal.aborted) return;
    const usual = this.isHolder ? retryPeriodMs : retryPeriodMs * this.#crowd * (1 + jitter * random());
    this.#cancelNext = clock.after(waitMs ?? usual, () => {
      this.#attempting = this.#attempt();
    });
  }

  /** How many times longer a candidate waits than one of few. */
  get #crowd(): number {
    return Math.min(longestWait, Math.max(1, this.#options.agents() / manyCandidates));
  }

  /** How long to wait, in ms; undefined: as ever. */
  #failed(error: ApiError): number | undefined {
    const { namespace, random, troubles } = this.#options;
    this.#doubt();
    if (error.status === 409) {
      this.#end();
      return undefined;
    }
    const verbs = ['get', 'create', 'update'];
    const rule = error.status === 403 ? `; ${missingRule('coordination.k8s.io', 'leases', verbs)} in ${namespace}` : '';
    troubles.set(resource, `Lease ${namespace}/${leaseName}: ${error.message}${rule}`);
    if (this.isHolder) return undefined;
    if (error.status === 403 || error.status === 404) return refusedMs * (1 + jitter * random());
    return error.retryAfterMs === undefined ? undefined : Math.min(refusedMs, error.retryAfterMs) * (1 + random());
  }

  get #isInDoubt(): boolean {
    return this.#options.clock.monotonic() < this.#exactUntil;
  }

  #doubt(): void {
    this.#exactUntil = this.#options.clock.monotonic() + exactMs;
  }

  async #acquireOrRenew(): Promise<void> {
    if (this.isHolder && !this.#isInDoubt && (await this.#renewAsKnown())) return;
    const lease = await this.#read();
    if (lease === undefined) {
      await this.#write('POST', undefined);
      return;
    }
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder !== this.identity) {
      this.#end();
      const now = this.#options.clock.monotonic();
      if (holder !== '' && now < this.#observedAt + leaseMs) return;
    }
    await this.#write('PUT', lease);
  }

  /** The usual way of a holder: nobody else has written it since. */
  async #renewAsKnown(): Promise<boolean> {
    try {
      await this.#write('PUT', this.#lease);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 409 && error.status !== 404)) throw error;
      this.#doubt();
      return false;
    }
  }

  /**
   * Undefined: there is none. Read from the server's cache (`resourceVersion=0`), which costs etcd nothing however many agents look: if it is
   * old, the write fails by its resourceVersion, and the next reads are exact.
   */
  async #read(): Promise<Lease | undefined> {
    const { client, clock } = this.#options;
    const query = this.#isInDoubt ? {} : { query: { resourceVersion: '0' } };
    try {
      const path = `${this.#path}/${leaseName}`;
      const request = { method: 'GET', path, ...query, timeoutMs: callMs, signal: this.#stopping.signal } as const;
      const lease = (await client.call(request)) as Lease;
      this.#lease = lease;
      const said = JSON.stringify(lease.spec ?? {});
      if (said !== this.#observed) {
        this.#observed = said;
        this.#observedAt = clock.monotonic();
      }
      return lease;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Makes this agent the holder, or keeps it that. */
  async #write(method: 'POST' | 'PUT', known: Lease | undefined): Promise<void> {
    const { client, clock, namespace } = this.#options;
    const sentAt = clock.monotonic();
    const now = microTimeText(clock.now());
    const isRenewal = known?.spec?.holderIdentity === this.identity;
    const transitions = known?.spec?.leaseTransitions ?? 0;
    const body: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: known?.metadata ?? { name: leaseName, namespace },
      spec: {
        ...known?.spec,
        holderIdentity: this.identity,
        leaseDurationSeconds: leaseMs / 1000,
        acquireTime: (isRenewal ? known.spec?.acquireTime : undefined) ?? now,
        renewTime: now,
        leaseTransitions: known === undefined || isRenewal ? transitions : transitions + 1,
      },
    };
    const path = method === 'POST' ? this.#path : `${this.#path}/${leaseName}`;
    this.#lease = (await client.call({
      method,
      path,
      body,
      timeoutMs: callMs,
      signal: this.#stopping.signal,
    })) as Lease;
    this.#observed = JSON.stringify(this.#lease.spec ?? {});
    this.#observedAt = clock.monotonic();
    if (!this.#stopping.signal.aborted) this.#hold(sentAt + renewDeadlineMs);
  }

  /** `until`: by the monotonic clock. */
  #hold(until: number): void {
    const { begin, clock, log } = this.#options;
    if (clock.monotonic() >= until) return;
    if (this.isHolder) {
      this.#term?.extend(until);
      return;
    }
    this.#end();
    this.#term = new OpenTerm(clock, until, () => this.#end());
    log.info({ identity: this.identity }, 'this agent writes status');
    begin(this.#term);
  }

  #end(): void {
    if (this.#term === undefined) return;
    const term = this.#term;
    this.#term = undefined;
    term.end();
    this.#options.log.info({ identity: this.identity }, 'this agent writes status no longer');
  }

  async #release(): Promise<void> {
    const { client, clock, log } = this.#options;
    const path = `${this.#path}/${leaseName}`;
    try {
      const lease = (await client.call({ method: 'GET', path, timeoutMs: releaseMs })) as Lease;
      if (lease.spec?.holderIdentity !== this.identity) return;
      const now = microTimeText(clock.now());
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
      await client.call({ method: 'PUT', path, body: { ...lease, spec }, timeoutMs: releaseMs });
    } catch (error) {
      log.info({ why: (error as Error).message }, 'the Lease is not given away: it will expire');
    }
  }
}
