import { type HeaderCommand, isHeaderCommand } from '../../model/header-commands.js';
import type { FieldLines } from '../exchange.js';
import { joinedField } from './fields.js';
import type { ReceivedRequest } from './received.js';

/** What the %COMMANDS% of a header's value are filled from. */
export interface FormatContext {
  readonly request: ReceivedRequest;
  /** The backend's; undefined while the request is not answered. */
  readonly response: FieldLines | undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  /** `ADDRESS:PORT`; empty while none is chosen. */
  readonly upstreamHost: string;
  readonly cluster: string;
  readonly rule: string;
  /** Wall time in ms. */
  readonly startedMs: number;
  readonly sni: string;
}

/** A header's value: what is constant, and what each request fills in. */
export type HeaderFormat = string | readonly (string | ((context: FormatContext) => string))[];

const plain: Readonly<Record<HeaderCommand, (context: FormatContext) => string>> = {
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ remoteAddress }) => remoteAddress,
  DOWNSTREAM_REMOTE_ADDRESS: ({ remoteAddress, remotePort }) =>
    remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`,
  DOWNSTREAM_REMOTE_PORT: ({ remotePort }) => String(remotePort),
  DOWNSTREAM_LOCAL_PORT: ({ localPort }) => String(localPort),
  PROTOCOL: ({ request }) => request.head.version,
  START_TIME: ({ startedMs }) => new Date(startedMs).toISOString(),
  UPSTREAM_HOST: ({ upstreamHost }) => upstreamHost,
  UPSTREAM_CLUSTER: ({ cluster }) => cluster,
  ROUTE_NAME: ({ rule }) => rule,
  REQUESTED_SERVER_NAME: ({ sni }) => sni,
};

const command = /%%|%([A-Z_]+)(?:\(([^()%]*)\))?(?::(\d{1,5}))?%|%/g;

/**
 * Reads a value with Envoy's command operators (Envoy, "Custom request/response headers"): `%%`, `%REQ(NAME?OTHER):LENGTH%`, `%RESP(…)%`,
 * `%PROTOCOL%`, `%START_TIME%`, `%UPSTREAM_HOST%`, `%UPSTREAM_CLUSTER%`, `%ROUTE_NAME%`, `%REQUESTED_SERVER_NAME%`,
 * `%DOWNSTREAM_REMOTE_ADDRESS%`, `…_WITHOUT_PORT%`, `%DOWNSTREAM_REMOTE_PORT%` and `%DOWNSTREAM_LOCAL_PORT%`. What is none of them stays as
 * it is written. What has no value is empty.
 */
export function headerFormat(value: string): HeaderFormat {
  if (!value.includes('%')) return value;
  const parts: (string | ((context: FormatContext) => string))[] = [];
  let text = '';
  let end = 0;
  for (const match of value.matchAll(command)) {
    text += value.slice(end, match.index);
    end = match.index + match[0].length;
    const part = partOf(match);
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    if (text !== '') parts.push(text);
    parts.push(part);
    text = '';
  }
  text += value.slice(end);
  if (parts.length === 0) return text;
  if (text !== '') parts.push(text);
  return parts;
}

function partOf(match: RegExpExecArray): string | ((context: FormatContext) => string) {
  const [written, name, argument, length] = match;
  if (written === '%%') return '%';
  if (name === undefined) return written;
  const most = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
  if ((name === 'REQ' || name === 'RESP') && argument !== undefined && argument !== '') {
    const names = argument.toLowerCase().split('?');
    return name === 'REQ'
      ? (context) => ofRequest(context, names, most)
      : (context) => ofResponse(context, names, most);
  }
  return argument === undefined && length === undefined && isHeaderCommand(name) ? plain[name] : written;
}

function ofRequest({ request }: FormatContext, names: readonly string[], most: number): string {
  for (const name of names) {
    const value = request.header(name);
    if (value !== undefined) return value.slice(0, most);
  }
  return '';
}

function ofResponse({ response }: FormatContext, names: readonly string[], most: number): string {
  for (const name of names) {
    const value = response === undefined ? undefined : joinedField(response, name);
    if (value !== undefined) return value.slice(0, most);
  }
  return '';
}

/** The value for one request. */
export function formatHeader(format: HeaderFormat, context: FormatContext): string {
  if (typeof format === 'string') return format;
  let value = '';
  for (const part of format) value += typeof part === 'string' ? part : part(context);
  return value;
}
