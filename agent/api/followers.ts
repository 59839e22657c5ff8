import type { Socket } from 'node:net';
import type { FlowStream } from './flow-stream.js';

/** The clients that follow flows: at most 32, and exempt from the time-out of connections that say nothing. */
export class Followers {
  static readonly most = 32;
  readonly #streams = new Map<FlowStream, Socket>();

  get full(): boolean {
    return this.#streams.size >= Followers.most;
  }

  /** Until the stream closes. */
  add(stream: FlowStream, socket: Socket): void {
    this.#streams.set(stream, socket);
    stream.once('close', () => this.#streams.delete(stream));
  }

  has(socket: Socket): boolean {
    return [...this.#streams.values()].includes(socket);
  }

  end(): void {
    for (const stream of this.#streams.keys()) stream.destroy();
  }
}
