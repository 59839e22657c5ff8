/** How one resource of the API server fares. */
export interface ResourceState {
  /** As `services` or `virtualservices.networking.istio.io`. */
  readonly resource: string;
  readonly synced: boolean;
  /** Why it is not as the server has it; empty when it is, also while its CRD is not installed. */
  readonly trouble: string;
  /** Kept of it now. */
  readonly objects: number;
  /** Events of watches since start, by type in lower case (`added`, `modified`, `deleted`, `bookmark`, `error`). */
  readonly events: Readonly<Record<string, number>>;
  /** Watches and lists begun again since start, by reason (`ended`, `idle`, `cut`, `expired`, `refused`, `drift`, …). */
  readonly restarts: Readonly<Record<string, number>>;
}
