import type { CastPod } from './cast.js';

export type FeedName = 'directory' | 'kubernetes';

/** Where the agent's objects come from. */
export interface Feed {
  readonly name: FeedName;
  /** Options of `weft run` that name it. */
  readonly options: readonly string[];
  /** The API server that it goes through; null for a directory. */
  readonly server: FeedServer | null;
  /** Has the example's objects from now on, with all Pods ready. */
  open(): Promise<void>;
  /** Says whether a Pod is ready. Resolves when the agent can know. */
  mark(pod: CastPod, ready: boolean): Promise<void>;
}

/** An API server, for watching it and for taking it away. */
export interface FeedServer {
  /** null while it is away, and before it was first there. */
  readonly pid: number | null;
  /** `https://HOST:PORT`; empty before it was first there. */
  readonly address: string;
  /** Whether an agent has written to the GatewayClass `weft` that it is accepted. */
  isClassAccepted(): Promise<boolean>;
  /** Cuts all of its connections and closes its port; what it keeps stays. */
  leave(): Promise<void>;
  /** Resolves when it listens again, on the same port. */
  comeBack(): Promise<void>;
}
