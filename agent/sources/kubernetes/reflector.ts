import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../clock.js';
import { ApiError } from '../../kubernetes/api.js';
import type { Change } from '../../model/mesh.js';
import { Absence, type Verdict } from './absence.js';
import { Backoff } from './backoff.js';
import { Collection, idle } from './collection.js';
import { Comparison } from './comparison.js';
import { Holdings, type Listing } from './holdings.js';
import { versionOf } from './reading.js';
import { isCustom, type Resource } from './resource.js';
import type { Server } from './server.js';
import type { Restart, Tally } from './tally.js';
import { type Trouble, troubleOf } from './trouble.js';
import { endsInitialEvents, isFromFuture, isMalformed, malformed, readEvent, refuseOlder } from './watching.js';

export interface ReflectorOptions {
  readonly resource: Resource;
  readonly server: Server;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly tally: Tally;
  /** ms between comparisons of what is kept with a list. */
  readonly comparisonPeriod: () => number;
  readonly onChanges: (changes: readonly Change[]) => void;
  /** Told when `isListed`, `trouble` or what is kept may be another. */
  readonly onState: () => void;
  /** Told when the server answers again that could not be reached. */
  readonly onReached: () => void;
}

/** Seconds that a watch is asked for: of one with little to tell fewer than `idle`, so that the server ends it and the connection stays. */
const quietSeconds = 24;
const busySeconds = { from: 240, to: 300 };
/** ms. A watch that ends sooner with nothing to tell is no success. */
const short = 1_000;
/** So many watches in a row that brought nothing are told of: one alone is nothing, for the next goes on where it was. */
const mostBroken = 3;
/** ms between looks whether a missing CRD is there now. */
const missing = 30_000;
/** ms. A version that is too old so soon after the last one that was leads to a wait. */
const recently = 30_000;
/** ms within which all resources are asked for once one was: not all at once. */
const hurryMs = 1_000;
/** ms of parsing at a stretch. */
const stretch = 10;

