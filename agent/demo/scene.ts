import type { AgentState } from './agent-process.js';
import type { Beat, Pulse } from './recent.js';

export interface SceneBackend extends Pulse {
  readonly name: string;
  /** As the agent's API last said; empty before it said anything. */
  readonly state: string;
  readonly weight: number | null;
}

/** A Service as its address is asked by a pod. */
export interface SceneService {
  readonly name: string;
  readonly address: string;
  readonly requests: number;
  readonly failed: number;
  readonly backends: readonly SceneBackend[];
}

/** Requests of one kind through the gateway. */
export interface SceneRoute extends Beat {
  readonly name: string;
  /** What decides where they go. */
  readonly rule: string;
  /** Lately, sorted; status 0: no answer. */
  readonly statuses: readonly (readonly [status: number, count: number])[];
  readonly requests: number;
  readonly failed: number;
  /** Of those that a backend answered, 0…1. */
  readonly shares: readonly { readonly backend: string; readonly share: number }[];
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
  readonly agent: {
    readonly state: AgentState;
    readonly pid: number | null;
    readonly starts: number;
    /** pids of gateway workers, also of those that a dead agent left. */
    readonly workers: readonly number[];
  };
  /** The API server that feeds the agent; null where a directory does. */
  readonly server: { readonly pid: number | null; readonly address: string } | null;
  readonly services: readonly SceneService[];
  readonly routes: readonly SceneRoute[];
  readonly requests: number;
  readonly failed: number;
  /** Requests/s lately. */
  readonly rate: number;
  readonly api: string;
}
