import type { Section } from './board.js';
import { byNode } from './node-queries.js';
import { timeSeries } from './panels.js';
import { orZero, panelRate, quantile } from './promql.js';
import { ofNode } from './variables.js';

/** How changes arrive. */
export const configuration: Section = {
  title: 'Configuration',
  panels: [
    timeSeries({
      title: 'Propagation of changes',
      description: 'From the arrival of a change until the kernel has it. Nothing while nothing changes.',
      unit: 's',
      width: 8,
      steps: [
        [null, 'green'],
        [0.5, 'red'],
      ],
      queries: [0.5, 0.99].map((q) => ({
        expr: quantile(q, 'weft_propagation_seconds', ofNode),
        legend: `p${q * 100}`,
      })),
    }),
    timeSeries({
      title: 'Changes of the tables',
      description: 'How often the tables were written: their generation’s growth.',
      unit: 'ops',
      width: 8,
      queries: [
        {
          expr: `sum by (instance) (rate(weft_config_generation{${ofNode}}[$__rate_interval]))`,
          legend: '{{instance}}',
        },
      ],
    }),
    timeSeries({
      title: 'Problems of manifests',
      description: 'By code: each has an entry in deploy/problems.md, and `weft get problems` says where it is.',
      unit: 'none',
      width: 8,
      decimals: 0,
      queries: [
        {
          expr: orZero(`max by (severity, code) (weft_problems{${ofNode}})`),
          legend: '{{severity}} {{code}}',
        },
      ],
    }),
    timeSeries({
      title: 'Sources that are not synced or have trouble',
      description: 'Directories of manifests and resources of the API server. The last tables stay meanwhile.',
      unit: 'none',
      width: 8,
      decimals: 0,
      queries: [
        { expr: `sum by (source) (1 - weft_source_synced{${ofNode}})`, legend: '{{source}} not synced' },
        { expr: `sum by (source) (weft_source_degraded{${ofNode}})`, legend: '{{source}} in trouble' },
      ],
    }),
    timeSeries({
      title: 'Checks degraded',
      description: 'By check, as `readyz?verbose` lists them.',
      unit: 'none',
      width: 8,
      decimals: 0,
      queries: [{ expr: `sum by (check) (weft_check_degraded{${ofNode}})`, legend: '{{check}}' }],
    }),
    timeSeries({
      title: 'Endpoints by state',
      description: 'Endpoints of Service ports as these nodes see them: the most of any.',
      unit: 'none',
      width: 8,
      stacked: 'values',
      queries: [{ expr: `max by (state) (weft_backends{${ofNode}})`, legend: '{{state}}' }],
    }),
  ],
};

/** What the API server tells, and is told. */
export const watches: Section = {
  title: 'Kubernetes API',
  panels: [
    timeSeries({
      title: 'Events of watches',
      description:
        'What the API server told, by resource. Bookmarks count too: a watch that is silent for long is begun again.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_watch_events_total', ofNode, 'resource'), legend: '{{resource}}' }],
    }),
    timeSeries({
      title: 'Lists and watches begun again',
      description:
        'By reason. `ended` is usual: the server ends every watch after a while. `missing`: a CRD that is not installed.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_watch_restarts_total', ofNode, 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Objects kept',
      description: 'Of each resource, the most of any of the chosen nodes.',
      unit: 'none',
      width: 8,
      queries: [{ expr: `max by (resource) (weft_watch_objects{${ofNode}})`, legend: '{{resource}}' }],
    }),
    timeSeries({
      title: 'Resources not synced',
      description: 'Nodes on which a resource has not been listed yet.',
      unit: 'none',
      width: 12,
      decimals: 0,
      queries: [{ expr: `sum by (resource) (1 - weft_watch_synced{${ofNode}})`, legend: '{{resource}}' }],
    }),
    timeSeries({
      title: 'Writer of status',
      description: 'Which agent holds the Lease and writes conditions and Events: one of the whole mesh.',
      unit: 'none',
      width: 12,
      decimals: 0,
      max: 1,
      queries: byNode('weft_status_writer'),
    }),
  ],
};
