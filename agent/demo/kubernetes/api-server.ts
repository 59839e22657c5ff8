import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, pause, systemClock } from '../../clock.js';
import { Access, allVerbs, type Verb } from './access.js';
import { Answers, refuse } from './answers.js';
import { type Certificates, makeCertificates } from './certificates.js';
import type { Collection } from './collection.js';
import { kubeconfigText } from './kubeconfig.js';
import { badRequest, Refusal } from './refusal.js';
import { groupVersion, type Resource, resourceName, resources } from './resources.js';
import { Storage } from './storage.js';
import { type Form, type KubernetesObject, keyOf } from './stored.js';

/** Of a request's body, as the API server's own limit. */
const mostBody = 3 * 1024 * 1024;
/** Requests that are remembered. */
const mostRequests = 20_000;
/** Between the deletion of a custom resource's last object and the end of its watches, in ms. */
const uninstallMs = 1000;

export interface ApiServerOptions {
  /** Where certificates are made, at the first {@link ApiServer.listen}. */
  readonly folder: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: random. */
  readonly uid?: () => string;
  /** Names of custom resources that are not installed at first: `virtualservices.networking.istio.io`. */
  readonly without?: readonly string[];
  /** Writes of each resource that are kept at least. Default: 10 000. */
  readonly history?: number;
  /** Between bookmarks of an idle watch, in ms. Default: 60 000. */
  readonly bookmarkMs?: number;
  /** Names and addresses in the certificate beside loopback's. */
  readonly hosts?: readonly string[];
}

/** A request as it came, for assertions. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
}

function find(name: string): Resource {
  const found = resources.find((resource) => resourceName(resource) === name);
  if (!found) throw new Error(`no resource ${name}`);
  return found;
}

/** Of `kind` in any version of the group in `apiVersion`. */
function resourceOf({ apiVersion, kind }: Pick<KubernetesObject, 'apiVersion' | 'kind'>): Resource {
  const slash = apiVersion.lastIndexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const found = resources.find((resource) => resource.group === group && resource.kind === kind);
  if (!found) throw new Error(`no resource for ${kind} of ${apiVersion}`);
  return found;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size <= mostBody) parts.push(part);
  }
  if (size > mostBody) throw new Refusal(413, `limit is ${mostBody}`, { reason: 'RequestEntityTooLarge' });
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch (error) {
    throw badRequest((error as Error).message);
  }
}

