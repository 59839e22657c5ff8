import { type Board, render } from './board.js';
import { meshDashboard } from './mesh-dashboard.js';
import { nodeDashboard } from './node-dashboard.js';
import { renderRules } from './rules.js';
import { serviceDashboard } from './service-dashboard.js';
import { workloadDashboard } from './workload-dashboard.js';

export const boards: readonly Board[] = [meshDashboard, serviceDashboard, workloadDashboard, nodeDashboard];

/** Of the chart, from the repository's root. */
const folder = 'deploy/helm/weft/files';

/** What the chart ships for Prometheus and Grafana: text by path from the repository's root. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ...boards.map((board) => [`${folder}/dashboards/${board.uid}.json`, render(board)] as const),
    [`${folder}/alerts.yaml`, renderRules()],
  ]);
}
