import type { Endpoint, EndpointSlice } from './mesh.js';

const none: readonly EndpointSlice[] = [];

/** EndpointSlices by their key and by their Service's. */
export class SliceIndex {
  readonly #slices = new Map<string, EndpointSlice>();
  /** Sorted by slice name. */
  readonly #byService = new Map<string, readonly EndpointSlice[]>();
  /**
   * Which Services' endpoints are named, or placed on a node, by way of a Pod: by address for endpoints without
   * targetRef, by NS/POD for those without nodeName. Made when first asked for: most meshes have none.
   */
  #mentions: Map<string, Set<string>> | undefined;
  #endpointCount = 0;

  get endpointCount(): number {
    return this.#endpointCount;
  }

  get(key: string): EndpointSlice | undefined {
    return this.#slices.get(key);
  }

  all(): IterableIterator<EndpointSlice> {
    return this.#slices.values();
  }

  of(serviceKey: string): readonly EndpointSlice[] {
    return this.#byService.get(serviceKey) ?? none;
  }

  /** Puts the slice, or removes it when undefined; returns the Services it belonged to before and does now. */
  set(key: string, slice: EndpointSlice | undefined): readonly string[] {
    const before = this.#slices.get(key);
    const touched: string[] = [];
    if (before !== undefined && before.service !== '') touched.push(this.#detach(before));
    if (slice === undefined) this.#slices.delete(key);
    else {
      this.#slices.set(key, slice);
      if (slice.service !== '') touched.push(this.#attach(slice));
    }
    return touched;
  }

  #attach(slice: EndpointSlice): string {
    const service = serviceKeyOf(slice);
    const slices = this.#byService.get(service);
    const sorted =
      slices === undefined ? [slice] : [...slices, slice].sort((a, b) => (a.meta.name < b.meta.name ? -1 : 1));
    this.#byService.set(service, sorted);
    this.#endpointCount += slice.endpoints.length;
    if (this.#mentions !== undefined) mention(this.#mentions, slice, service);
    return service;
  }

  #detach(slice: EndpointSlice): string {
    const service = serviceKeyOf(slice);
    const rest = this.of(service).filter((each) => each !== slice);
    if (rest.length === 0) this.#byService.delete(service);
    else this.#byService.set(service, rest);
    this.#endpointCount -= slice.endpoints.length;
    if (this.#mentions !== undefined) this.#forget(this.#mentions, slice, service, rest);
    return service;
  }

  #forget(
    mentions: Map<string, Set<string>>,
    slice: EndpointSlice,
    service: string,
    rest: readonly EndpointSlice[],
  ): void {
    for (const endpoint of slice.endpoints) {
      const name = mentionOf(slice, endpoint);
      const services = name === undefined ? undefined : mentions.get(name);
      if (services === undefined) continue;
      services.delete(service);
      if (services.size === 0) mentions.delete(name!);
    }
    for (const each of rest) mention(mentions, each, service);
  }

  /** Services with an endpoint that is named or placed by way of this Pod. */
  *mentioning(podKey: string, addresses: readonly string[]): Generator<string> {
    if (this.#slices.size === 0) return;
    if (this.#mentions === undefined) {
      this.#mentions = new Map();
      for (const [service, slices] of this.#byService)
        for (const slice of slices) mention(this.#mentions, slice, service);
    }
    yield* this.#mentions.get(podKey) ?? [];
    for (const address of addresses) yield* this.#mentions.get(address) ?? [];
  }
}

function serviceKeyOf(slice: EndpointSlice): string {
  return `${slice.meta.namespace}/${slice.service}`;
}

function mentionOf(slice: EndpointSlice, endpoint: Endpoint): string | undefined {
  if (endpoint.pod === '') return endpoint.address;
  return endpoint.node === '' ? `${slice.meta.namespace}/${endpoint.pod}` : undefined;
}

function mention(mentions: Map<string, Set<string>>, slice: EndpointSlice, service: string): void {
  for (const endpoint of slice.endpoints) {
    const name = mentionOf(slice, endpoint);
    if (name === undefined) continue;
    const services = mentions.get(name);
    if (services === undefined) mentions.set(name, new Set([service]));
    else services.add(service);
  }
}
