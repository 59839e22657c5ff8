/** When an alert fires, and what looks much like it and must not. Series are in promtool's notation, one value a minute. */
export interface AlertCase {
  readonly alert: string;
  /** Of the alert that fires, besides alertname and severity. */
  readonly labels: Readonly<Record<string, string>>;
  /** How its description shows the value; undefined: it does not. */
  readonly value?: string;
  readonly fires: readonly string[];
  /** When it fires, and when not yet; a duration from the first value. */
  readonly at: string;
  readonly notYet: string;
  /** Nothing fires at `at`. */
  readonly calm: readonly string[];
}

const agent = { job: 'weft', instance: 'one' };
const of = 'job="weft",instance="one"';
const service = { destination_service: 'web.shop.svc.cluster.local', destination_service_namespace: 'shop' };
const traffic = `reporter="source",destination_service="web.shop.svc.cluster.local",destination_service_namespace="shop",${of}`;

/** Counters of requests that grow by so many a minute, as good and failed ones. */
function requests(good: string, failed: string): readonly string[] {
  return [
    `istio_requests_total{${traffic},response_code="200",grpc_response_status="unknown"} ${good}`,
    `istio_requests_total{${traffic},response_code="503",grpc_response_status="unknown"} ${failed}`,
  ];
}

function buckets(quick: string, all: string): readonly string[] {
  return [
    ['0.25', quick],
    ['1', all],
    ['+Inf', all],
  ].map(([le, values]) => `weft_propagation_seconds_bucket{${of},le="${le}"} ${values}`);
}

const decision = (reason: string): string => `weft_decisions_total{${of},verdict="refuse",reason="${reason}"}`;
const backend = (name: string): string =>
  `weft_gateway_backend_ejected{${of},cluster="web.shop.svc.cluster.local:80",backend="shop/${name}"}`;
const restarts = (reason: string): string => `weft_watch_restarts_total{${of},resource="services",reason="${reason}"}`;

