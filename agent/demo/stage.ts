import type { Clock } from '../clock.js';
import type { AgentProcess } from './agent-process.js';
import type { Feed } from './feed.js';
import type { Lap, Phase } from './phases.js';
import type { Run } from './run.js';
import type { Server } from './servers.js';
import type { Traffic } from './traffic.js';

/** What the story acts on. */
export interface Stage {
  readonly run: Run;
  readonly ipv6: boolean;
  readonly clock: Clock;
  readonly agent: AgentProcess;
  readonly feed: Feed;
  readonly traffic: Traffic;
  /** By pod. */
  readonly servers: Map<string, Server>;
  readonly signal: AbortSignal;
  /** Says what was just done. */
  tell(text: string): void;
  startAgent(): void;
  /** A backend that was slow or failed is well again. */
  onWell(pod: string): void;
  /** Every request from now on belongs to the lap. */
  onLap(lap: Lap): void;
  /** The phase of this index is about to begin. */
  onPhase(phase: Phase, index: number, of: number): void;
}
