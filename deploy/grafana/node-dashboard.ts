import type { Board, Section } from './board.js';
import { nodeLink } from './links.js';
import { type Query, type Steps, stat, table, timeSeries } from './panels.js';
import { matchers, orZero, panelRate, quantile } from './promql.js';
import { datasourceVariable, jobVariable, nodeVariable, ofNode } from './variables.js';

const of = (...more: readonly string[]): string => matchers(ofNode, ...more);
const noneIsGood: Steps = [
  [null, 'green'],
  [1, 'orange'],
];

/** One line a node. */
function byNode(metric: string, more = ''): readonly Query[] {
  return [{ expr: `sum by (instance) (${metric}{${of(more)}})`, legend: '{{instance}}' }];
}

function rateByNode(counter: string, more = ''): readonly Query[] {
  return [{ expr: panelRate(counter, of(more), 'instance'), legend: '{{instance}}' }];
}

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
      queries: [{ expr: `min(weft_ready{${of()}})`, legend: 'ready' }],
    }),
    stat({
      title: 'Checks degraded',
      description: 'Trouble beside which the tables still work; `readyz?verbose` and `weft status` say what it is.',
      unit: 'none',
      width: 4,
      steps: noneIsGood,
      queries: [{ expr: `sum(weft_check_degraded{${of()}})`, legend: 'degraded' }],
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
      queries: [{ expr: `max(weft_map_pressure{${of()}})`, legend: 'pressure' }],
    }),
    stat({
      title: 'Gateway workers',
      description: 'Processes that serve HTTP rules.',
      unit: 'none',
      width: 4,
      queries: [{ expr: `sum(weft_gateway_workers{${of()}})`, legend: 'workers' }],
    }),
    stat({
      title: 'Objects held',
      description: 'Objects that vanished at once and are held for 30 s by the mass-delete brake.',
      unit: 'none',
      width: 4,
      steps: noneIsGood,
      queries: [{ expr: `sum(weft_held_objects{${of()}})`, legend: 'held' }],
    }),
    stat({
      title: 'Youngest agent',
      description: 'Time since the agent that was started last was started.',
      unit: 's',
      width: 4,
      queries: [
        {
          expr: `min(time() - process_start_time_seconds{${of()}} and on (job, instance) weft_build_info{${of()}})`,
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
            expr: `sum by (instance, version, node_version) (weft_ready{${of()}} * on (job, instance) group_left (version, node_version) weft_build_info{${of()}})`,
          },
        },
        { name: 'Degraded', of: { expr: `sum by (instance) (weft_check_degraded{${of()}})` } },
        { name: 'Generation', of: { expr: `sum by (instance) (weft_config_generation{${of()}})` } },
        {
          name: 'Problems',
          of: { expr: `sum by (instance) (weft_problems{${of()}}) or sum by (instance) (0 * weft_ready{${of()}})` },
        },
      ],
    }),
  ],
};

const datapath: Section = {
  title: 'eBPF',
  panels: [
    timeSeries({
      title: 'Decisions',
      description: 'About connections and datagrams of captured Pods, by what was done and why.',
      unit: 'ops',
      width: 12,
      queries: [
        { expr: panelRate('weft_decisions_total', of(), 'verdict, reason'), legend: '{{verdict}}: {{reason}}' },
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
          expr: `${panelRate('weft_program_run_seconds_total', of(), 'program')} / clamp_min(${panelRate('weft_program_runs_total', of(), 'program')}, 0.001)`,
          legend: '{{program}}',
        },
      ],
    }),
    timeSeries({
      title: 'CPU time of programs',
      description: 'Part of one CPU that all runs of a program take. 0 while the kernel keeps no statistics.',
      unit: 'percentunit',
      width: 8,
      queries: [{ expr: panelRate('weft_program_run_seconds_total', of(), 'program'), legend: '{{program}}' }],
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
      queries: [{ expr: `max by (map) (weft_map_pressure{${of()}})`, legend: '{{map}}' }],
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
        { name: 'Entries', of: { expr: `max by (map) (weft_map_entries{${of()}})` } },
        { name: 'Capacity', of: { expr: `min by (map) (weft_map_capacity{${of()}})` } },
        {
          name: 'Pressure',
          of: { expr: `max by (map) (weft_map_pressure{${of()}})` },
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
        { expr: panelRate('weft_events_lost_total', of(), 'instance'), legend: '{{instance}} lost' },
        { expr: panelRate('weft_gateway_requests_untold_total', of(), 'instance'), legend: '{{instance}} not told' },
      ],
    }),
    timeSeries({
      title: 'Series without a place',
      description:
        'Edges and requests that were counted in `other` because a node shows at most 1 000 of either; and connections whose edge did not fit the kernel’s map.',
      unit: 'ops',
      width: 8,
      queries: [
        { expr: panelRate('weft_series_dropped_total', of(), 'instance'), legend: '{{instance}} in other' },
        { expr: panelRate('weft_edges_full_total', of(), 'instance'), legend: '{{instance}} not counted' },
      ],
    }),
  ],
};

