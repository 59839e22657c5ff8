import type { Backend } from './backends.js';

const doorOf = (port: number, protocol: string): number => port * 2 + (protocol === 'UDP' ? 1 : 0);

/** Backends by address, port and protocol. Most addresses have one port, so that a map of addresses alone finds nearly all. */
export class Directory {
  readonly #first = new Map<string, Backend>();
  /** Further ports of an address, by port and protocol. */
  readonly #others = new Map<string, Map<number, Backend>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get(address: string, port: number, protocol: string): Backend | undefined {
    const first = this.#first.get(address);
    if (first === undefined || (first.port === port && first.protocol === protocol)) return first;
    return this.#others.get(address)?.get(doorOf(port, protocol));
  }

  /** In place of the one it has for this address, port and protocol. */
  set(backend: Backend): void {
    const { address, port, protocol } = backend;
    const first = this.#first.get(address);
    if (first === undefined || (first.port === port && first.protocol === protocol)) {
      this.#first.set(address, backend);
      if (first === undefined) this.#count++;
      return;
    }
    const others = this.#others.get(address) ?? new Map<number, Backend>();
    if (!others.has(doorOf(port, protocol))) this.#count++;
    this.#others.set(address, others.set(doorOf(port, protocol), backend));
  }

  /** Nothing happens when the directory has another one there. */
  delete(backend: Backend): void {
    const { address, port, protocol } = backend;
    if (this.get(address, port, protocol) !== backend) return;
    this.#count--;
    const others = this.#others.get(address);
    if (this.#first.get(address) !== backend) {
      others!.delete(doorOf(port, protocol));
    } else {
      const next = others?.entries().next().value;
      if (next) {
        this.#first.set(address, next[1]);
        others!.delete(next[0]);
      } else {
        this.#first.delete(address);
      }
    }
    if (others?.size === 0) this.#others.delete(address);
  }
}
