import { type ApiClient, ApiError } from '../kubernetes/api.js';
import { type CustomKind, gatewayApiKinds, istioKinds } from '../kubernetes/custom-kinds.js';
import type { ApiObject } from './api-object.js';
import type { Term } from './term.js';

/** Objects whose status is written, and those that Events are about. */
export type StatusKind = 'GatewayClass' | 'Gateway' | 'HTTPRoute' | 'GRPCRoute';
export type RegardedKind = 'VirtualService' | 'DestinationRule';

const { GatewayClass, Gateway, HTTPRoute, GRPCRoute } = gatewayApiKinds;
const { VirtualService, DestinationRule } = istioKinds;

const resources: Readonly<Record<StatusKind | RegardedKind, CustomKind>> = {
  ...{ GatewayClass, Gateway, HTTPRoute, GRPCRoute },
  ...{ VirtualService, DestinationRule },
};

export const statusKinds: readonly StatusKind[] = ['GatewayClass', 'Gateway', 'HTTPRoute', 'GRPCRoute'];

export function groupOf(kind: StatusKind | RegardedKind): string {
  return resources[kind].group;
}

export function pluralOf(kind: StatusKind | RegardedKind): string {
  return resources[kind].plural;
}

/** Objects a page of a list. */
const pageSize = '500';

/** The term in which something was to be written has ended. */
export class TermOver extends Error {}

/** Calls to the API server that are made within a term alone; all reject with ApiError, or with TermOver. */
export class Resources {
  readonly #client: ApiClient;
  /** The version that the server is known to serve. */
  readonly #served = new Map<StatusKind | RegardedKind, string>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Undefined: there is no such object, or its kind is not installed. */
  async get(
    kind: StatusKind | RegardedKind,
    namespace: string,
    name: string,
    term: Term,
  ): Promise<ApiObject | undefined> {
    try {
      const found = await this.#ofServed(kind, term, (base) => ({
        method: 'GET',
        path: `${base}${inNamespace(namespace)}/${resources[kind].plural}/${name}`,
      }));
      return found as ApiObject;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All objects of a kind, page by page; none when it is not installed. */
  async *list(kind: StatusKind, term: Term): AsyncGenerator<readonly ApiObject[]> {
    let next: string | undefined;
    do {
      const query: Record<string, string> = { limit: pageSize, ...(next === undefined ? {} : { continue: next }) };
      const page = await this.#page(kind, query, term);
      if (page === undefined) return;
      yield page.items ?? [];
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
  }

  async #page(kind: StatusKind, query: Record<string, string>, term: Term): Promise<Page | undefined> {
    try {
      const request = (base: string) => ({ method: 'GET', path: `${base}/${resources[kind].plural}`, query }) as const;
      return (await this.#ofServed(kind, term, request)) as Page;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** PUT on the subresource: what else the object says is ignored, and it is a conflict (409) when it has changed since it was read. */
  async putStatus(kind: StatusKind, object: ApiObject, term: Term): Promise<void> {
    const { name, namespace = '' } = object.metadata;
    await this.#ofServed(kind, term, (base) => ({
      method: 'PUT',
      path: `${base}${inNamespace(namespace)}/${resources[kind].plural}/${name}/status`,
      body: object,
    }));
  }

  async call(request: Parameters<ApiClient['call']>[0], term: Term): Promise<unknown> {
    if (term.isOver) throw new TermOver();
    try {
      return await this.#client.call({ ...request, timeoutMs: 10_000, signal: term.signal });
    } catch (error) {
      throw term.isOver ? new TermOver() : error;
    }
  }

  /** A version that is not served is a 404 without a Status, an object that is not there one with reason NotFound. */
  async #ofServed(
    kind: StatusKind | RegardedKind,
    term: Term,
    request: (base: string) => Parameters<ApiClient['call']>[0],
  ): Promise<unknown> {
    const { group, versions } = resources[kind];
    const known = this.#served.get(kind);
    for (const version of known === undefined ? versions : [known]) {
      try {
        const answer = await this.call(request(`/apis/${group}/${version}`), term);
        this.#served.set(kind, version);
        return answer;
      } catch (error) {
        const isUnserved = error instanceof ApiError && error.status === 404 && error.reason !== 'NotFound';
        if (!isUnserved) throw error;
        this.#served.delete(kind);
      }
    }
    throw new ApiError(`no version of ${resources[kind].plural}.${group} is served that is known`, 404);
  }
}

interface Page {
  readonly items?: readonly ApiObject[];
  readonly metadata?: { readonly continue?: string };
}

function inNamespace(namespace: string): string {
  return namespace === '' ? '' : `/namespaces/${namespace}`;
}