export const alertCases: readonly AlertCase[] = [
  {
    alert: 'WeftAgentDown',
    labels: agent,
    fires: [`up{${of}} 1x5 0x20`],
    notYet: '6m',
    at: '10m',
    calm: [`up{${of}} 1 0 1 0 1x20`, 'up{job="node",instance="one"} 0x30'],
  },
  {
    alert: 'WeftAgentsAbsent',
    labels: {},
    fires: ['up{job="node",instance="one"} 1x30'],
    notYet: '4m',
    at: '10m',
    calm: [`up{${of}} 0x30`],
  },
  {
    alert: 'WeftNotReady',
    labels: agent,
    fires: [`weft_ready{${of}} 0x30`],
    notYet: '4m',
    at: '10m',
    calm: [`weft_ready{${of}} 0x3 1x30`],
  },
  {
    alert: 'WeftCheckDegraded',
    labels: { ...agent, check: 'gateway' },
    fires: [`weft_check_degraded{${of},check="gateway"} 1x30`],
    notYet: '9m',
    at: '15m',
    calm: [`weft_check_degraded{${of},check="gateway"} 0x30`, `weft_check_degraded{${of},check="sources"} 1x30`],
  },
  {
    alert: 'WeftSourceDegraded',
    labels: { ...agent, source: 'kubernetes/services' },
    fires: [`weft_source_degraded{${of},source="kubernetes/services"} 1x30`],
    notYet: '9m',
    at: '15m',
    calm: [`weft_source_degraded{${of},source="kubernetes/services"} 1x8 0x30`],
  },
  {
    alert: 'WeftSourceNotSynced',
    labels: { ...agent, source: '/manifests' },
    fires: [`weft_source_synced{${of},source="/manifests"} 0x30`],
    notYet: '4m',
    at: '10m',
    calm: [`weft_source_synced{${of},source="/manifests"} 0x2 1x30`],
  },
  {
    alert: 'WeftWatchStalled',
    labels: { ...agent, resource: 'services' },
    value: '10',
    fires: [`${restarts('idle')} 0+1x40`],
    notYet: '9m',
    at: '25m',
    calm: [`${restarts('ended')} 0+3x40`, `${restarts('cut')} 0 1 2 2x40`],
  },
  {
    alert: 'WeftWatchMissedEvents',
    labels: { ...agent, resource: 'services' },
    fires: [`${restarts('drift')} _x70 1x20`],
    notYet: '69m',
    at: '75m',
    calm: [`${restarts('drift')} 1x100`, `${restarts('ended')} _x70 1x20`],
  },
  {
    alert: 'WeftNoStatusWriter',
    labels: { job: 'weft' },
    fires: [`weft_status_writer{${of}} 0x30`, `weft_watch_synced{${of},resource="services"} 1x30`],
    notYet: '9m',
    at: '15m',
    calm: [
      `weft_status_writer{${of}} 0x30`,
      'weft_status_writer{job="weft",instance="two"} 1x30',
      `weft_watch_synced{${of},resource="services"} 1x30`,
      'weft_status_writer{job="weft-on-hosts",instance="three"} 0x30',
    ],
  },
  {
    alert: 'WeftGatewayWorkersRestarting',
    labels: agent,
    value: '15',
    fires: [`weft_gateway_worker_restarts_total{${of}} 0+1x40`],
    notYet: '2m',
    at: '30m',
    calm: [`weft_gateway_worker_restarts_total{${of}} 0x10 1x10 2x20`],
  },
  {
    alert: 'WeftGatewayDown',
    labels: agent,
    fires: [`weft_gateway_workers{${of}} 2x5 0x20`],
    notYet: '6m',
    at: '10m',
    calm: [`weft_gateway_workers{${of}} 0x30`, 'weft_gateway_workers{job="weft",instance="two"} 2x30'],
  },
  {
    alert: 'WeftGatewayLimitReached',
    labels: { ...agent, bound: 'connectionsRefused' },
    fires: [`weft_gateway_overruns_total{${of},bound="connectionsRefused"} 0+5x40`],
    notYet: '14m',
    at: '25m',
    calm: [
      `weft_gateway_overruns_total{${of},bound="connectionsRefused"} 0 9 9x40`,
      `weft_gateway_overruns_total{${of},bound="tlsRefused"} 0+5x40`,
    ],
  },
  {
    alert: 'WeftMapPressure',
    labels: { ...agent, map: 'slots' },
    value: '95%',
    fires: [`weft_map_pressure{${of},map="slots"} 0.95x30`],
    notYet: '4m',
    at: '10m',
    calm: [`weft_map_pressure{${of},map="slots"} 0.9x30`],
  },
  {
    alert: 'WeftMapDrift',
    labels: agent,
    fires: [`weft_map_drift_total{${of}} 0x5 3x30`],
    notYet: '4m',
    at: '10m',
    calm: [`weft_map_drift_total{${of}} 7x30`],
  },
  {
    alert: 'WeftTableBroken',
    labels: agent,
    value: '15',
    fires: [`${decision('table_broken')} 0+1x40`],
    notYet: '0m',
    at: '30m',
    calm: [`${decision('table_broken')} 4x40`, `${decision('max_connections')} 0+9x40`],
  },
  {
    alert: 'WeftEventsLost',
    labels: agent,
    fires: [`weft_events_lost_total{${of}} 0+60x40`],
    notYet: '14m',
    at: '25m',
    calm: [`weft_events_lost_total{${of}} 0 60 60x40`, `weft_gateway_requests_untold_total{${of}} 0+600x40`],
  },
  {
    alert: 'WeftSeriesDropped',
    labels: agent,
    fires: [`weft_series_dropped_total{${of}} 0x5 12x30`, `weft_edges_full_total{${of}} 0x40`],
    notYet: '4m',
    at: '10m',
    calm: [`weft_series_dropped_total{${of}} 12x40`, `weft_edges_full_total{${of}} 3x40`],
  },
  {
    alert: 'WeftConfigProblems',
    labels: { job: 'weft', code: 'WEFT0101' },
    value: '2',
    fires: [
      `weft_problems{${of},severity="error",code="WEFT0101"} 2x30`,
      'weft_problems{job="weft",instance="two",severity="error",code="WEFT0101"} 2x30',
    ],
    notYet: '9m',
    at: '15m',
    calm: [`weft_problems{${of},severity="warning",code="WEFT0403"} 5x30`],
  },
  {
    alert: 'WeftMassDeletionHeld',
    labels: agent,
    value: '40',
    fires: [`weft_held_objects{${of}} 0x5 40 0x20`],
    notYet: '5m',
    at: '8m',
    calm: [`weft_held_objects{${of}} 40 0x30`],
  },
  {
    alert: 'WeftPropagationSlow',
    labels: agent,
    value: '985ms',
    fires: buckets('0+50x60', '0+100x60'),
    notYet: '5m',
    at: '30m',
    calm: buckets('0+100x60', '0+100x60'),
  },
  {
    alert: 'WeftBackendsEjected',
    labels: { ...agent, cluster: 'web.shop.svc.cluster.local:80' },
    value: '66.67%',
    fires: [`${backend('web-1')} 2x30`, `${backend('web-2')} 1x30`, `${backend('web-3')} 0x30`],
    notYet: '4m',
    at: '10m',
    calm: [`${backend('web-1')} 2x30`, `${backend('web-2')} 0x30`, `${backend('web-3')} 0x30`],
  },
  {
    alert: 'WeftNoUsableBackend',
    labels: agent,
    value: '2.0',
    fires: [`${decision('no_backend')} 0+120x30`],
    notYet: '4m',
    at: '15m',
    calm: [
      `${decision('no_backend')} 0 3 3x30`,
      `weft_decisions_total{${of},verdict="redirect",reason="picked"} 0+9x30`,
    ],
  },
  {
    alert: 'WeftHighErrorRatio',
    labels: service,
    value: '10%',
    fires: requests('0+540x40', '0+60x40'),
    notYet: '4m',
    at: '20m',
    calm: [
      ...requests('0+594x40', '0+6x40'),
      `istio_requests_total{reporter="source",destination_service="idle.shop.svc.cluster.local",destination_service_namespace="shop",${of},response_code="500"} 0+2x40`,
    ],
  },
  {
    alert: 'WeftErrorBudgetBurnFast',
    labels: service,
    value: '2%',
    fires: requests('0+588x120', '0+12x120'),
    notYet: '1m',
    at: '100m',
    calm: requests('0+594x120', '0+6x120'),
  },
  {
    alert: 'WeftErrorBudgetBurnSlow',
    labels: service,
    value: '1%',
    fires: requests('0+594x480', '0+6x480'),
    notYet: '10m',
    at: '450m',
    calm: requests('0+597x480', '0+3x480'),
  },
];
