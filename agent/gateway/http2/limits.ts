/** Bounds of one HTTP/2 connection. */
export interface Http2Limits {
  readonly maxConcurrentStreams: number;
  /** Bytes of a field section: as it comes, and decoded with 32 for each field. */
  readonly headBytes: number;
  readonly headFields: number;
  /** What we hold at most of a stream's body, and of all bodies of a connection (bytes). */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Until the preface and the first SETTINGS came, and from a field section's first frame to its last. */
  readonly headMs: number;
  /** Without a stream and without a frame. */
  readonly idleMs: number;
  /** After so much silence without a stream the peer is asked for a sign of life, and must give one in `pingTimeoutMs`. */
  readonly pingMs: number;
  readonly pingTimeoutMs: number;
  /** What waits for the peer's windows may wait so long without a byte going; then its stream is reset. */
  readonly stallMs: number;
  /** A draining connection waits at most so long for its streams. */
  readonly drainMs: number;
  /** Streams that the peer may reset: at once, then per second (CVE-2023-44487). */
  readonly resets: readonly [burst: number, perSecond: number];
  /** SETTINGS, and DATA without bytes (CVE-2019-9515, -9518). */
  readonly settings: readonly [burst: number, perSecond: number];
  /** PING, PRIORITY, frames of ended streams and of unknown types (CVE-2019-9512, -9513). */
  readonly odd: readonly [burst: number, perSecond: number];
  /** CONTINUATION frames of one section (CVE-2024-27316). */
  readonly continuations: number;
  /** Bytes that wait for a peer who reads nothing while it goes on asking (CVE-2019-9517). */
  readonly unsentBytes: number;
}

export const serverLimits: Http2Limits = {
  maxConcurrentStreams: 250,
  headBytes: 32_768,
  headFields: 128,
  streamWindow: 65_536,
  connectionWindow: 1_048_576,
  headMs: 10_000,
  idleMs: 3_600_000,
  pingMs: 60_000,
  pingTimeoutMs: 20_000,
  stallMs: 300_000,
  drainMs: 30_000,
  resets: [1_000, 100],
  settings: [100, 10],
  odd: [10_000, 5_000],
  continuations: 16,
  unsentBytes: 1_048_576,
};

/** Towards backends: many clients' streams share a connection, so that its window never stops one for another's sake. */
export const clientLimits: Http2Limits = {
  ...serverLimits,
  maxConcurrentStreams: 100,
  connectionWindow: 8_388_608,
  /** How long a backend may take is for the rules' timeouts to say. */
  stallMs: Number.POSITIVE_INFINITY,
  /** A backend resets streams for reasons of its own. */
  resets: [10_000, 10_000],
};
