import type { Protocol } from '../model/mesh.js';
import { type FlowFilter, flowEvents, reasons, verdicts } from './flow.js';
import { count, list, mapOf, oneOf, record, type Schema, text } from './json-schema.js';

/*
 * The shapes of requests: a schema that validates each, and the type it then has. Unknown fields are refused.
 */

function closed(required: Readonly<Record<string, Schema>>, optional: Readonly<Record<string, Schema>> = {}): Schema {
  return record(required, optional, true);
}

/** One part of NS/NAME: a DNS name of at most 253 characters (RFC 1123). */
const Part = text({ minLength: 1, maxLength: 253 });
/** NS/NAME. */
const Key = text({ pattern: '^[^/\\s]+/[^/\\s]+$', maxLength: 507 });

export interface ServiceParams {
  readonly namespace: string;
  readonly name: string;
}
export const ServiceParamsSchema: Schema = closed({ namespace: Part, name: Part });

export interface PodParams {
  readonly namespace: string;
  readonly pod: string;
}
export const PodParamsSchema: Schema = closed({ namespace: Part, pod: Part });

export interface WeightsBody {
  readonly weights: Readonly<Record<string, number>>;
}
export const WeightsBodySchema: Schema = closed({ weights: mapOf(count(65535)) });

export interface ExplainBody {
  readonly from: string;
  readonly to: string;
  readonly protocol?: Protocol;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
}
export const ExplainBodySchema: Schema = closed(
  {
    from: { ...Key, description: 'The client, NS/POD.' },
    to: text({
      minLength: 1,
      maxLength: 512,
      description: 'HOST[:PORT]: any cluster form of the name of a Service, or an address.',
    }),
  },
  {
    protocol: oneOf(['TCP', 'UDP']),
    method: text({ maxLength: 64 }),
    path: text({ maxLength: 8192 }),
    headers: list(closed({ name: text({ minLength: 1 }), value: text() }), { maxItems: 128 }),
  },
);

export interface ListQuery {
  readonly namespace?: string;
}
export const ListQuerySchema: Schema = closed({}, { namespace: Part });

export interface BackendQuery extends ListQuery {
  readonly service?: string;
}
export const BackendQuerySchema: Schema = closed({}, { namespace: Part, service: Key });

export interface TableQuery {
  readonly table?: string;
}
export const TableQuerySchema: Schema = closed({}, { table: Part });

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
export const FlowQuerySchema: Schema = closed(
  {},
  {
    follow: FlagSchema,
    limit: text({
      pattern: '^[0-9]{1,6}$',
      description: 'How many of the last flows. Default: 100, and 0 when following.',
    }),
    from: text({ description: 'The client, NS/POD.' }),
    to: text({ description: 'Service NS/NAME or backend NS/POD.' }),
    service: text({ description: 'NS/NAME.' }),
    backend: text({ description: 'NS/POD, or an address.' }),
    verdict: oneOf(verdicts),
    reason: oneOf(reasons),
    event: oneOf(flowEvents),
    protocol: oneOf(['TCP', 'UDP']),
    status: text({ pattern: '^([1-5]xx|[0-9]{1,3})$', description: 'Of requests: 503, or 5xx.' }),
    rule: text({ description: 'Of requests: the rule, or its resource.' }),
  },
);

export interface ProbeQuery {
  readonly verbose?: string;
}
