import type { CastPod } from './cast.js';

/** Where the agent's objects come from. */
export interface Feed {
  /** Options of `weft run` that name it. */
  readonly options: readonly string[];
  /** The API server that it goes through; null for a directory. */
  readonly server: FeedServer | null;
  /** Has the example's objects from now on, with all Pods ready. */
  open(): Promise<void>;
  /** Says whether a Pod is ready. Resolves when the agent can know. */
  mark(pod: CastPod, ready: boolean): Promise<void>;
}

/** An API server as a process of its own. */
export interface FeedServer {
  /** null while it is dead. */
  readonly pid: number | null;
  /** `https://HOST:PORT`; empty before it first ran. */
  readonly address: string;
  /** Kills it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, with the objects that it had. Resolves when it listens. */
  revive(): Promise<void>;
}
