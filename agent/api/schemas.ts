import { type TObject, type TSchema, Type } from '@sinclair/typebox';
import { flowEvents, reasons, verdicts } from './flow.js';

/*
 * The shapes of answers, for /openapi.json. They mirror items.ts and flow.ts and are not checked at run time.
 */

function literals(values: readonly string[]): TSchema {
  return Type.Unsafe<string>({ type: 'string', enum: [...values] });
}

const Protocol = literals(['TCP', 'UDP']);
const Count = Type.Integer({ minimum: 0 });
const Port = Type.Integer({ minimum: 0, maximum: 65535 });
const Text = Type.String();
const Names = Type.Array(Text);
const WeightMap = Type.Record(Text, Type.Integer({ minimum: 0, maximum: 65535 }));

export const ProblemDetailsSchema: TObject = Type.Object({
  type: Text,
  title: Text,
  status: Type.Integer(),
  detail: Text,
  errors: Type.Optional(Type.Array(Type.Object({ in: Text, path: Text, message: Text }))),
  problems: Type.Optional(Type.Array(Type.Unsafe({ type: 'object' }))),
});

export const ProblemSchema: TObject = Type.Object({
  code: Type.String({ pattern: '^WEFT[0-9]{4}$' }),
  severity: literals(['error', 'warning']),
  file: Text,
  line: Count,
  column: Count,
  resource: Text,
  path: Text,
  message: Text,
  fix: Text,
});

export function listingSchema(item: TSchema, more: Record<string, TSchema> = {}): TObject {
  return Type.Object({ generation: Count, ...more, items: Type.Array(item) });
}

export const ServiceSchema: TObject = Type.Object({
  service: Text,
  namespace: Text,
  name: Text,
  addresses: Names,
  ports: Type.Array(
    Type.Object({
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
});

export const BackendSchema: TObject = Type.Object({
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
  probability: Type.Number({ minimum: 0, maximum: 1 }),
  inflight: Count,
  opened: Count,
  failed: Count,
});

export const OneServiceSchema: TObject = Type.Object({
  generation: Count,
  ...ServiceSchema.properties,
  backends: Type.Array(BackendSchema),
});

export const RouteSchema: TObject = Type.Object({
  address: Text,
  port: Port,
  protocol: Protocol,
  service: Text,
  path: literals(['l4', 'kernel', 'gateway']),
  rule: Text,
  policy: Text,
  backends: Count,
  usable: Count,
});

export const PodSchema: TObject = Type.Object({
  pod: Text,
  namespace: Text,
  name: Text,
  addresses: Names,
  node: Text,
  netns: Text,
  workload: Text,
  captured: Type.Boolean(),
  why: Text,
  ready: Type.Boolean(),
  terminating: Type.Boolean(),
  drained: Type.Boolean(),
});

export const TableSchema: TObject = Type.Object({
  table: Text,
  key: Text,
  desired: Text,
  kernel: Text,
  drift: Type.Boolean(),
});

export const StatusSchema: TObject = Type.Object({
  version: Text,
  node: Text,
  kernel: Text,
  mode: Text,
  ready: Type.Boolean(),
  checks: Type.Array(Type.Object({ name: Text, state: literals(['ok', 'degraded', 'failed']), why: Text })),
  generation: Count,
  started: Type.String({ format: 'date-time' }),
  cgroup: Text,
  pin: Text,
  sources: Type.Array(Type.Object({ name: Text, synced: Type.Boolean(), trouble: Text, objects: Count })),
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

export const ExplanationSchema: TObject = Type.Object({
  verdict: Text,
  path: literals(['l4', 'kernel', 'gateway']),
  service: Text,
  port: Port,
  rule: Text,
  candidates: Type.Array(Type.Object({ backend: Text, address: Text, probability: Type.Number(), state: Text })),
  steps: Names,
});

export const ValidationSchema: TObject = Type.Object({ objects: Count, problems: Type.Array(ProblemSchema) });

export const DiffSchema: TObject = listingSchema(
  Type.Object({ action: literals(['add', 'change', 'remove']), table: Text, key: Text, before: Text, after: Text }),
  { problems: Type.Array(ProblemSchema) },
);

export const WeightsSchema: TObject = Type.Object({ service: Text, weights: WeightMap });
export const DrainSchema: TObject = Type.Object({ pod: Text, drained: Type.Boolean() });

export const FlowSchema: TObject = Type.Object({
  time: Type.String({ format: 'date-time' }),
  event: literals(flowEvents),
  verdict: literals(verdicts),
  reason: literals(reasons),
  protocol: Protocol,
  from: Text,
  service: Text,
  serviceAddress: Text,
  servicePort: Port,
  backend: Text,
  backendAddress: Text,
  backendPort: Port,
  connectMs: Type.Number(),
  durationMs: Type.Number(),
  sentBytes: Count,
  receivedBytes: Count,
  rttMs: Type.Number(),
});

export const LostSchema: TObject = Type.Object({ event: literals(['lost']), lost: Count });