/** Keeps what one resource of the API server has: a list, then a watch from its version on, for ever. */
export class Reflector {
  readonly holdings: Holdings;
  readonly #options: ReflectorOptions;
  readonly #backoff: Backoff;
  readonly #comparison: Comparison;
  readonly #collection: Collection;
  readonly #absence: Absence;
  /** To watch from; undefined when a list is needed. */
  #version: string | undefined;
  #isListed = false;
  #trouble: Trouble | undefined;
  #troubles = 0;
  #verb: 'list' | 'watch' = 'list';
  /** Since when there is a stream, and when its last line came; monotonic ms. */
  #opened: number | undefined;
  #heard = 0;
  #isQuiet = true;
  /** Whether the server may be one that does not know the version yet, or not any more: then a silent watch proves nothing. */
  #isDoubtful = false;
  /** Whether the server was set back to an earlier state, so that its versions come again. */
  #wasSetBack = false;
  #expiredAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  /** Whether the server could not be reached when it was last asked. */
  #isCutOff = false;
  /** Watches in a row that broke, or were ended at once, before anything came. */
  #broken = 0;
  #round = new AbortController();
  #hasDrifted = false;
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(options: ReflectorOptions) {
    const { clock, comparisonPeriod, random, resource, server } = options;
    this.#options = options;
    this.holdings = new Holdings(resource, server.client.server);
    this.#backoff = new Backoff(random);
    this.#collection = new Collection(resource, server);
    this.#absence = new Absence(resource, server);
    this.#comparison = new Comparison({
      clock,
      random,
      holdings: this.holdings,
      period: comparisonPeriod,
      pages: (signal) => this.#collection.brief(this.#version ?? '', signal),
      isCurrent: () => this.#version !== undefined && this.#trouble === undefined,
      onDrift: (isSetBack) => this.#drift(isSetBack),
    });
  }

  get resource(): Resource {
    return this.#options.resource;
  }

  /** Whether it was listed once; also when it is known not to be served, or is one that may be forbidden and is. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /** Grows whenever `trouble` or the problems of what is kept may be others. */
  get revision(): number {
    return this.#troubles + this.holdings.revision;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  start(): void {
    this.#comparison.start();
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#comparison.stop();
    this.#round.abort();
    this.#wake();
  }

  /** The server was reached for another resource: it is asked within a second if this one waits because it was not. */
  hurry(): void {
    if (!this.#isCutOff) return;
    const { clock, random } = this.#options;
    const wake = this.#wake;
    clock.after(hurryMs * random(), wake);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#round = new AbortController();
      this.#opened = undefined;
      let wait: number;
      try {
        wait = this.#hasDrifted ? this.#relists() : await this.#listAndWatch();
      } catch (error) {
        if (this.#isStopped) return;
        wait = await this.#recover(error);
      }
      if (wait > 0 && !this.#isStopped) await this.#wait(wait);
    }
  }

  /** One list, if one is needed, and one watch. Returns ms to wait before the next. */
  async #listAndWatch(): Promise<number> {
    if (this.#version === undefined) {
      this.#verb = 'list';
      await this.#lookForGroup();
      if (await this.#options.server.streamsLists()) {
        this.#verb = 'watch';
        return this.#streamList();
      }
      await this.#listPages();
    }
    this.#verb = 'watch';
    return this.#watch();
  }

  /** Rejects with 404 when the whole group of a missing resource is missing still: one question for all of them, not one for each version of each. */
  async #lookForGroup(): Promise<void> {
    const { clock, resource, server } = this.#options;
    if (!this.#absence.isBelieved || (await server.hasGroup(resource.group, clock.monotonic()))) return;
    throw new ApiError(`no version of ${resource.group} is served`, 404);
  }

  async #listPages(): Promise<void> {
    const pace = this.#pace();
    const { listing, version } = await this.#collection.firstServed(async () => {
      const listing = this.holdings.list(this.#wasSetBack);
      let version = '';
      for await (const page of this.#collection.pages(this.#round.signal)) {
        for (const item of page.items) {
          listing.put(item, this.#collection.served);
          await pace();
        }
        version = page.version;
      }
      return { listing, version };
    });
    this.#take(listing, version);
  }

  #take(listing: Listing, version: string): void {
    if (version === '') throw malformed('the list has no version');
    const before = this.holdings.size;
    const changes = listing.finish();
    // An empty list of a confused server looks like a deletion, and no watch takes it back.
    if (before >= 3 && changes.filter(({ type }) => type === 'remove').length * 2 > before) this.#comparison.hurry();
    this.#version = version;
    this.#wasSetBack = false;
    this.#broken = 0;
    this.#absence.end();
    this.#works();
    if (changes.length > 0) this.#options.onChanges(changes);
    this.#listed();
  }

  #listed(): void {
    this.#isListed = true;
    this.#options.onState();
  }

  #works(): void {
    this.#backoff.worked(this.#options.clock.monotonic());
    this.#failures = 0;
    if (this.#isCutOff) {
      this.#isCutOff = false;
      this.#options.onReached();
    }
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#troubles++;
    this.#options.onState();
  }

  /** A watch that begins with what there is (KEP-3157): a list and the watch behind it in one. */
  async #streamList(): Promise<number> {
    const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', resourceVersion: '' };
    const seconds = this.#seconds(true);
    try {
      const { signal } = this.#round;
      const lines = await this.#collection.firstServed(() => this.#collection.watch(query, seconds, signal));
      return await this.#follow(lines, seconds, this.holdings.list(this.#wasSetBack));
    } catch (error) {
      const isRefused = error instanceof ApiError && [400, 406, 415, 422].includes(error.status);
      if (!isRefused && !this.#fellSilent()) throw error;
      if (this.#version !== undefined || this.#isStopped) throw error;
      this.#options.server.refuseStreams();
      this.#options.tally.restart(isRefused ? 'refused' : 'idle');
      return 0;
    }
  }

  async #watch(): Promise<number> {
    const seconds = this.#seconds(false);
    const from = { resourceVersion: this.#version ?? '' };
    const lines = await this.#collection.watch(from, seconds, this.#round.signal);
    if (this.#broken < mostBroken) this.#works();
    return this.#follow(lines, seconds, undefined);
  }

  /** Different for each watch, so that not all end at once. */
  #seconds(isList: boolean): number {
    if (this.#isQuiet && !isList) return quietSeconds;
    return Math.round(busySeconds.from + (busySeconds.to - busySeconds.from) * this.#options.random());
  }

  /** Takes the events of a watch of `seconds` until it ends. `pending`: the list that its first events are. */
  async #follow(lines: AsyncIterable<Buffer>, seconds: number, pending: Listing | undefined): Promise<number> {
    const { clock } = this.#options;
    const pace = this.#pace();
    const opened = clock.monotonic();
    this.#opened = opened;
    this.#heard = opened;
    let listing = pending;
    let told = 0;
    let began = this.#version;
    try {
      for await (const line of lines) {
        this.#heard = clock.monotonic();
        const event = readEvent(line);
        this.#options.tally.event(event.type.toLowerCase());
        if (this.#broken > 0 && listing === undefined) this.#lasts();
        if (event.type !== 'BOOKMARK') told++;
        if (listing === undefined) this.#apply(event.type, event.object);
        else if (endsInitialEvents(event)) {
          this.#take(listing, versionOf(event.object));
          listing = undefined;
          told = 0;
          began = this.#version;
        } else if (event.type === 'DELETED') listing.drop(event.object);
        else if (event.type !== 'BOOKMARK') listing.put(event.object, this.#collection.served);
        this.#isDoubtful &&= listing !== undefined;
        await pace();
      }
    } finally {
      this.#isQuiet = told === 0;
    }
    if (listing !== undefined) throw new ApiError('the server ended a list before it was complete');
    // Events that lead nowhere are no news: somebody repeats an answer.
    return this.#ended(clock.monotonic() - opened, seconds, told > 0 && this.#version !== began);
  }

  #apply(type: string, object: Parameters<typeof versionOf>[0]): void {
    const version = versionOf(object);
    let changes: readonly Change[] = [];
    if (type === 'ADDED' || type === 'MODIFIED') changes = this.holdings.put(object, this.#collection.served);
    else if (type === 'DELETED') changes = this.holdings.drop(object);
    else if (type !== 'BOOKMARK') return;
    if (type === 'BOOKMARK') refuseOlder(version, this.#version ?? '');
    if (version !== '') this.#version = version;
    if (changes.length > 0) this.#options.onChanges(changes);
    if (type !== 'BOOKMARK') this.#options.onState();
  }

  /** After a watch that lasted `lived` ms and was ended by the server. */
  async #ended(lived: number, seconds: number, wasBusy: boolean): Promise<number> {
    this.#options.tally.restart('ended');
    if (!wasBusy) await this.#prove();
    this.#isDoubtful ||= lived < seconds * 800;
    if (wasBusy || lived >= short) {
      this.#lasts();
      return 0;
    }
    if (++this.#broken >= mostBroken) {
      this.#worries({ code: 'WEFT0606', isGeneral: false, text: 'the API server ends every watch at once' });
    }
    return this.#backoff.failed(this.#options.clock.monotonic());
  }

  /** A watch brought something, or was open for a while. */
  #lasts(): void {
    this.#broken = 0;
    this.#works();
  }

  /** Asks whether the server knows the version that a silent watch went on from. Rejects when it does not (504). */
  async #prove(): Promise<void> {
    if (!this.#isDoubtful || this.#version === undefined) return;
    await this.#collection.knows(this.#version, this.#round.signal);
    this.#isDoubtful = false;
  }

  /** Whether the stream that there was broke because nothing came any more. */
  #fellSilent(): boolean {
    return this.#opened !== undefined && this.#options.clock.monotonic() - this.#heard >= idle - 100;
  }

  /** What comes of a list or watch that failed. Returns ms to wait. */
  async #recover(error: unknown): Promise<number> {
    if (this.#hasDrifted) return this.#relists();
    const failure = error instanceof ApiError ? error : new ApiError(String(error), 500);
    const isSetBack = isFromFuture(failure);
    this.#wasSetBack ||= isSetBack;
    if (failure.status === 410 || isSetBack) return this.#expires();
    if (failure.status === 404 && isCustom(this.resource)) return this.#misses();
    if (failure.status === 403 && this.resource.isSpare) return this.#spares();
    if (failure.status === 0 && !isMalformed(failure) && this.#opened !== undefined) return this.#breaks(failure);
    return this.#fails(failure);
  }

  #relists(): 0 {
    this.#hasDrifted = false;
    this.#version = undefined;
    return this.#restarts('drift');
  }

  #restarts(reason: Restart): 0 {
    this.#options.tally.restart(reason);
    return 0;
  }

  /** The version is of no use any more: a list is. At once, unless that was so a moment ago. */
  #expires(): number {
    const now = this.#options.clock.monotonic();
    const isFirst = now - this.#expiredAt > recently;
    this.#expiredAt = now;
    this.#version = undefined;
    this.#isDoubtful = false;
    this.#restarts('expired');
    return isFirst ? 0 : this.#backoff.failed(now);
  }

  /** A stream broke: the next goes on where it ended. */
  async #breaks(failure: ApiError): Promise<number> {
    if (!this.#fellSilent() && failure.reason !== 'Idle') {
      this.#isDoubtful = true;
      this.#restarts('cut');
      this.#broken = this.#heard === this.#opened ? this.#broken + 1 : 0;
      if (this.#version === undefined || this.#broken >= mostBroken)
        this.#worries(troubleOf(failure, this.resource, this.#verb));
      return this.#backoff.failed(this.#options.clock.monotonic());
    }
    this.#restarts('idle');
    try {
      await this.#prove();
    } catch (error) {
      return this.#recover(error);
    }
    return 0;
  }

  /** A list or watch was refused, failed, or cannot be understood; what is kept stays. */
  #fails(failure: ApiError): number {
    const { message, retryAfterMs, status } = failure;
    this.#restarts(reasonOf(failure));
    this.#failures++;
    this.#isCutOff = status === 0;
    this.#isDoubtful = true;
    // A server that cannot read the version fails with 500: only another version helps.
    const isMisread = status === 500 && (this.#failures > 1 || /resourceVersion/.test(message));
    if (isMisread || isMalformed(failure)) this.#version = undefined;
    this.#worries(troubleOf(failure, this.resource, this.#verb));
    if (status === 403 && !this.resource.isRequired && !this.#isListed) this.#listed();
    return this.#backoff.failed(this.#options.clock.monotonic(), retryAfterMs);
  }

  /** It may not be read, and nobody says that it is there. */
  #spares(): number {
    this.#restarts('refused');
    this.#works();
    this.#listed();
    return missing * (0.9 + 0.2 * this.#options.random());
  }

  #worries(trouble: Trouble): void {
    this.#trouble = trouble;
    this.#troubles++;
    this.#options.onState();
  }

  /** 404 for every version of it. */
  async #misses(): Promise<number> {
    const { clock, random } = this.#options;
    this.#restarts('missing');
    this.#version = undefined;
    const hasObjects = this.holdings.size > 0;
    let verdict: Verdict;
    try {
      verdict = await this.#absence.judge(clock.monotonic(), hasObjects || !this.#isListed, hasObjects);
    } catch (error) {
      return this.#fails(error instanceof ApiError ? error : new ApiError(String(error), 500));
    }
    if (!verdict.isBelieved) {
      this.#worries({ code: 'WEFT0606', isGeneral: false, text: verdict.why });
      return verdict.wait ?? this.#backoff.failed(clock.monotonic());
    }
    const changes = this.holdings.clear();
    if (changes.length > 0) this.#options.onChanges(changes);
    this.#works();
    this.#listed();
    return missing * (0.9 + 0.2 * random());
  }

  #drift(isSetBack: boolean): void {
    this.#hasDrifted = true;
    this.#wasSetBack ||= isSetBack;
    this.#round.abort();
    this.#wake();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #pace(): () => Promise<void> | undefined {
    const { clock } = this.#options;
    let since = clock.monotonic();
    return () => {
      if (clock.monotonic() - since < stretch) return undefined;
      return setImmediate().then(() => {
        since = clock.monotonic();
      });
    };
  }
}

function reasonOf(failure: ApiError): Restart {
  if (failure.status === 401 || failure.status === 403) return 'refused';
  return failure.status === 0 && !isMalformed(failure) ? 'unreachable' : 'failed';
}
