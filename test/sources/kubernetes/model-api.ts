import type { Clock } from '../../../agent/clock.js';
import { type ApiClient, ApiError, type ApiRequest } from '../../../agent/kubernetes/api.js';

/** An object as the API has it, of which only what the tests need is said. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

interface Step {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: ApiObject;
  /** What it was before, by which a watch with a selector tells whether it had it. */
  readonly before: ApiObject | undefined;
}

interface Collection {
  objects: ReadonlyMap<string, ApiObject>;
  history: Step[];
  /** The newest version that no watch can go on from any more. */
  compacted: number;
}

const gone = (): ApiError => new ApiError('too old resource version', 410, 'Expired');
const keyOf = ({ metadata }: ApiObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

/** The reference that sources are tested against: an API server as an ApiClient, with nothing in between. */
export class ModelApi implements ApiClient {
  readonly server: string = 'https://model:443';
  readonly requests: ApiRequest[] = [];
  readonly #clock: Clock;
  readonly #collections = new Map<string, Collection>();
  readonly #watches = new Set<Watch>();
  /** The lists that continue tokens go on with. */
  readonly #snapshots = new Map<string, { readonly items: readonly ApiObject[]; readonly revision: number }>();
  /** Collections that are not served. */
  readonly missing: Set<string> = new Set();
  /** Collections of which lists have nothing in them. */
  readonly empty: Set<string> = new Set();
  /** Streaming lists break off after the first object. */
  breakLists = false;
  /** Streaming lists are never complete. */
  holdLists = false;
  minor: string = '36';
  /** Nothing reaches it. */
  isDown = false;
  /** An answer instead of what it would answer. */
  intercept: (request: ApiRequest) => ApiError | undefined = () => undefined;
  revision = 100;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `path`: of the collection, of all namespaces. */
  put(path: string, object: ApiObject): void {
    const collection = this.#collection(path);
    const before = collection.objects.get(keyOf(object));
    const uid = object.metadata.uid ?? before?.metadata.uid ?? `uid-${this.revision}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(++this.revision) } };
    collection.objects = new Map([...collection.objects, [keyOf(object), stored]]);
    this.#step(path, { revision: this.revision, type: before ? 'MODIFIED' : 'ADDED', object: stored, before });
  }

  delete(path: string, key: string): boolean {
    const collection = this.#collection(path);
    const before = collection.objects.get(key);
    if (before === undefined) return false;
    collection.objects = new Map([...collection.objects].filter(([each]) => each !== key));
    const metadata = { ...before.metadata, resourceVersion: String(++this.revision) };
    this.#step(path, { revision: this.revision, type: 'DELETED', object: { ...before, metadata }, before });
    return true;
  }

  /** As if a write was never told to who watches. */
  loseEvents(write: () => void): void {
    const open = [...this.#watches];
    this.#watches.clear();
    write();
    for (const watch of open) this.#watches.add(watch);
  }

  keys(path: string): readonly string[] {
    return [...this.#collection(path).objects.keys()].sort();
  }

  object(path: string, key: string): ApiObject | undefined {
    return this.#collection(path).objects.get(key);
  }

  compact(): void {
    for (const collection of this.#collections.values()) {
      collection.compacted = this.revision;
      collection.history = [];
    }
    this.#snapshots.clear();
    this.revision++;
  }

  /** As after a restore of a backup: the objects are there, but versions that were given come again. */
  setBack(by: number): void {
    this.revision = Math.max(1, this.revision - by);
    for (const collection of this.#collections.values()) {
      const objects = [...collection.objects].map(([key, object]) => {
        const metadata = { ...object.metadata, resourceVersion: String(Math.max(1, this.revision - 1)) };
        return [key, { ...object, metadata }] as const;
      });
      collection.objects = new Map(objects);
      collection.history = [];
      collection.compacted = 0;
    }
    this.#snapshots.clear();
    this.cut();
  }

  bookmark(): void {
    for (const watch of this.#watches) watch.bookmark(this.revision);
  }

  /** Sends a line to the watches of a collection, whatever it says. */
  say(path: string, line: string): void {
    for (const watch of this.#of(path)) watch.line(Buffer.from(line));
  }

  /** Breaks the watches of a collection, or all. */
  cut(path?: string): void {
    for (const watch of this.#of(path)) watch.fail(new ApiError('the connection was reset', 0, 'ECONNRESET'));
  }

  end(path?: string): void {
    for (const watch of this.#of(path)) watch.end();
  }

  /** Watches of a collection that are open. */
  watches(path: string): number {
    return this.#of(path).length;
  }

  #of(path: string | undefined): readonly Watch[] {
    return [...this.#watches].filter((watch) => path === undefined || watch.path === path);
  }

  #collection(path: string): Collection {
    let collection = this.#collections.get(path);
    if (collection === undefined) {
      collection = { objects: new Map(), history: [], compacted: 0 };
      this.#collections.set(path, collection);
    }
    return collection;
  }

  #step(path: string, step: Step): void {
    this.#collection(path).history.push(step);
    for (const watch of this.#watches) if (watch.path === path) watch.tell(step);
  }

  async call(request: ApiRequest): Promise<unknown> {
    this.#admit(request);
    if (request.path === '/version') return { major: '1', minor: this.minor };
    const discovery = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(request.path);
    if (discovery !== null) return this.#discover(discovery[1]!, discovery[2]);
    const { path } = this.#where(request);
    if (this.missing.has(path)) throw new ApiError('404 page not found', 404);
    return this.#list(request);
  }

  #discover(group: string, version: string | undefined): unknown {
    const served = [...this.#collections.keys()].filter(
      (path) => path.startsWith(`/apis/${group}/${version ?? ''}`) && !this.missing.has(path),
    );
    if (served.length === 0) throw new ApiError('404 page not found', 404);
    return version === undefined ? {} : { resources: served.map((path) => ({ name: path.split('/').at(-1) })) };
  }

  #admit(request: ApiRequest): void {
    this.requests.push(request);
    if (this.isDown) throw new ApiError('connect ECONNREFUSED', 0, 'ECONNREFUSED');
    const refusal = this.intercept(request);
    if (refusal !== undefined) throw refusal;
  }

  #where({ path, query = {} }: ApiRequest): { path: string; has: (object: ApiObject) => boolean } {
    const scoped = /^(.*)\/namespaces\/([^/]+)\/([^/]+)$/.exec(path);
    const [field, value] = (query.fieldSelector ?? '').split('=');
    return {
      path: scoped === null ? path : `${scoped[1]}/${scoped[3]}`,
      has: (object) => {
        if (scoped !== null && object.metadata.namespace !== scoped[2]) return false;
        if (field === 'metadata.name') return object.metadata.name === value;
        if (field === 'spec.nodeName') return (object.spec as { nodeName?: string } | undefined)?.nodeName === value;
        return true;
      },
    };
  }

  #list(request: ApiRequest): unknown {
    const { query = {} } = request;
    const { has, path } = this.#where(request);
    if (Number(query.resourceVersion ?? 0) > this.revision) {
      throw new ApiError('Timeout: Too large resource version: 999, current: 1', 504, 'Timeout', 1_000);
    }
    const limit = Number(query.limit ?? 0) || Number.POSITIVE_INFINITY;
    const [token = '', from = '0'] = (query.continue ?? '').split('@');
    const kept = this.#snapshots.get(token);
    if (query.continue !== undefined && kept === undefined) throw gone();
    const snapshot = kept ?? {
      items: this.empty.has(path) ? [] : [...this.#collection(path).objects.values()].filter(has),
      revision: this.revision,
    };
    const next = Number(from) + limit;
    const name = token === '' ? `${path} ${this.revision} ${this.requests.length}` : token;
    if (next < snapshot.items.length) this.#snapshots.set(name, snapshot);
    const items = snapshot.items.slice(Number(from), next).map((object) => shown(object, request));
    const metadata = {
      resourceVersion: String(snapshot.revision),
      continue: next < snapshot.items.length ? `${name}@${next}` : '',
    };
    // As it came over the wire: nobody may hold on to what is stored.
    return JSON.parse(JSON.stringify({ metadata, items }));
  }

  async lines(request: ApiRequest, idleMs: number): Promise<AsyncIterable<Buffer>> {
    this.#admit(request);
    const { query = {} } = request;
    const { has, path } = this.#where(request);
    if (this.missing.has(path)) throw new ApiError('404 page not found', 404);
    if (query.sendInitialEvents === 'true' && Number(this.minor) < 32) {
      throw new ApiError('sendInitialEvents is forbidden', 422, 'Invalid');
    }
    if (query.sendInitialEvents !== 'true' && !/^\d+$/.test(query.resourceVersion ?? '')) {
      throw new ApiError('resourceVersion: Invalid value: "abc"', 500);
    }
    const collection = this.#collection(path);
    const watch = new Watch({
      path,
      has,
      request,
      clock: this.#clock,
      idleMs,
      onClose: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    if (query.sendInitialEvents === 'true') {
      for (const object of this.empty.has(path) ? [] : collection.objects.values()) {
        watch.tell({ revision: this.revision, type: 'ADDED', object, before: undefined });
      }
      if (this.breakLists) watch.fail(new ApiError('the connection was reset', 0, 'ECONNRESET'));
      if (!this.holdLists) watch.bookmark(this.revision, { 'k8s.io/initial-events-end': 'true' });
    } else {
      const from = Number(query.resourceVersion);
      if (from < collection.compacted) {
        watch.send({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } });
        watch.end();
      }
      for (const step of collection.history) if (step.revision > from) watch.tell(step);
      watch.mute(from);
    }
    return watch;
  }

  close(): void {}
}

/** With its apiVersion and kind in a watch only, as the built-in kinds do; as metadata when that was asked for. */
function shown(object: ApiObject, request: ApiRequest): unknown {
  if (!(request.accept ?? '').includes('PartialObjectMetadata')) return object;
  return { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: object.metadata };
}

interface WatchOptions {
  readonly path: string;
  readonly has: (object: ApiObject) => boolean;
  readonly request: ApiRequest;
  readonly clock: Clock;
  readonly idleMs: number;
  readonly onClose: () => void;
}

class Watch implements AsyncIterable<Buffer> {
  readonly path: string;
  readonly #options: WatchOptions;
  #lines: Buffer[] = [];
  #over: 'ended' | Error | undefined;
  #from = 0;
  #wake: () => void = () => undefined;
  #forget: () => void = () => undefined;
  readonly #cancelTimeout: () => void;

  constructor(options: WatchOptions) {
    this.path = options.path;
    this.#options = options;
    const { clock, request } = options;
    this.#cancelTimeout = clock.after(Number(request.query?.timeoutSeconds) * 1_000, () => this.end());
    request.signal?.addEventListener('abort', () => this.fail(new ApiError('aborted', 0, 'ABORT_ERR')));
    this.#listen();
  }

  /** Nothing up to this version is told. */
  mute(version: number): void {
    this.#from = version;
  }

  tell({ before, object, revision, type }: Step): void {
    if (revision <= this.#from && this.#from !== 0) return;
    const { has, request } = this.#options;
    const was = before !== undefined && has(before);
    const is = type !== 'DELETED' && has(object);
    if (was || is) {
      const told = !is ? 'DELETED' : was ? 'MODIFIED' : 'ADDED';
      this.send({ type: told, object: shown(object, request) });
    }
  }

  bookmark(revision: number, annotations: Readonly<Record<string, string>> = {}): void {
    this.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(revision), annotations } } });
  }

  send(event: unknown): void {
    this.line(Buffer.from(JSON.stringify(event)));
  }

  line(bytes: Buffer): void {
    if (this.#over !== undefined) return;
    this.#lines.push(bytes);
    this.#listen();
    this.#wake();
  }

  end(): void {
    this.#close('ended');
  }

  fail(error: Error): void {
    this.#close(error);
  }

  #close(how: 'ended' | Error): void {
    if (this.#over !== undefined) return;
    this.#over = how;
    this.#forget();
    this.#cancelTimeout();
    this.#options.onClose();
    this.#wake();
  }

  #listen(): void {
    const { clock, idleMs } = this.#options;
    this.#forget();
    this.#forget = clock.after(idleMs, () => this.fail(new ApiError('nothing arrived', 0, 'Idle')));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const line = this.#lines.shift();
        if (line !== undefined) yield line;
        else if (this.#over === 'ended') return;
        else if (this.#over !== undefined) throw this.#over;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.end();
    }
  }
}
