import type { Section } from './board.js';
import { byNode } from './node-queries.js';
import { timeSeries } from './panels.js';
import { matchers, panelRate } from './promql.js';
import { ofNode } from './variables.js';

const of = (...more: readonly string[]): string => matchers(ofNode, ...more);

/** Workers, and what they know of backends. */
export const gateway: Section = {
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
        { expr: `sum(weft_gateway_connections{${ofNode}})`, legend: 'connections' },
        { expr: `sum(weft_gateway_requests_in_flight{${ofNode}})`, legend: 'requests' },
      ],
    }),
    timeSeries({
      title: 'Worker restarts',
      description: 'Workers that ended by themselves and were started again.',
      unit: 'none',
      width: 8,
      queries: [
        {
          expr: `sum by (instance) (increase(weft_gateway_worker_restarts_total{${ofNode}}[$__rate_interval]))`,
          legend: '{{instance}}',
        },
      ],
    }),
    timeSeries({
      title: 'Ejections',
      description: 'Backends that workers took out for a while, by reason.',
      unit: 'ops',
      width: 8,
      queries: [{ expr: panelRate('weft_ejections_total', ofNode, 'reason'), legend: '{{reason}}' }],
    }),
    timeSeries({
      title: 'Backends ejected',
      description: 'Backends of each cluster that some worker does not use now.',
      unit: 'none',
      width: 8,
      queries: [
        {
          expr: `sum by (cluster) (max by (cluster, backend) (weft_gateway_backend_ejected{${ofNode}}) > bool 0)`,
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
          expr: `topk(10, max by (cluster, backend) (weft_gateway_backend_latency_milliseconds{${ofNode}}))`,
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
      queries: [{ expr: panelRate('weft_gateway_overruns_total', ofNode, 'bound'), legend: '{{bound}}' }],
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
