import type { ObjectName, Write } from './cluster.js';
import type { KubernetesObject } from './kubernetes/stored.js';

/** What the demo tells its API server: a line of JSON each, answered by a line each, in order. */
export type ApiOrder =
  | { readonly write: readonly Write[] }
  /** A file for a kubeconfig that leads to it. */
  | { readonly listen: { readonly kubeconfig: string } }
  | { readonly close: true }
  | { readonly get: ObjectName };

/** `failure`: why it was not done, else empty. */
export interface ApiAnswer {
  readonly failure: string;
  /** `https://HOST:PORT`; empty before it first listened. */
  readonly address: string;
  /** What was asked for by `get`; null when there is none. */
  readonly object: KubernetesObject | null;
}
