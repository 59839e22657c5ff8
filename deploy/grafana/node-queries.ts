import type { Query } from './panels.js';
import { panelRate } from './promql.js';
import { ofNode } from './variables.js';

/** One line a node. */
export function byNode(metric: string): readonly Query[] {
  return [{ expr: `sum by (instance) (${metric}{${ofNode}})`, legend: '{{instance}}' }];
}

/** One line a node, of a counter's rate. */
export function rateByNode(counter: string): readonly Query[] {
  return [{ expr: panelRate(counter, ofNode, 'instance'), legend: '{{instance}}' }];
}
