import { type ApiClient, ApiError } from '../../kubernetes/api.js';
import { isRaw } from '../../model/fields.js';
import type { Resource } from './resource.js';

/** How long it is believed whether a group is served, in ms. */
const groupMs = 5_000;

/** What an API server can do, asked once for all resources. */
export class Server {
  readonly client: ApiClient;
  /** By group: whether it was served, as asked in monotonic ms. */
  readonly #groups = new Map<string, { readonly at: number; readonly isServed: Promise<boolean> }>();
  #streams: Promise<boolean> | undefined;
  #refused = false;

  constructor(client: ApiClient) {
    this.client = client;
  }

  /** Whether it may be asked to send a list as a watch's first events (KEP-3157, on since 1.32 but for 1.33). */
  async streamsLists(): Promise<boolean> {
    if (this.#refused) return false;
    this.#streams ??= this.#askVersion().catch((error) => {
      this.#streams = undefined;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) return false;
      throw error;
    });
    return this.#streams;
  }

  /** It refused to. */
  refuseStreams(): void {
    this.#refused = true;
  }

  async #askVersion(): Promise<boolean> {
    const version = await this.client.call({ method: 'GET', path: '/version' });
    if (!isRaw(version) || typeof version.minor !== 'string') return false;
    const minor = Number.parseInt(version.minor, 10);
    return Number(version.major) > 1 || minor >= 32;
  }

  /** Whether any version of the group is served, `now` in monotonic ms; also when the server does not say. */
  hasGroup(group: string, now: number): Promise<boolean> {
    const known = this.#groups.get(group);
    if (known !== undefined && now - known.at < groupMs) return known.isServed;
    const isServed = this.#discover(`/apis/${group}`).then(
      (found) => found !== undefined,
      () => true,
    );
    this.#groups.set(group, { at: now, isServed });
    return isServed;
  }

  /** Whether none of the versions that Weft reads is served of `resource`, by the server's own list of what it serves. */
  async lacks({ group, plural, versions }: Resource): Promise<boolean> {
    const found = await this.#discover(`/apis/${group}`);
    if (found === undefined) return true;
    for (const version of versions) {
      const list = await this.#discover(`/apis/${group}/${version}`);
      const resources = isRaw(list) && Array.isArray(list.resources) ? list.resources : [];
      if (resources.some((each) => isRaw(each) && each.name === plural)) return false;
    }
    return true;
  }

  async #discover(path: string): Promise<unknown> {
    try {
      return (await this.client.call({ method: 'GET', path })) ?? {};
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }
}