const gateway: Section = {
  title: 'Gateway',
  panels: [
    timeSeries({
      title: 'Served by protocol',
      description: 'Requests, and connections carried as they are (tcp).',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_path_total', of('reason=~"http|grpc|tcp"'), 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Connections and requests in flight',
      description: 'Connections that clients have to workers, and requests that have not ended.',
      unit: 'none',
      width: 8,
      queries: [
        { expr: `sum(weft_gateway_connections{${of()}})`, legend: 'connections' },
        { expr: `sum(weft_gateway_requests_in_flight{${of()}})`, legend: 'requests' },
      ],
    }),
    timeSeries({
      title: 'Worker restarts',
      description: 'Workers that ended by themselves and were started again.',
      unit: 'none',
      width: 8,
      queries: [
        {
          expr: `sum by (instance) (increase(weft_gateway_worker_restarts_total{${of()}}[$__rate_interval]))`,
          legend: '{{instance}}',
        },
      ],
    }),
    timeSeries({
      title: 'Ejections',
      description: 'Backends that workers took out for a while, by reason.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_ejections_total', of(), 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Backends ejected',
      description: 'Backends of each cluster that some worker does not use now.',
      unit: 'none',
      width: 8,
      queries: [
        {
          expr: `sum by (cluster) (max by (cluster, backend) (weft_gateway_backend_ejected{${of()}}) > bool 0)`,
          legend: '{{cluster}}',
        },
      ],
    }),
    timeSeries({
      title: 'Slowest backends',
      description: 'The 10 backends that the gateway expects to take longest until a response begins (Peak-EWMA).',
      unit: 'ms',
      width: 8,
      queries: [
        {
          expr: `topk(10, max by (cluster, backend) (weft_gateway_backend_latency_milliseconds{${of()}}))`,
          legend: '{{backend}} of {{cluster}}',
        },
      ],
    }),
    timeSeries({
      title: 'Limits reached',
      description:
        'Things in workers that went over a bound, by bound: connections that were not accepted, mirrors and delays that were left out, bodies that were not kept for a retry.',
      unit: 'ops',
      width: 12,
      queries: [{ expr: panelRate('weft_gateway_overruns_total', of(), 'bound'), legend: '{{bound}}' }],
    }),
    timeSeries({
      title: 'Memory of workers',
      description: 'Resident memory of all workers of a node.',
      unit: 'bytes',
      width: 12,
      queries: byNode('weft_gateway_resident_memory_bytes'),
    }),
  ],
};

const configuration: Section = {
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
      queries: [0.5, 0.99].map((q) => ({ expr: quantile(q, 'weft_propagation_seconds', of()), legend: `p${q * 100}` })),
    }),
    timeSeries({
      title: 'Changes of the tables',
      description: 'How often the tables were written: their generation’s growth.',
      unit: 'ops',
      width: 8,
      queries: [
        {
          expr: `sum by (instance) (rate(weft_config_generation{${of()}}[$__rate_interval]))`,
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
          expr: orZero(`max by (severity, code) (weft_problems{${of()}})`),
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
        { expr: `sum by (source) (1 - weft_source_synced{${of()}})`, legend: '{{source}} not synced' },
        { expr: `sum by (source) (weft_source_degraded{${of()}})`, legend: '{{source}} in trouble' },
      ],
    }),
    timeSeries({
      title: 'Checks degraded',
      description: 'By check, as `readyz?verbose` lists them.',
      unit: 'none',
      width: 8,
      decimals: 0,
      queries: [{ expr: `sum by (check) (weft_check_degraded{${of()}})`, legend: '{{check}}' }],
    }),
    timeSeries({
      title: 'Endpoints by state',
      description: 'Endpoints of Service ports as these nodes see them: the most of any.',
      unit: 'none',
      width: 8,
      stacked: 'values',
      queries: [{ expr: `max by (state) (weft_backends{${of()}})`, legend: '{{state}}' }],
    }),
  ],
};

const watches: Section = {
  title: 'Kubernetes API',
  panels: [
    timeSeries({
      title: 'Events of watches',
      description:
        'What the API server told, by resource. Bookmarks count too: a watch that is silent for long is begun again.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_watch_events_total', of(), 'resource'), legend: '{{resource}}' }],
    }),
    timeSeries({
      title: 'Lists and watches begun again',
      description:
        'By reason. `ended` is usual: the server ends every watch after a while. `missing`: a CRD that is not installed.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_watch_restarts_total', of(), 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Objects kept',
      description: 'Of each resource, the most of any of the chosen nodes.',
      unit: 'none',
      width: 8,
      queries: [{ expr: `max by (resource) (weft_watch_objects{${of()}})`, legend: '{{resource}}' }],
    }),
    timeSeries({
      title: 'Resources not synced',
      description: 'Nodes on which a resource has not been listed yet.',
      unit: 'none',
      width: 12,
      decimals: 0,
      queries: [{ expr: `sum by (resource) (1 - weft_watch_synced{${of()}})`, legend: '{{resource}}' }],
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
          expr: `sum by (instance) (process_open_fds{${of()}}) / sum by (instance) (process_max_fds{${of()}})`,
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
  sections: [overview, datapath, gateway, configuration, watches, agentProcess],
};
