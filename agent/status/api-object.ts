/** An object of the API as its JSON is, as far as status is written: what else it has is kept as it came. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ApiMetadata;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface ApiMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
}

/** meta/v1 Condition. */
export interface ApiCondition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** meta/v1 Time of wall time in ms: whole seconds. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** meta/v1 MicroTime of wall time in ms. */
export function microTimeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
