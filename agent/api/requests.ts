import { type TObject, type TSchema, Type } from '@sinclair/typebox';
import type { Protocol } from '../model/mesh.js';
import { type FlowFilter, flowEvents, reasons, verdicts } from './flow.js';

/*
 * The shapes of requests: a schema that validates each, and the type it then has. Unknown fields are refused.
 */

const closed = { additionalProperties: false } as const;

/** One part of NS/NAME: a DNS name of at most 253 characters (RFC 1123). */
const Part = Type.String({ minLength: 1, maxLength: 253 });
/** NS/NAME. */
const Key = Type.String({ pattern: '^[^/\\s]+/[^/\\s]+$', maxLength: 507 });

function oneOf(values: readonly string[]): TSchema {
  return Type.Unsafe<string>({ type: 'string', enum: [...values] });
}

export interface ServiceParams {
  readonly namespace: string;
  readonly name: string;
}
export const ServiceParamsSchema: TObject = Type.Object({ namespace: Part, name: Part }, closed);

export interface PodParams {
  readonly namespace: string;
  readonly pod: string;
}
export const PodParamsSchema: TObject = Type.Object({ namespace: Part, pod: Part }, closed);

export interface WeightsBody {
  readonly weights: Readonly<Record<string, number>>;
}
export const WeightsBodySchema: TObject = Type.Object(
  { weights: Type.Record(Type.String(), Type.Integer({ minimum: 0, maximum: 65535 })) },
  closed,
);

export interface ExplainBody {
  readonly from: string;
  readonly to: string;
  readonly protocol?: Protocol;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
}
export const ExplainBodySchema: TObject = Type.Object(
  {
    from: Type.Unsafe({ ...Key, description: 'The client, NS/POD.' }),
    to: Type.String({
      minLength: 1,
      maxLength: 512,
      description: 'HOST[:PORT]: any cluster form of the name of a Service, or an address.',
    }),
    protocol: Type.Optional(oneOf(['TCP', 'UDP'])),
    method: Type.Optional(Type.String({ maxLength: 64 })),
    path: Type.Optional(Type.String({ maxLength: 8192 })),
    headers: Type.Optional(
      Type.Array(Type.Object({ name: Type.String({ minLength: 1 }), value: Type.String() }, closed), { maxItems: 128 }),
    ),
  },
  closed,
);

export interface ListQuery {
  readonly namespace?: string;
}
export const ListQuerySchema: TObject = Type.Object({ namespace: Type.Optional(Part) }, closed);

export interface BackendQuery extends ListQuery {
  readonly service?: string;
}
export const BackendQuerySchema: TObject = Type.Object(
  { namespace: Type.Optional(Part), service: Type.Optional(Key) },
  closed,
);

export interface TableQuery {
  readonly table?: string;
}
export const TableQuerySchema: TObject = Type.Object({ table: Type.Optional(Part) }, closed);

type Flag = '' | 'true' | 'false' | '1' | '0';

/** True for `?name`, `?name=true` and `?name=1`. */
export function isSet(flag: Flag | undefined): boolean {
  return flag === '' || flag === 'true' || flag === '1';
}

const FlagSchema = oneOf(['', 'true', 'false', '1', '0']);

export interface FlowQuery extends FlowFilter {
  readonly follow?: Flag;
  readonly limit?: string;
}
export const FlowQuerySchema: TObject = Type.Object(
  {
    follow: Type.Optional(FlagSchema),
    limit: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,6}$',
        description: 'How many of the last flows. Default: 100, and 0 when following.',
      }),
    ),
    from: Type.Optional(Type.String({ description: 'The client, NS/POD.' })),
    to: Type.Optional(Type.String({ description: 'Service NS/NAME or backend NS/POD.' })),
    service: Type.Optional(Type.String({ description: 'NS/NAME.' })),
    backend: Type.Optional(Type.String({ description: 'NS/POD, or an address.' })),
    verdict: Type.Optional(oneOf(verdicts)),
    reason: Type.Optional(oneOf(reasons)),
    event: Type.Optional(oneOf(flowEvents)),
    protocol: Type.Optional(oneOf(['TCP', 'UDP'])),
  },
  closed,
);

export interface ProbeQuery {
  readonly verbose?: string;
}
