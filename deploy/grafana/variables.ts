import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableHide,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { datasource } from './panels.js';

export type Variable = Builder<VariableModel>;

export const datasourceVariable: Variable = new DatasourceVariableBuilder('datasource')
  .label('Data source')
  .description('The Prometheus that scrapes the agents')
  .type('prometheus');

export interface VariableOptions {
  readonly label: string;
  readonly description: string;
  /** `label_values(…)` or `query_result(…)`. */
  readonly query: string;
  /** Takes the value out of a `query_result`. */
  readonly regex?: string;
  /** Whether several or all may be chosen. Default: one. */
  readonly several?: boolean;
  readonly hidden?: boolean;
}

/** A choice among what Prometheus knows in the time that is shown. */
export function choice(name: string, options: VariableOptions): Variable {
  const { description, hidden = false, label, query, regex = '', several = false } = options;
  const variable = new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(datasource)
    .query(query)
    .definition(query)
    .regex(regex)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .hide(hidden ? VariableHide.HideVariable : VariableHide.DontHide)
    .multi(several)
    .includeAll(several);
  if (!several) return variable;
  return variable.allValue('.*').current({ selected: true, text: ['All'], value: ['$__all'] });
}

/** What Prometheus calls the agents: Kubernetes' PodMonitor makes it NAMESPACE/NAME. */
export const jobVariable: Variable = choice('job', {
  label: 'Job',
  description: 'Scrape jobs of Weft agents: one a mesh',
  query: 'label_values(weft_build_info, job)',
  several: true,
});

/** Label `instance`, which the chart's PodMonitor makes the node's name. */
export const nodeVariable: Variable = choice('node', {
  label: 'Node',
  description: 'The node of an agent: label instance',
  query: 'label_values(weft_build_info{job=~"$job"}, instance)',
  several: true,
});

/** The matchers of the two variables. */
export const ofJob = 'job=~"$job"';
export const ofNode = 'job=~"$job", instance=~"$node"';

/** Weft reports what clients see; with it in a query, what Istio's proxies report beside it is left out. */
export const reporter = 'reporter="source"';
