/** Bounds of one HTTP/1.1 connection. */
export interface Http1Limits {
  /** Start line and field lines together; more is 431. */
  readonly headBytes: number;
  /** Field lines of a head or a trailer section; more is 431. */
  readonly fields: number;
  /** Request target alone; more is 414. */
  readonly targetBytes: number;
  readonly trailerBytes: number;
  /** A chunk's size with its extensions. */
  readonly chunkLineBytes: number;
  /** Extensions of all chunks of one body. */
  readonly extensionBytes: number;
  /** From a request's first byte to its head's end, ms. */
  readonly headMs: number;
  /** Without a request, ms. */
  readonly idleMs: number;
  /** Without a request while draining, ms: a client that is about to send one is answered, and told that it was the last. */
  readonly drainIdleMs: number;
  /** Between two reads of a request's body that is awaited, ms. */
  readonly bodyMs: number;
  /**
   * Without any progress of what was written, ms. The kernel reports progress only after a third of its send buffer (up to 4 MiB) was taken:
   * every 20 s with a reader of 64 KiB/s.
   */
  readonly writeMs: number;
  /** How long, ms, and for how many bytes a request's unwanted rest is read and dropped (RFC 9112 9.6). */
  readonly lingerMs: number;
  readonly discardBytes: number;
  /** Up to this size a body's chunk is copied behind what waits to be written, so that both are one system call. */
  readonly coalesceBytes: number;
}

/** nginx's 75 s for idle connections rather than Envoy's hour: a worker's memory is worth more than a client's handshake. */
export const http1Limits: Http1Limits = {
  headBytes: 32 * 1024,
  fields: 128,
  targetBytes: 16 * 1024,
  trailerBytes: 8 * 1024,
  chunkLineBytes: 256,
  extensionBytes: 16 * 1024,
  headMs: 10_000,
  idleMs: 75_000,
  drainIdleMs: 1_000,
  bodyMs: 60_000,
  writeMs: 120_000,
  lingerMs: 2_000,
  discardBytes: 256 * 1024,
  coalesceBytes: 16 * 1024,
};
