import type { Clock } from '../../agent/clock.js';
import { type ApiClient, ApiError, type ApiRequest } from '../../agent/kubernetes/api.js';
import type { ApiObject } from '../../agent/status/api-object.js';

export type Stored = ApiObject & {
  readonly series?: unknown;
  readonly note?: string;
  readonly [field: string]: unknown;
};

export interface Call {
  readonly by: string;
  readonly method: ApiRequest['method'];
  readonly path: string;
  readonly body: unknown;
  /** In ms, of the clock of who called. */
  readonly at: number;
}

/** How one client fares: `cut` has no way to the server, `silent` gets no answers although its requests arrive, `deaf` loses both. */
export type Way = 'open' | 'cut' | 'silent' | 'deaf';

export interface FakeClient extends ApiClient {
  way: Way;
  /** Until a request arrives, and again until the answer is there. */
  delayMs: number;
  /** What reads with `resourceVersion=0` get instead of what is there: the cache of a server that lags behind. */
  cache: ReadonlyMap<string, Stored> | undefined;
}

/** As much of an API server as status needs: versions of objects, conflicts, the status subresource, merge patches, pages. */
export class FakeApi {
  readonly objects: Map<string, Stored> = new Map();
  readonly calls: Call[] = [];
  /** Refuses a call, by `METHOD PATH`. */
  refuse: (call: string) => ApiError | undefined = () => undefined;
  /** Called before a call is answered. */
  before: (call: Call) => void = () => {};
  #version = 100;

  /** `path`: as it is read. */
  put(path: string, object: Omit<Stored, 'metadata'> & { readonly metadata: Partial<ApiObject['metadata']> }): void {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1];
    const uid = `uid-${name}`;
    const metadata = { name, ...(namespace && { namespace }), uid, ...object.metadata };
    this.objects.set(path, { ...object, metadata: { ...metadata, resourceVersion: String(this.#version++) } });
  }

  writes(): readonly Call[] {
    return this.calls.filter(({ method, path }) => method !== 'GET' && !path.includes('/leases'));
  }

  client(by: string, clock: Clock): FakeClient {
    const client: FakeClient = {
      server: 'https://api.test:6443',
      way: 'open',
      delayMs: 0,
      cache: undefined,
      call: (request) => this.#carry(by, clock, client, request),
      lines: () => Promise.reject(new Error('nobody watches')),
      close: () => {},
    };
    return client;
  }

  #carry(by: string, clock: Clock, client: FakeClient, request: ApiRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (task: () => void) => {
        cancel();
        request.signal?.removeEventListener('abort', aborted);
        task();
      };
      const fail = (message: string) => settle(() => reject(new ApiError(message, 0, 'ETIMEDOUT')));
      const aborted = () => fail('aborted');
      const cancel = clock.after(request.timeoutMs ?? 30_000, () => fail('timed out'));
      if (request.signal?.aborted) return aborted();
      request.signal?.addEventListener('abort', aborted);
      if (client.way === 'cut') return fail('no way');
      if (client.way === 'deaf') return;
      const later = (task: () => void) => (client.delayMs === 0 ? task() : void clock.after(client.delayMs, task));
      later(() => {
        const answer = this.#answer(by, clock, request, client.cache);
        if (client.way === 'silent') return;
        later(() => settle(() => (answer instanceof ApiError ? reject(answer) : resolve(answer))));
      });
    });
  }

  #answer(by: string, clock: Clock, request: ApiRequest, cache: FakeClient['cache']): unknown {
    const { method, path, query } = request;
    const body = request.body === undefined ? undefined : JSON.parse(JSON.stringify(request.body));
    const call = { by, method, path, body, at: clock.monotonic() };
    this.before(call);
    this.calls.push(call);
    const refusal = this.refuse(`${method} ${path}`);
    if (refusal !== undefined) return refusal;
    if (method === 'GET') {
      const objects = query?.resourceVersion === '0' ? (cache ?? this.objects) : this.objects;
      const object = objects.get(path);
      return object === undefined ? this.#list(path, query) : structuredClone(object);
    }
    if (method === 'POST') return this.#create(path, body as Stored);
    const isStatus = path.endsWith('/status');
    const place = isStatus ? path.slice(0, -'/status'.length) : path;
    const before = this.objects.get(place);
    if (before === undefined) return notFound(path);
    if (method === 'PATCH') return this.#store(place, { ...before, ...(body as Stored), metadata: before.metadata });
    const object = body as Stored;
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== before.metadata.resourceVersion) return new ApiError('modified', 409, 'Conflict');
    return this.#store(place, isStatus ? { ...before, status: object.status ?? {} } : object);
  }

  #create(path: string, object: Stored): unknown {
    const place = `${path}/${object.metadata.name}`;
    if (this.objects.has(place)) return new ApiError('exists', 409, 'AlreadyExists');
    return this.#store(place, object);
  }

  #store(place: string, object: Stored): unknown {
    const resourceVersion = String(this.#version++);
    this.objects.set(place, { ...object, metadata: { ...object.metadata, resourceVersion } });
    return structuredClone(this.objects.get(place));
  }

  /** Two objects a page. */
  #list(path: string, query: ApiRequest['query']): unknown {
    const [, base, plural] = /^(\/apis\/[^/]+\/[^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (base === undefined) return notFound(path);
    const all = [...this.objects].filter(([each]) => each.startsWith(`${base}/`) && each.split('/').at(-2) === plural);
    const from = Number(query?.continue ?? 0);
    const rest = from + 2 < all.length ? { continue: String(from + 2) } : {};
    return { items: all.slice(from, from + 2).map(([, object]) => object), metadata: rest };
  }
}

export function notFound(path: string): ApiError {
  return new ApiError(`${path} not found`, 404, 'NotFound');
}
