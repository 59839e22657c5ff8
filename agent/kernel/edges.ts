import { Batch } from '../tables/batch.js';
import { viewOf } from '../tables/bytes.js';
import {
  type EdgeKey,
  EdgeKeySize,
  type EdgeRow,
  EdgeRowSize,
  readEdgeKey,
  readEdgeRow,
} from '../tables/layout.gen.js';
import type { Store } from './store.js';

export interface Edge {
  readonly key: EdgeKey;
  readonly sums: EdgeRow;
}

/** The sums of every edge of the graph that this node's Pods make. */
export function readEdges(store: Store): readonly Edge[] {
  const rows = store.read('edges');
  const keys = viewOf(rows.keys);
  const values = viewOf(rows.values);
  return Array.from({ length: rows.count }, (_, i) => ({
    key: readEdgeKey(keys, i * EdgeKeySize),
    sums: readEdgeRow(values, i * EdgeRowSize),
  }));
}

/** Removes the edges for which `isOver` holds, so that their ids can be given away. Returns them with their last sums. */
export function takeEdges(store: Store, isOver: (key: EdgeKey) => boolean): readonly Edge[] {
  const rows = store.read('edges');
  const keys = viewOf(rows.keys);
  const values = viewOf(rows.values);
  const taken: Edge[] = [];
  const batch = new Batch(EdgeKeySize, 1);
  for (let i = 0; i < rows.count; i++) {
    const key = readEdgeKey(keys, i * EdgeKeySize);
    if (!isOver(key)) continue;
    taken.push({ key, sums: readEdgeRow(values, i * EdgeRowSize) });
    batch.addRow(rows.keys.subarray(i * EdgeKeySize, (i + 1) * EdgeKeySize), new Uint8Array(1));
  }
  store.remove('edges', batch.keys, batch.count);
  return taken;
}
