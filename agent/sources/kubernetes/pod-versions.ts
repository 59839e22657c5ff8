import type { Change } from '../../model/mesh.js';
import type { Holdings } from './holdings.js';

/**
 * Changes of Pods that two resources have: the whole Pods of this node, and the metadata of all. `changes` come from either;
 * returned is what they change of what is in effect, which is the whole Pod where there is one.
 */
export function podChanges(
  changes: readonly Change[],
  whole: Holdings,
  from: Holdings,
  all: Holdings,
): readonly Change[] {
  const effective: Change[] = [];
  for (const change of changes) {
    const key = change.type === 'put' ? `${change.object.meta.namespace}/${change.object.meta.name}` : change.key;
    if (from !== whole && whole.object(key) !== undefined) continue;
    const object = whole.object(key) ?? all.object(key);
    effective.push(object === undefined ? { type: 'remove', kind: 'Pod', key } : { type: 'put', object });
  }
  return effective;
}
