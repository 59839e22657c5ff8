import type { Board, Section } from './board.js';
import { nodeLink } from './links.js';
import { gateway } from './node-gateway.js';
import { kernel } from './node-kernel.js';
import { byNode, rateByNode } from './node-queries.js';
import { configuration, watches } from './node-sources.js';
import { type Steps, stat, table, timeSeries } from './panels.js';
import { datasourceVariable, jobVariable, nodeVariable, ofNode } from './variables.js';

const noneIsGood: Steps = [
  [null, 'green'],
  [1, 'orange'],
];

const overview: Section = {
  title: 'Agents',
  panels: [
    stat({
      title: 'Ready',
      description:
        'The worst of the chosen agents. Ready: sources are read, tables are programmed, and a canary connection was redirected.',
      unit: 'none',
      width: 4,
      texts: { '0': { text: 'not ready', color: 'red' }, '1': { text: 'ready', color: 'green' } },
      queries: [{ expr: `min(weft_ready{${ofNode}})`, legend: 'ready' }],
    }),
    stat({
      title: 'Checks degraded',
      description: 'Trouble beside which the tables still work; `readyz?verbose` and `weft status` say what it is.',
      unit: 'none',
      width: 4,
      steps: noneIsGood,
      queries: [{ expr: `sum(weft_check_degraded{${ofNode}})`, legend: 'degraded' }],
    }),
    stat({
      title: 'Greatest map pressure',
      description: 'Entries of the fullest kernel map over its capacity.',
      unit: 'percentunit',
      width: 4,
      max: 1,
      steps: [
        [null, 'green'],
        [0.7, 'orange'],
        [0.9, 'red'],
      ],
      queries: [{ expr: `max(weft_map_pressure{${ofNode}})`, legend: 'pressure' }],
    }),
    stat({
      title: 'Gateway workers',
      description: 'Processes that serve HTTP rules.',
      unit: 'none',
      width: 4,
      queries: [{ expr: `sum(weft_gateway_workers{${ofNode}})`, legend: 'workers' }],
    }),
    stat({
      title: 'Objects held',
      description: 'Objects that vanished at once and are held for 30 s by the mass-delete brake.',
      unit: 'none',
      width: 4,
      steps: noneIsGood,
      queries: [{ expr: `sum(weft_held_objects{${ofNode}})`, legend: 'held' }],
    }),
    stat({
      title: 'Youngest agent',
      description: 'Time since the agent that was started last was started.',
      unit: 's',
      width: 4,
      queries: [
        {
          expr: `min(time() - process_start_time_seconds{${ofNode}} and on (job, instance) weft_build_info{${ofNode}})`,
          legend: 'age',
        },
      ],
    }),
    table({
      title: 'Agents',
      description: 'One row an agent, with the version that runs and the tables’ generation.',
      unit: 'none',
      width: 24,
      height: 7,
      sortBy: 'Degraded',
      columns: [
        { name: 'Node', of: { label: 'instance' }, link: nodeLink },
        { name: 'Version', of: { label: 'version' } },
        { name: 'Node.js', of: { label: 'node_version' } },
        {
          name: 'Ready',
          of: {
            expr: `sum by (instance, version, node_version) (weft_ready{${ofNode}} * on (job, instance) group_left (version, node_version) weft_build_info{${ofNode}})`,
          },
        },
        { name: 'Degraded', of: { expr: `sum by (instance) (weft_check_degraded{${ofNode}})` } },
        { name: 'Generation', of: { expr: `sum by (instance) (weft_config_generation{${ofNode}})` } },
        {
          name: 'Problems',
          of: { expr: `sum by (instance) (weft_problems{${ofNode}}) or sum by (instance) (0 * weft_ready{${ofNode}})` },
        },
      ],
    }),
  ],
};

const agentProcess: Section = {
  title: 'Agent’s process',
  panels: [
    timeSeries({
      title: 'CPU',
      description: 'Of the agent without its workers, in CPUs.',
      unit: 'percentunit',
      width: 6,
      queries: rateByNode('process_cpu_seconds_total'),
    }),
    timeSeries({
      title: 'Memory',
      description: 'Resident memory of the agent without its workers.',
      unit: 'bytes',
      width: 6,
      queries: byNode('process_resident_memory_bytes'),
    }),
    timeSeries({
      title: 'Event loop lag, p99',
      description: 'How late timers of the agent run.',
      unit: 's',
      width: 6,
      queries: byNode('nodejs_eventloop_lag_p99_seconds'),
    }),
    timeSeries({
      title: 'Open files',
      description: 'File descriptors of the agent over what it may have.',
      unit: 'percentunit',
      width: 6,
      max: 1,
      queries: [
        {
          expr: `sum by (instance) (process_open_fds{${ofNode}}) / sum by (instance) (process_max_fds{${ofNode}})`,
          legend: '{{instance}}',
        },
      ],
    }),
  ],
};

export const nodeDashboard: Board = {
  uid: 'weft-node',
  title: 'Weft / Node agent and eBPF',
  description:
    'What the agent of each node does: programs and maps in the kernel, gateway workers, sources, and the process itself.',
  variables: [datasourceVariable, jobVariable, nodeVariable],
  sections: [overview, kernel, gateway, configuration, watches, agentProcess],
};
