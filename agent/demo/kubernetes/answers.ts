import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Clock } from '../../clock.js';
import { acceptable } from './accept.js';
import type { Access, Verb } from './access.js';
import type { Collection } from './collection.js';
import { discovery, version } from './discovery.js';
import { listText, pageOf } from './list.js';
import { isWatch, type ListOptions, listOptions } from './list-options.js';
import { methodNotAllowed, notFound, pageNotFound, type Refusal, unsupportedMediaType } from './refusal.js';
import { parsePath, type RequestPath } from './request-path.js';
import { groupVersion, type Resource, resourceName, resources } from './resources.js';
import { type Selects, selection } from './selection.js';
import type { Storage } from './storage.js';
import { type Form, keyOf } from './stored.js';
import { Watch } from './watch.js';
import { create, patch, remove, subjectOf, type Target, update } from './writes.js';

/** A request with its body read. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export interface OpenWatch {
  readonly resource: string;
  readonly watch: Watch;
  readonly socket: Socket;
}

interface Named {
  readonly resource: Resource;
  readonly collection: Collection;
  readonly form: Form;
  readonly at: RequestPath;
}

/** A Status, or the plain text of an unknown path. */
export function refuse(response: ServerResponse, refusal: Refusal): void {
  const { code, status, message, retryAfterSeconds } = refusal;
  if (status === undefined) {
    response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
    return;
  }
  const retry: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) retry['Retry-After'] = String(retryAfterSeconds);
  send(response, code, JSON.stringify(status), retry);
}

function send(
  response: ServerResponse,
  code: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(`${text}\n`);
  const fields = { 'Content-Type': 'application/json', 'Content-Length': body.length, ...headers };
  response.writeHead(code, fields).end(body);
}

const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function verbOf({ method, query }: Asked, { name }: RequestPath): Verb {
  const verb = method === 'GET' ? (name !== undefined ? 'get' : isWatch(query) ? 'watch' : 'list') : verbs[method];
  if (verb === undefined) throw methodNotAllowed();
  return verb;
}

/** How requests are answered from a {@link Storage}. Every method throws a Refusal before it has begun to answer. */
export class Answers {
  readonly #storage: Storage;
  readonly #access: Access;
  readonly #clock: Clock;
  /** Those that are open. */
  readonly watches: Set<OpenWatch> = new Set();
  /** Names of resources whose lists are shown without items. */
  readonly empty: Set<string> = new Set();

  constructor(storage: Storage, access: Access, clock: Clock) {
    this.#storage = storage;
    this.#access = access;
    this.#clock = clock;
  }

  answer(asked: Asked): void {
    const { path, response, request } = asked;
    if (['/healthz', '/livez', '/readyz'].includes(path)) {
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end('ok');
      return;
    }
    const user = this.#access.userOf(request.headers.authorization ?? '');
    const at = parsePath(path);
    if (at) this.#resource(asked, at, user);
    else {
      const told = path === '/version' ? version : discovery(path, this.#storage.installed);
      if (!told) throw pageNotFound();
      send(response, 200, JSON.stringify(told));
    }
  }

  /** Rights come first: without them nobody learns what is installed. */
  #resource(asked: Asked, at: RequestPath, user: string): void {
    const verb = verbOf(asked, at);
    const { group, plural, name, namespace } = at;
    const subject = name === undefined ? { group, plural } : { group, plural, name };
    this.#access.check(user, verb, resourceName({ plural, group }), subject, namespace);
    const named = this.#named(at);
    if (verb === 'list') this.#list(asked, named);
    else if (verb === 'watch') this.#watch(asked, named);
    else if (verb === 'get') this.#get(asked, named, name!);
    else {
      const single = verb !== 'create';
      if (single !== (name !== undefined) || named.resource.namespaced !== (namespace !== undefined))
        throw methodNotAllowed();
      send(asked.response, ...this.#write(asked, named, verb));
    }
  }

  #named(at: RequestPath): Named {
    const { group, plural, namespace, subresource } = at;
    const resource = resources.find((known) => known.group === group && known.plural === plural);
    const collection = resource && this.#storage.collection(resource);
    if (!resource || !collection || !resource.versions.includes(at.version)) throw pageNotFound();
    if (namespace !== undefined && !resource.namespaced) throw pageNotFound();
    if (subresource !== undefined && !(subresource === 'status' && resource.status)) throw pageNotFound();
    const form = { apiVersion: groupVersion(group, at.version), kind: resource.kind, partial: false };
    return { resource, collection, form, at };
  }

  #asking({ query }: Asked, { resource, at }: Named): readonly [ListOptions, Selects] {
    const options = listOptions(query);
    const selects = selection(resource, at.namespace, options.labels, options.fields);
    return [options, this.empty.has(resourceName(resource)) ? () => false : selects];
  }

  #list(asked: Asked, named: Named): void {
    const { request, response } = asked;
    const partial = acceptable(request.headers.accept ?? '', 'list') === 'partial';
    const [options, selects] = this.#asking(asked, named);
    const page = pageOf(named.collection, options, selects, this.#storage.revision);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    Readable.from(listText(named.collection, page, { ...named.form, partial })).pipe(response);
  }

  #watch(asked: Asked, { resource, collection, form, at }: Named): void {
    const { request, response, query } = asked;
    const partial = acceptable(request.headers.accept ?? '', 'watch') === 'partial';
    const options = listOptions(query);
    const selects = selection(resource, at.namespace, options.labels, options.fields);
    const wire = {
      write: (line: Buffer) => void response.write(line),
      end: () => void response.end(),
      get waiting(): number {
        return response.writableLength;
      },
    };
    const watch = new Watch(collection, selects, { ...form, partial }, options, wire);
    const empty = this.empty.has(resourceName(resource));
    watch.check(options, this.#storage.revision);
    response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
    watch.begin(options, this.#storage.revision, empty);
    const open = { resource: resourceName(resource), watch, socket: request.socket };
    this.watches.add(open);
    const unfollow = this.#storage.follow(resource, (write) => watch.tell(write));
    const cancel = options.timeoutMs > 0 ? this.#clock.after(options.timeoutMs, () => watch.end()) : () => undefined;
    response.once('close', () => {
      this.watches.delete(open);
      unfollow();
      cancel();
      watch.end();
    });
  }

  #get({ request, response }: Asked, { resource, collection, form, at }: Named, name: string): void {
    const partial = acceptable(request.headers.accept ?? '', 'object') === 'partial';
    const found = collection.get(keyOf(at.namespace, name));
    if (!found) throw notFound(subjectOf(resource, name));
    send(response, 200, found.text({ ...form, partial }));
  }

  /** The status and the text of the answer. */
  #write({ request, body }: Asked, { collection, form, at }: Named, verb: Verb): readonly [number, string] {
    const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim();
    const accepted = verb === 'patch' ? ['application/merge-patch+json'] : ['application/json', ''];
    if (verb !== 'delete' && !accepted.includes(type)) throw unsupportedMediaType(accepted.slice(0, 1));
    const target: Target = { namespace: at.namespace, name: at.name ?? '', status: at.subresource === 'status' };
    const storage = this.#storage;
    if (verb === 'delete') return [200, JSON.stringify(remove(storage, collection, form, target, body))];
    if (verb === 'update') return [200, update(storage, collection, form, target, body).text(form)];
    if (verb === 'patch') return [200, patch(storage, collection, form, target, body).text(form)];
    const suffix = (): string => randomBytes(4).toString('hex').slice(0, 5);
    return [201, create(storage, collection, form, target, body, suffix).text(form)];
  }
}
