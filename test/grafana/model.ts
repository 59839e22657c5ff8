import { readFileSync } from 'node:fs';

/** What tests read of a dashboard's JSON model. */
export interface DashboardModel {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly links: readonly { readonly type: string; readonly tags: readonly string[]; readonly placement?: string }[];
  readonly tags: readonly string[];
  readonly templating: { readonly list: readonly VariableModel[] };
  readonly panels: readonly PanelModel[];
}

export interface VariableModel {
  readonly name: string;
  readonly type: string;
  readonly query: string;
  readonly regex?: string;
  readonly label: string;
  readonly description: string;
  readonly includeAll: boolean;
  readonly allValue?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
}

export interface PanelModel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly TargetModel[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string };
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  readonly transformations?: readonly { readonly id: string; readonly options: Readonly<Record<string, object>> }[];
}

export interface TargetModel {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant: boolean;
  readonly datasource: { readonly uid: string };
}

const folder = 'deploy/helm/weft/files/dashboards';

/** The dashboards that the chart ships. */
export const dashboards: readonly DashboardModel[] = ['mesh', 'service', 'workload', 'node'].map(
  (name) => JSON.parse(readFileSync(`${folder}/weft-${name}.json`, 'utf8')) as DashboardModel,
);

/** Without rows. */
export function panelsOf({ panels }: DashboardModel): readonly PanelModel[] {
  return panels.filter(({ type }) => type !== 'row');
}
