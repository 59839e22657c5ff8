import { changePath } from '../../compile/path-change.js';
import type { HttpMatch, Rewrite } from '../../compile/snapshot.js';
import type { Downstream, FieldLines, RequestHead } from '../exchange.js';
import { setField } from './fields.js';
import { applyChange, type CompiledChange } from './header-change.js';
import { type FormatContext, formatHeader } from './header-format.js';
import type { ReceivedRequest } from './received.js';

/**
 * The fields of a request as they go on: the client's address is appended to x-forwarded-for; x-forwarded-proto and x-request-id are added, a mesh
 * client's own are kept; what outsiders say in x-envoy-… is dropped (Envoy, HTTP header sanitizing). `requestId`: the one to use.
 */
export function forwardedFields(request: ReceivedRequest, downstream: Downstream, requestId: string): FieldLines {
  const isOutside = downstream.origin === 'ingress';
  const from = request.head.fields;
  const fields: FieldLines = [];
  for (let index = 0; index < from.length; index += 2) {
    const name = from[index]!;
    if (name.length >= 8 && isReplaced(name, isOutside)) continue;
    fields.push(name, from[index + 1]!);
  }
  const { forwardedFor, forwardedProto, scheme } = request;
  const address = downstream.address;
  fields.push('x-forwarded-for', forwardedFor === '' ? address : `${forwardedFor},${address}`);
  fields.push('x-forwarded-proto', isOutside || forwardedProto === '' ? scheme : forwardedProto);
  fields.push('x-request-id', requestId);
  fields.push('x-envoy-attempt-count', '1');
  return fields;
}

/** `name` has at least 8 characters. */
function isReplaced(name: string, isOutside: boolean): boolean {
  const first = name.charCodeAt(0);
  if ((first !== 0x78 && first !== 0x58) || name.charCodeAt(1) !== 0x2d) return false;
  const lower = name.toLowerCase();
  switch (lower) {
    case 'x-forwarded-for':
    case 'x-forwarded-proto':
    case 'x-request-id':
    case 'x-envoy-attempt-count':
      return true;
    default:
      return isOutside && (lower.startsWith('x-envoy-') || lower === 'x-forwarded-client-cert');
  }
}

/** The same head with another x-envoy-attempt-count. Heads are not changed: an attempt may still hold the last one. */
export function withAttemptCount(head: RequestHead, attempts: number): RequestHead {
  const fields = [...head.fields];
  setField(fields, 'x-envoy-attempt-count', String(attempts));
  return { ...head, fields };
}

/** What rules change: header fields in place, then authority and path, of which x-envoy-original-path keeps what it was. */
export function rewrittenHead(
  request: ReceivedRequest,
  fields: FieldLines,
  changes: readonly CompiledChange[],
  rewrite: Rewrite | undefined,
  match: HttpMatch | undefined,
  context: FormatContext,
): RequestHead {
  let { authority, target } = request.head;
  for (const change of changes) {
    applyChange(change, fields, context);
    if (change.authority !== undefined) authority = formatHeader(change.authority, context) || authority;
  }
  if (rewrite !== undefined && rewrite.authority !== '') authority = rewrite.authority;
  if (rewrite?.path !== undefined) {
    target = rewrittenTarget(rewrite, match, request);
    setField(fields, 'x-envoy-original-path', request.head.target);
  }
  return outgoingHead(request.head, fields, authority, target);
}

function rewrittenTarget({ path }: Rewrite, match: HttpMatch | undefined, request: ReceivedRequest): string {
  if (path === undefined || request.path === '*') return request.head.target;
  const changed = changePath(path, match, request.path);
  const rooted = changed.startsWith('/') ? changed : `/${changed}`;
  if (request.query === '') return rooted;
  return `${rooted}${rooted.includes('?') ? '&' : '?'}${request.query}`;
}

/** Expect is answered by the gateway itself: the body follows at once. */
export function outgoingHead(head: RequestHead, fields: FieldLines, authority: string, target: string): RequestHead {
  const { version, method, scheme, length, upgrade } = head;
  return { version, method, scheme, authority, target, fields, length, upgrade, expectContinue: false };
}
