import { type Change, keyOf } from './mesh.js';

/** The last change of each object, by `KIND NS/NAME`, in the order of their first. */
export function latestChanges(changes: readonly Change[]): ReadonlyMap<string, Change> {
  const byIdentity = new Map<string, Change>();
  for (const change of changes) {
    const kind = change.type === 'put' ? change.object.kind : change.kind;
    const key = change.type === 'put' ? keyOf(change.object) : change.key;
    byIdentity.set(`${kind} ${key}`, change);
  }
  return byIdentity;
}
