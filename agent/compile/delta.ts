import type { Snapshot } from './snapshot.js';

/** The parts of a snapshot that are kept by key. */
const parts = ['targets', 'ids', 'clients', 'ingress', 'clusters'] as const;
type PartName = (typeof parts)[number];

const settings = ['node', 'locality', 'accessLog'] as const;

type PartDelta<Part> = Readonly<Record<string, Part | null>>;

/** What is different in the next snapshot: by part and key the new value, or null where there is none any more. JSON-serialisable. */
export type SnapshotDelta = {
  readonly [Name in PartName]?: PartDelta<Snapshot[Name][string]>;
} & Partial<Pick<Snapshot, (typeof settings)[number]>>;

/** The next snapshot, of the same generation; what the delta does not name is the same object as before. */
export function applyDelta(snapshot: Snapshot, delta: SnapshotDelta): Snapshot {
  const next: Record<string, unknown> = { ...snapshot };
  for (const name of settings) if (delta[name] !== undefined) next[name] = delta[name];
  for (const name of parts) {
    const changes = delta[name];
    if (changes !== undefined) next[name] = applyPart<unknown>(snapshot[name], changes);
  }
  return next as unknown as Snapshot;
}

function applyPart<Part>(before: Readonly<Record<string, Part>>, changes: PartDelta<Part>): Record<string, Part> {
  const after = { ...before };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete after[key];
    else after[key] = value;
  }
  return after;
}

/** The delta that makes `after` of `before`, by the identity of the parts; undefined: they are the same. */
export function deltaBetween(
  before: Omit<Snapshot, 'generation'>,
  after: Omit<Snapshot, 'generation'>,
): SnapshotDelta | undefined {
  const delta: Record<string, unknown> = {};
  for (const name of settings) if (before[name] !== after[name]) delta[name] = after[name];
  for (const name of parts) {
    const changes = partDelta<unknown>(before[name], after[name]);
    if (changes !== undefined) delta[name] = changes;
  }
  return Object.keys(delta).length === 0 ? undefined : (delta as SnapshotDelta);
}

function partDelta<Part>(
  before: Readonly<Record<string, Part>>,
  after: Readonly<Record<string, Part>>,
): PartDelta<Part> | undefined {
  if (before === after) return undefined;
  const changes: Record<string, Part | null> = {};
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) changes[key] = null;
  for (const [key, value] of Object.entries(after)) if (before[key] !== value) changes[key] = value;
  return Object.keys(changes).length === 0 ? undefined : changes;
}
