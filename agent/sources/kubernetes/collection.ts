import { ApiError } from '../../kubernetes/api.js';
import { type Page, pagesOf } from './pages.js';
import { acceptOf, pathOf, type Resource } from './resource.js';
import type { Server } from './server.js';

/** ms without a byte after which a watch is taken for dead. */
export const idle = 28_000;

type Query = Readonly<Record<string, string>>;

/** How a resource is asked for, in the version that the server has. */
export class Collection {
  readonly resource: Resource;
  readonly #server: Server;
  #served: string;

  constructor(resource: Resource, server: Server) {
    this.resource = resource;
    this.#server = server;
    this.#served = resource.versions[0]!;
  }

  /** Of the versions of the resource the one that was answered last. */
  get served(): string {
    return this.#served;
  }

  /** Tries one version after the other until `attempt` is not answered with 404. */
  async firstServed<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const { versions } = this.resource;
    for (const version of versions) {
      this.#served = version;
      try {
        return await attempt();
      } catch (error) {
        if (version === versions.at(-1) || !(error instanceof ApiError) || error.status !== 404) throw error;
      }
    }
    throw new ApiError('no version of it is known', 404);
  }

  /** All of it, as the resource is read. */
  pages(signal: AbortSignal): AsyncGenerator<Page> {
    const accept = acceptOf(this.resource, false);
    return pagesOf(this.#server.client, this.#path(), this.#selector(), accept, signal);
  }

  /** All of it by its metadata, as it was at `version` or later. Rejects with 504 when the server has none so new. */
  brief(version: string, signal: AbortSignal): AsyncGenerator<Page> {
    const accept = acceptOf({ shape: 'metadata' }, false);
    return pagesOf(this.#server.client, this.#path(), this.#notOlderThan(version), accept, signal);
  }

  /** Asks whether the server knows `version`. Rejects with 504 when it does not. */
  async knows(version: string, signal: AbortSignal): Promise<void> {
    await this.#server.client.call({
      method: 'GET',
      path: this.#path(),
      query: { ...this.#notOlderThan(version), limit: '1' },
      accept: acceptOf({ shape: 'metadata' }, false),
      signal,
    });
  }

  /** The lines of a watch that the server is to end after so many seconds. */
  watch(query: Query, seconds: number, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const asked = { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) };
    return this.#server.client.lines(
      {
        method: 'GET',
        path: this.#path(),
        query: { ...asked, ...this.#selector(), ...query },
        accept: acceptOf(this.resource, true),
        signal,
      },
      idle,
    );
  }

  #path(): string {
    return pathOf(this.resource, this.#served);
  }

  #selector(): Query {
    const { fieldSelector } = this.resource;
    return fieldSelector === '' ? {} : { fieldSelector };
  }

  #notOlderThan(version: string): Query {
    return { ...this.#selector(), resourceVersion: version, resourceVersionMatch: 'NotOlderThan' };
  }
}
