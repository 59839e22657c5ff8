import type { AgentState } from './agent-process.js';
import type { Pulse } from './recent.js';

export interface SceneBackend extends Pulse {
  readonly name: string;
  /** As the agent's API last said; empty before it said anything. */
  readonly state: string;
  readonly weight: number | null;
}

export interface SceneService {
  readonly name: string;
  readonly address: string;
  readonly connections: number;
  readonly failed: number;
  readonly backends: readonly SceneBackend[];
}

/** What was done, when: `at` in s from the first request. */
export interface Event {
  readonly at: number;
  readonly text: string;
}

/** All that the live view shows at one moment. */
export interface Scene {
  /** In s from the first request. */
  readonly elapsed: number;
  /** In s; null when it goes on until it is stopped. */
  readonly total: number | null;
  /** Which phase this is, from 1; null while preparing and after the last. */
  readonly phase: { readonly number: number; readonly of: number; readonly title: string } | null;
  readonly events: readonly Event[];
  readonly agent: { readonly state: AgentState; readonly pid: number | null; readonly starts: number };
  readonly services: readonly SceneService[];
  readonly connections: number;
  readonly failed: number;
  /** Connections/s lately. */
  readonly rate: number;
  readonly api: string;
}