/**
 * The Kubernetes API in memory, over TLS: lists in pieces, watches, bookmarks, streaming lists, conflicts and refusals as the API server's
 * own, and the faults that a client must live with. Without admission, defaults, schemas and controllers: what is applied is what is there.
 */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #clock: Clock;
  readonly #storage: Storage;
  readonly #answers: Answers;
  readonly #access = new Access('system:serviceaccount:weft-system:weft');
  readonly #sockets = new Set<Socket>();
  readonly #seen: SeenRequest[] = [];
  #certificates: Certificates | undefined;
  #server: Server | undefined;
  #address: AddressInfo | undefined;
  #stopBookmarks: () => void = () => undefined;
  #latencyMs = 0;
  /** Resolves when the server goes on after {@link pause}. */
  #resumed: Promise<void> | undefined;
  #resume: () => void = () => undefined;
  #token: string = randomBytes(24).toString('base64url');

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { uid = randomUUID, history = 10_000, without = [] } = options;
    const missing = new Set(without.map((name) => resourceName(find(name))));
    this.#storage = new Storage({ clock: this.#clock, uid, history }, missing);
    this.#answers = new Answers(this.#storage, this.#access, this.#clock);
    this.#access.grant(this.#token);
  }

  /** Listens; after {@link close} again, on the port of before unless another is given. Default: a free port of 127.0.0.1. */
  async listen({ host, port }: { readonly host?: string; readonly port?: number } = {}): Promise<void> {
    const at = { host: host ?? this.#address?.address ?? '127.0.0.1', port: port ?? this.#address?.port ?? 0 };
    const hosts = ['127.0.0.1', '::1', 'localhost', 'kubernetes.default.svc', ...(this.#options.hosts ?? []), at.host];
    this.#certificates ??= makeCertificates(this.#options.folder, [...new Set(hosts)]);
    const { key, certificate } = this.#certificates;
    const server = createServer({ key, cert: certificate, keepAliveTimeout: 60_000 }, (request, response) => {
      void this.#answer(request, response);
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(at, resolve);
    });
    this.#server = server;
    this.#address = server.address() as AddressInfo;
    this.#stopBookmarks = this.#clock.every(this.#options.bookmarkMs ?? 60_000, () => this.bookmark());
  }

  /** Ends all connections and stops listening; what is stored stays. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    this.#stopBookmarks();
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** `https://HOST:PORT`; the server has listened before. */
  get url(): string {
    const { address, port } = this.#address!;
    return `https://${address.includes(':') ? `[${address}]` : address}:${port}`;
  }

  /** PEM; the server has listened before. */
  get authority(): string {
    return this.#certificates!.authority;
  }

  /** The newest bearer token. */
  get token(): string {
    return this.#token;
  }

  /** Makes a further token, which is the one of {@link kubeconfig} from now on; the ones of before stay good until they are revoked. */
  newToken(): string {
    this.#token = randomBytes(24).toString('base64url');
    this.#access.grant(this.#token);
    return this.#token;
  }

  revoke(token: string): void {
    this.#access.revoke(token);
  }

  /** YAML with the authority's certificate and the newest token, or the file that has a token. */
  kubeconfig(tokenFile?: string): string {
    const user = tokenFile === undefined ? { token: this.#token } : { tokenFile };
    return kubeconfigText({ server: this.url, authority: this.authority, user });
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.#storage.revision;
  }

  /**
   * Creates or replaces an object, with `metadata` and `status` as given; what is absent of uid, creationTimestamp, generation and status stays or is
   * made. The object as it is from then on. Throws where the resource is not installed.
   */
  apply(object: KubernetesObject): KubernetesObject {
    const resource = resourceOf(object);
    const collection = this.#installed(resource);
    const { metadata } = object;
    const { resourceVersion: _resourceVersion, ...rest } = metadata;
    const named = resource.namespaced ? { ...rest, namespace: metadata.namespace ?? 'default' } : rest;
    const form = { apiVersion: object.apiVersion, kind: object.kind, partial: false };
    const previous = collection.get(
      keyOf(resource.namespaced ? (named.namespace as string) : undefined, metadata.name),
    );
    const status = resource.status && object.status === undefined ? previous?.object(form).status : undefined;
    const whole = {
      ...object,
      ...(status === undefined ? {} : { status }),
      metadata: { ...named, name: metadata.name },
    };
    return this.#storage.put(collection, whole, previous).object(form);
  }

  /** `resource` as in {@link setForbidden}, `namespace` empty for what is in none. False: there was no such object. */
  delete(resource: string, namespace: string, name: string): boolean {
    return this.#storage.remove(this.#installed(find(resource)), keyOf(namespace, name));
  }

  /** In the preferred version; undefined: no such object. */
  get(resource: string, namespace: string, name: string): KubernetesObject | undefined {
    const found = find(resource);
    return this.#installed(found).get(keyOf(namespace, name))?.object(this.#formOf(found));
  }

  /** All of a resource, in the preferred version, in the order of lists. */
  list(resource: string): readonly KubernetesObject[] {
    const found = find(resource);
    return this.#installed(found)
      .at(this.revision)
      .map((object) => object.object(this.#formOf(found)));
  }

  /** What was asked, the last 20 000. */
  get requests(): readonly SeenRequest[] {
    return this.#seen;
  }

  /** Open watches of a resource, or of all. */
  watches(resource?: string): number {
    return [...this.#answers.watches].filter((open) => resource === undefined || open.resource === resource).length;
  }

  /** `resource`: `PLURAL.GROUP`, or `PLURAL` in the core group. Watches that are open live on, as they do there. No verbs: allowed again. */
  setForbidden(resource: string, verbs: readonly Verb[] = allVerbs): void {
    this.#access.forbid(resourceName(find(resource)), verbs);
  }

  /** Deletes a custom resource with its objects; its watches end a second later. */
  removeCrd(resource: string): void {
    const found = find(resource);
    if (!found.custom) throw new Error(`${resource} has no CustomResourceDefinition`);
    this.#storage.uninstall(found);
    const ending = [...this.#answers.watches].filter((open) => open.resource === resource);
    this.#clock.after(uninstallMs, () => {
      for (const { watch } of ending) watch.end();
    });
  }

  installCrd(resource: string): void {
    this.#storage.install(find(resource));
  }

  /** Forgets all versions of before: watches and continued lists from them are answered with 410. */
  expire(): void {
    this.#storage.expire();
  }

  /** Cuts the connections of all watches, or of those of a resource, inside a chunk. */
  cut(resource?: string): void {
    for (const open of [...this.#answers.watches])
      if (resource === undefined || open.resource === resource) open.socket.destroy();
  }

  /** From now on nothing is answered and no event sent, while connections stay open. */
  pause(): void {
    if (this.#resumed) return;
    this.#resumed = new Promise((resolve) => {
      this.#resume = resolve;
    });
    for (const { watch } of this.#answers.watches) watch.hold();
  }

  resume(): void {
    this.#resumed = undefined;
    this.#resume();
    for (const { watch } of this.#answers.watches) watch.release();
  }

  /** A confused server: lists of the resource, streaming ones too, have nothing in them. */
  serveEmpty(resource: string, empty = true): void {
    const name = resourceName(find(resource));
    if (empty) this.#answers.empty.add(name);
    else this.#answers.empty.delete(name);
  }

  /** Before each answer begins, in ms. */
  setLatency(ms: number): void {
    this.#latencyMs = ms;
  }

  /** Sends a bookmark to every watch that wants some. */
  bookmark(): void {
    for (const { watch } of this.#answers.watches) watch.bookmark(this.revision);
  }

  #installed(resource: Resource): Collection {
    const collection = this.#storage.collection(resource);
    if (!collection) throw new Error(`${resourceName(resource)} is not installed`);
    return collection;
  }

  #formOf({ group, versions, kind }: Resource): Form {
    return { apiVersion: groupVersion(group, versions[0]!), kind, partial: false };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    try {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'https://kubernetes');
      const body = await bodyOf(request);
      const method = request.method ?? '';
      this.#remember({ method, path: pathname, query: searchParams, headers: request.headers, body });
      if (this.#latencyMs > 0) await pause(this.#clock, this.#latencyMs);
      while (this.#resumed) await this.#resumed;
      if (response.destroyed) return;
      this.#answers.answer({ request, response, method, path: pathname, query: searchParams, body });
    } catch (error) {
      if (response.headersSent) response.destroy();
      else refuse(response, error instanceof Refusal ? error : new Refusal(500, String(error)));
    }
  }

  #remember(seen: SeenRequest): void {
    this.#seen.push(seen);
    if (this.#seen.length > mostRequests) this.#seen.shift();
  }
}
