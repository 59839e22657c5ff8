/** Of events (meta/v1 WatchEvent); any other is counted as `unknown`, for these become labels of metrics. */
const types: ReadonlySet<string> = new Set(['added', 'modified', 'deleted', 'bookmark', 'error']);

/** Counts of one resource since start, by what is counted. */
export class Tally {
  readonly events: Record<string, number> = {};
  readonly restarts: Record<string, number> = {};

  event(type: string): void {
    const counted = types.has(type) ? type : 'unknown';
    this.events[counted] = (this.events[counted] ?? 0) + 1;
  }

  restart(reason: Restart): void {
    this.restarts[reason] = (this.restarts[reason] ?? 0) + 1;
  }
}

/** Why a list or watch was begun again. */
export type Restart =
  /** The server ended the watch, as it was asked to or because it shuts down. */
  | 'ended'
  /** Nothing came for a while. */
  | 'idle'
  /** The connection broke. */
  | 'cut'
  /** There was no connection. */
  | 'unreachable'
  /** The version to go on from is too old (410), or newer than any the server has. */
  | 'expired'
  /** 401, 403. */
  | 'refused'
  /** Any other answer that is no success. */
  | 'failed'
  /** 404: its CRD is not installed. */
  | 'missing'
  /** A list showed that the watch had missed something. */
  | 'drift';
