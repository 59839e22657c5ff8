import type { Section } from './board.js';
import { rateByNode } from './node-queries.js';
import { table, timeSeries } from './panels.js';
import { matchers, panelRate } from './promql.js';
import { ofNode } from './variables.js';

const of = (...more: readonly string[]): string => matchers(ofNode, ...more);

/** What programs decide, and what maps hold. */
export const kernel: Section = {
  title: 'eBPF',
  panels: [
    timeSeries({
      title: 'Decisions',
      description: 'About connections and datagrams of captured Pods, by what was done and why.',
      unit: 'ops',
      width: 12,
      queries: [
        { expr: panelRate('weft_decisions_total', ofNode, 'verdict, reason'), legend: '{{verdict}}: {{reason}}' },
      ],
    }),
    timeSeries({
      title: 'Connections refused',
      description:
        'By reason: no_backend (none is usable), max_connections, gateway_down, gateway_direct, table_broken.',
      unit: 'ops',
      width: 12,
      queries: [{ expr: panelRate('weft_decisions_total', of('verdict="refuse"'), 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Path of connections',
      description: 'Straight to the backend by the kernel (l4), or to the gateway, and why.',
      unit: 'ops',
      width: 8,
      stacked: 'values',
      queries: [
        {
          expr: panelRate('weft_path_total', of('reason=~"picked|affinity|sticky|gateway"'), 'path, reason'),
          legend: '{{path}}: {{reason}}',
        },
      ],
    }),
    timeSeries({
      title: 'Run time of programs',
      description:
        'Mean of one run. 0 while the kernel keeps no statistics (sysctl kernel.bpf_stats_enabled), which cost about 20 ns a run.',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `${panelRate('weft_program_run_seconds_total', ofNode, 'program')} / clamp_min(${panelRate('weft_program_runs_total', ofNode, 'program')}, 0.001)`,
          legend: '{{program}}',
        },
      ],
    }),
    timeSeries({
      title: 'CPU time of programs',
      description: 'Part of one CPU that all runs of a program take. 0 while the kernel keeps no statistics.',
      unit: 'percentunit',
      width: 8,
      queries: [{ expr: panelRate('weft_program_run_seconds_total', ofNode, 'program'), legend: '{{program}}' }],
    }),
    timeSeries({
      title: 'Map pressure',
      description: 'Entries of each kernel map over its capacity, the fullest of the chosen nodes.',
      unit: 'percentunit',
      width: 12,
      max: 1,
      steps: [
        [null, 'green'],
        [0.7, 'orange'],
        [0.9, 'red'],
      ],
      queries: [{ expr: `max by (map) (weft_map_pressure{${ofNode}})`, legend: '{{map}}' }],
    }),
    table({
      title: 'Maps',
      description: 'What each kernel map holds, and has room for, on the node where it is fullest.',
      unit: 'short',
      width: 12,
      height: 8,
      sortBy: 'Pressure',
      columns: [
        { name: 'Map', of: { label: 'map' } },
        { name: 'Entries', of: { expr: `max by (map) (weft_map_entries{${ofNode}})` } },
        { name: 'Capacity', of: { expr: `min by (map) (weft_map_capacity{${ofNode}})` } },
        {
          name: 'Pressure',
          of: { expr: `max by (map) (weft_map_pressure{${ofNode}})` },
          unit: 'percentunit',
          decimals: 1,
        },
      ],
    }),
    timeSeries({
      title: 'Drift repaired',
      description: 'Rows of kernel maps that differed from what was desired, because somebody else wrote them.',
      unit: 'ops',
      width: 8,
      queries: rateByNode('weft_map_drift_total'),
    }),
    timeSeries({
      title: 'Events lost',
      description:
        'Events of connections that did not fit the kernel’s ring, so that `weft flows` lacks them; and requests that it lacks by design, because workers tell of so many a second.',
      unit: 'ops',
      width: 8,
      queries: [
        { expr: panelRate('weft_events_lost_total', ofNode, 'instance'), legend: '{{instance}} lost' },
        { expr: panelRate('weft_gateway_requests_untold_total', ofNode, 'instance'), legend: '{{instance}} not told' },
      ],
    }),
    timeSeries({
      title: 'Series without a place',
      description:
        'Edges and requests that were counted in `other` because a node shows at most 1 000 of either; and connections whose edge did not fit the kernel’s map.',
      unit: 'ops',
      width: 8,
      queries: [
        { expr: panelRate('weft_series_dropped_total', ofNode, 'instance'), legend: '{{instance}} in other' },
        { expr: panelRate('weft_edges_full_total', ofNode, 'instance'), legend: '{{instance}} not counted' },
      ],
    }),
  ],
};
