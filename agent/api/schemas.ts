import { flowEvents, reasons, verdicts } from './flow.js';
import { count, flag, list, mapOf, number, oneOf, record, type Schema, text } from './json-schema.js';

/*
 * The shapes of answers, for /openapi.json. They mirror items.ts and flow.ts and are not checked at run time.
 */

const Protocol = oneOf(['TCP', 'UDP']);
const Count = count();
const Port = count(65535);
const Text = text();
const Names = list(Text);
const WeightMap = mapOf(Port);

export const ProblemSchema: Schema = record({
  code: text({ pattern: '^WEFT[0-9]{4}$' }),
  severity: oneOf(['error', 'warning']),
  file: Text,
  line: Count,
  column: Count,
  resource: Text,
  path: Text,
  message: Text,
  fix: Text,
});

/** application/problem+json, RFC 9457. */
export const ProblemDetailsSchema: Schema = record(
  { type: Text, title: Text, status: count(), detail: Text },
  { errors: list(record({ in: Text, path: Text, message: Text })), problems: list(ProblemSchema) },
);

export function listingSchema(item: Schema, more: Record<string, Schema> = {}): Schema {
  return record({ generation: Count, ...more, items: list(item) });
}

const serviceFields = {
  service: Text,
  namespace: Text,
  name: Text,
  addresses: Names,
  ports: list(
    record({
      name: Text,
      port: Port,
      protocol: Protocol,
      policy: Text,
      policySource: Text,
      backends: Count,
      usable: Count,
      inflight: Count,
      maxConnections: Count,
      affinitySeconds: Count,
    }),
  ),
  weights: WeightMap,
  file: Text,
};
export const ServiceSchema: Schema = record(serviceFields);

export const BackendSchema: Schema = record({
  service: Text,
  servicePort: Port,
  protocol: Protocol,
  backend: Text,
  address: Text,
  port: Port,
  node: Text,
  zone: Text,
  state: Text,
  weight: Count,
  probability: number({ minimum: 0, maximum: 1 }),
  inflight: Count,
  opened: Count,
  failed: Count,
});

export const OneServiceSchema: Schema = record({
  generation: Count,
  ...serviceFields,
  backends: list(BackendSchema),
});

export const RouteSchema: Schema = record({
  address: Text,
  port: Port,
  protocol: Protocol,
  service: Text,
  path: oneOf(['l4', 'kernel', 'gateway']),
  rule: Text,
  policy: Text,
  backends: Count,
  usable: Count,
  hosts: Names,
  rules: list(record({ rule: Text, match: Text, action: Text, namespaces: Names })),
});

export const ConditionSchema: Schema = record({
  resource: Text,
  part: Text,
  type: oneOf(['Accepted', 'ResolvedRefs', 'Programmed', 'Conflicted']),
  status: oneOf(['True', 'False']),
  reason: Text,
  message: Text,
});

export const PodSchema: Schema = record({
  pod: Text,
  namespace: Text,
  name: Text,
  addresses: Names,
  node: Text,
  netns: Text,
  workload: Text,
  captured: flag,
  why: Text,
  ready: flag,
  terminating: flag,
  drained: flag,
});

export const TableSchema: Schema = record({
  table: Text,
  key: Text,
  desired: Text,
  kernel: Text,
  drift: flag,
});

export const StatusSchema: Schema = record({
  version: Text,
  node: Text,
  kernel: Text,
  mode: Text,
  ready: flag,
  checks: list(record({ name: Text, state: oneOf(['ok', 'degraded', 'failed']), why: Text })),
  generation: Count,
  started: text({ format: 'date-time' }),
  cgroup: Text,
  pin: Text,
  sources: list(record({ name: Text, synced: flag, trouble: Text, objects: Count })),
  services: Count,
  backends: Count,
  pods: Count,
  captured: Count,
  errors: Count,
  warnings: Count,
  held: Count,
  drift: Count,
  eventsLost: Count,
});

export const ExplanationSchema: Schema = record(
  {
    verdict: oneOf([...verdicts, 'answer']),
    reason: oneOf(reasons),
    path: oneOf(['l4', 'kernel', 'gateway']),
    service: Text,
    port: Port,
    rule: Text,
    candidates: list(record({ backend: Text, address: Text, probability: number(), state: Text })),
    next: Text,
    steps: Names,
  },
  { status: Count },
);

export const ValidationSchema: Schema = record({ objects: Count, problems: list(ProblemSchema) });

export const DiffSchema: Schema = listingSchema(
  record({ action: oneOf(['add', 'change', 'remove']), table: Text, key: Text, before: Text, after: Text }),
  { problems: list(ProblemSchema) },
);

export const WeightsSchema: Schema = record({ service: Text, weights: WeightMap });
export const DrainSchema: Schema = record({ pod: Text, drained: flag });

const FlowRequestSchema: Schema = record({
  method: Text,
  authority: Text,
  path: Text,
  version: Text,
  status: Count,
  grpcStatus: number(),
  rule: Text,
  cluster: Text,
  flags: Text,
  attempts: Count,
  upstreamMs: number(),
  requestId: Text,
});

export const FlowSchema: Schema = record(
  {
    time: text({ format: 'date-time' }),
    event: oneOf(flowEvents),
    verdict: oneOf(verdicts),
    reason: oneOf(reasons),
    protocol: Protocol,
    from: Text,
    service: Text,
    serviceAddress: Text,
    servicePort: Port,
    backend: Text,
    backendAddress: Text,
    backendPort: Port,
    connectMs: number(),
    durationMs: number(),
    sentBytes: Count,
    receivedBytes: Count,
    rttMs: number(),
  },
  { request: FlowRequestSchema },
);

export const LostSchema: Schema = record({ event: oneOf(['lost']), lost: Count });
