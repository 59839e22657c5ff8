/** What all HTTP/1.1 connections of this process keep: gauges for the worker's metrics and its bound on memory. */
export interface Buffered {
  /** Connections from clients. */
  servers: number;
  /** Connections to backends. */
  clients: number;
  /** Bytes that were read and wait: for the rest of a head, for a receiver, for the response before. */
  bytes: number;
}

export const buffered: Buffered = { servers: 0, clients: 0, bytes: 0 };

/** Bytes one connection has read and not yet used; counted in `buffered`. */
export class HeldBytes {
  #bytes: Buffer | undefined;

  get isEmpty(): boolean {
    return this.#bytes === undefined;
  }

  /** What was kept, with `chunk` behind it; nothing is kept any more. */
  joined(chunk: Buffer): Buffer {
    const bytes = this.take();
    return bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
  }

  take(): Buffer | undefined {
    const bytes = this.#bytes;
    if (bytes !== undefined) buffered.bytes -= bytes.length;
    this.#bytes = undefined;
    return bytes;
  }

  /** Keeps `bytes` from `at` on. `isBorrowed`: as a copy. */
  keep(bytes: Buffer, at: number, isBorrowed: boolean): void {
    this.take();
    if (at >= bytes.length) return;
    const rest = at === 0 ? bytes : bytes.subarray(at);
    this.#bytes = isBorrowed ? Buffer.from(rest) : rest;
    buffered.bytes += this.#bytes.length;
  }
}
