import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../clock.js';
import { ApiError } from '../../kubernetes/api.js';
import type { Change } from '../../model/mesh.js';
import { Absence, type Verdict } from './absence.js';
import { Collection } from './collection.js';
import { Comparison } from './comparison.js';
import { Health } from './health.js';
import { Holdings, type Listing } from './holdings.js';
import { versionOf } from './reading.js';
import { isCustom, type Resource } from './resource.js';
import type { Server } from './server.js';
import { Stream } from './stream.js';
import type { Restart, Tally } from './tally.js';
import type { Trouble } from './trouble.js';
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
/** ms between looks whether a missing CRD is there now. */
const missing = 30_000;
/** ms within which all resources are asked for once one was: not all at once. */
const hurryMs = 1_000;
/** ms of parsing at a stretch. */
const stretch = 10;

/** Keeps what one resource of the API server has: a list, then a watch from its version on, for ever. */
export class Reflector {
  readonly holdings: Holdings;
  readonly #options: ReflectorOptions;
  readonly #health: Health;
  readonly #comparison: Comparison;
  readonly #collection: Collection;
  readonly #absence: Absence;
  /** To watch from; undefined when a list is needed. */
  #version: string | undefined;
  #isListed = false;
  #verb: 'list' | 'watch' = 'list';
  /** Undefined until one is accepted, and when something else is asked after it. */
  #stream: Stream | undefined;
  #isQuiet = true;
  /** Whether the server may be one that does not know the version yet, or not any more: then a silent watch proves nothing. */
  #isDoubtful = false;
  /** Whether the server was set back to an earlier state, so that its versions come again. */
  #wasSetBack = false;
  #round = new AbortController();
  #hasDrifted = false;
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(options: ReflectorOptions) {
    const { clock, comparisonPeriod, onReached, onState, random, resource, server } = options;
    this.#options = options;
    this.holdings = new Holdings(resource, server.client.server);
    this.#health = new Health({ resource, clock, random, onTrouble: onState, onReached });
    this.#collection = new Collection(resource, server);
    this.#absence = new Absence(resource, server);
    this.#comparison = new Comparison({
      clock,
      random,
      holdings: this.holdings,
      period: comparisonPeriod,
      pages: (signal) => this.#collection.brief(this.#version ?? '', signal),
      isCurrent: () => this.#version !== undefined && this.trouble === undefined,
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
    return this.#health.revision + this.holdings.revision;
  }

  get trouble(): Trouble | undefined {
    return this.#health.trouble;
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
    if (!this.#health.isCutOff) return;
    const { clock, random } = this.#options;
    const wake = this.#wake;
    clock.after(hurryMs * random(), wake);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#round = new AbortController();
      this.#stream = undefined;
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
    this.#absence.end();
    this.#health.brings();
    if (changes.length > 0) this.#options.onChanges(changes);
    this.#listed();
  }

  #listed(): void {
    this.#isListed = true;
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
      if (!isRefused && !this.#stream?.isSilent) throw error;
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
    this.#health.accepts();
    return this.#follow(lines, seconds, undefined);
  }

  /** Different for each watch, so that not all end at once. */
  #seconds(isList: boolean): number {
    if (this.#isQuiet && !isList) return quietSeconds;
    return Math.round(busySeconds.from + (busySeconds.to - busySeconds.from) * this.#options.random());
  }

  /** Takes the events of a watch of `seconds` until it ends. `pending`: the list that its first events are. */
  async #follow(lines: AsyncIterable<Buffer>, seconds: number, pending: Listing | undefined): Promise<number> {
    const pace = this.#pace();
    let stream = this.#begin();
    let listing = pending;
    try {
      for await (const line of lines) {
        stream.hear();
        const event = readEvent(line);
        this.#options.tally.event(event.type.toLowerCase());
        if (listing === undefined) this.#health.hears();
        if (event.type !== 'BOOKMARK') stream.tell();
        if (listing === undefined) {
          this.#apply(event.type, event.object);
          stream.reach(this.#version);
        } else if (endsInitialEvents(event)) {
          this.#take(listing, versionOf(event.object));
          listing = undefined;
          stream = this.#begin();
        } else if (event.type === 'DELETED') listing.drop(event.object);
        else if (event.type !== 'BOOKMARK') listing.put(event.object, this.#collection.served);
        this.#isDoubtful &&= listing !== undefined;
        await pace();
      }
    } finally {
      this.#isQuiet = stream.isQuiet;
    }
    if (listing !== undefined) throw new ApiError('the server ended a list before it was complete');
    return this.#ended(stream, seconds);
  }

  #begin(): Stream {
    this.#stream = new Stream(this.#options.clock, this.#version);
    return this.#stream;
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

  /** After a watch of `seconds` that was ended by the server. Returns ms to wait. */
  async #ended(stream: Stream, seconds: number): Promise<number> {
    const { isBusy, isShort, lived } = stream;
    this.#options.tally.restart('ended');
    if (!isBusy) await this.#prove();
    this.#isDoubtful ||= lived < seconds * 800;
    if (isShort && !isBusy) return this.#health.endsAtOnce(stream);
    this.#health.lasts();
    return 0;
  }

  /** Asks whether the server knows the version that a silent watch went on from. Rejects when it does not (504). */
  async #prove(): Promise<void> {
    if (!this.#isDoubtful || this.#version === undefined) return;
    // What fails from here on is a question of its own, not the stream that is over.
    this.#stream = undefined;
    await this.#collection.knows(this.#version, this.#round.signal);
    this.#isDoubtful = false;
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
    const isCut = failure.status === 0 && !isMalformed(failure);
    if (isCut && this.#stream !== undefined) return this.#breaks(this.#stream, failure);
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
    this.#version = undefined;
    this.#isDoubtful = false;
    this.#restarts('expired');
    return this.#health.expires();
  }

  /** A stream broke: the next goes on where it ended. */
  async #breaks(stream: Stream, failure: ApiError): Promise<number> {
    if (!stream.isSilent && failure.reason !== 'Idle') {
      this.#isDoubtful = true;
      this.#restarts('cut');
      return this.#health.breaks(stream, failure, this.#verb);
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
    this.#isDoubtful = true;
    this.#health.fails(failure, this.#verb);
    // A server that cannot read the version fails with 500: only another version helps.
    const isMisread = status === 500 && (this.#health.failures > 1 || /resourceVersion/.test(message));
    if (isMisread || isMalformed(failure)) this.#version = undefined;
    if (status === 403 && !this.resource.isRequired && !this.#isListed) this.#listed();
    return this.#health.waits(retryAfterMs);
  }

  /** It may not be read, and nobody says that it is there. */
  #spares(): number {
    this.#restarts('refused');
    this.#health.works();
    this.#listed();
    return missing * (0.9 + 0.2 * this.#options.random());
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
      this.#health.worries(verdict.why);
      return verdict.wait ?? this.#health.waits();
    }
    const changes = this.holdings.clear();
    if (changes.length > 0) this.#options.onChanges(changes);
    this.#health.works();
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
