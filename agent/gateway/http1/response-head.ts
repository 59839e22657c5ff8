import type { ResponseHead } from '../exchange.js';
import { cr, lf, space, valueByte } from './bytes.js';
import { type Folded, foldFields, incomplete, lengthOf, malformed, scanFields, tooLarge } from './fields.js';
import type { Http1Limits } from './limits.js';
import { isChunkedCoding } from './request-head.js';

/** How a response's body ends (RFC 9112 6.3). */
export type ResponseFraming = 'none' | 'length' | 'chunked' | 'close';

export interface ParsedResponse {
  readonly head: ResponseHead;
  readonly framing: ResponseFraming;
  /** The server lets the connection be used again. */
  readonly keepAlive: boolean;
  /** Of a 101: what is switched to, lower case. */
  readonly upgrade: string;
  /** Offset behind the head. */
  readonly end: number;
}

/** What the status line held: valid until the next one is read. */
const line = { status: 0, minor: 1 };

/**
 * Reads the head of a response to `method` (RFC 9112 4 to 6) from `from` on. Returns it, `incomplete`, or a negative number when it is no response that
 * all programs would read alike.
 */
export function parseResponseHead(
  bytes: Buffer,
  from: number,
  method: string,
  limits: Http1Limits,
): ParsedResponse | number {
  const fieldsAt = parseStatusLine(bytes, from);
  if (fieldsAt < 0) return fieldsAt;
  const end = fieldsAt === incomplete ? incomplete : scanFields(bytes, fieldsAt, limits.fields);
  if (end < 0) return end;
  if ((end === incomplete ? bytes.length : end) - from > limits.headBytes) return tooLarge;
  if (end === incomplete) return incomplete;
  const folded = foldFields(bytes.toString('latin1', fieldsAt, end), fieldsAt);
  return folded === undefined ? malformed : responseOf(folded, method, end);
}

const versionPrefix = 'HTTP/1.';

function parseStatusLine(bytes: Buffer, from: number): number {
  const to = bytes.length;
  for (let index = 0; index < versionPrefix.length; index++) {
    if (from + index === to) return incomplete;
    if (bytes[from + index] !== versionPrefix.charCodeAt(index)) return malformed;
  }
  let at = from + versionPrefix.length;
  if (to - at < 6) return incomplete;
  const minor = bytes[at]! - 0x30;
  if ((minor !== 0 && minor !== 1) || bytes[at + 1] !== space) return malformed;
  const status = statusOf(bytes, at + 2);
  if (status < 0) return malformed;
  line.status = status;
  line.minor = minor;
  at += 5;
  if (bytes[at] !== space && bytes[at] !== cr) return malformed;
  while (at < to && valueByte[bytes[at]!] === 1) at++;
  if (at === to) return incomplete;
  if (bytes[at] !== cr) return malformed;
  if (at + 1 === to) return incomplete;
  return bytes[at + 1] === lf ? at + 2 : malformed;
}

function statusOf(bytes: Buffer, at: number): number {
  const hundreds = bytes[at]! - 0x30;
  const tens = bytes[at + 1]! - 0x30;
  const ones = bytes[at + 2]! - 0x30;
  if (hundreds < 1 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return -1;
  return hundreds * 100 + tens * 10 + ones;
}

function responseOf(folded: Folded, method: string, end: number): ParsedResponse | number {
  const { status, minor } = line;
  if (status < 200 && (minor === 0 || folded.close)) return malformed;
  if (folded.forged || folded.lengths > 1 || folded.encodings > 1) return malformed;
  if (folded.encodings > 0 && (folded.lengths > 0 || minor === 0 || !isChunkedCoding(folded.encoding)))
    return malformed;
  const length = folded.lengths === 0 ? undefined : lengthOf(folded.length);
  if (length === -1) return malformed;
  const framing = framingOf(folded, status, method, length);
  if (framing === undefined) return malformed;
  const keepAlive = !folded.close && (minor === 1 || folded.keepAlive) && framing !== 'close';
  const upgrade = status === 101 && folded.wantsUpgrade ? folded.upgrade.toLowerCase() : '';
  return { head: { status, fields: folded.fields, length }, framing, keepAlive, upgrade, end };
}

/** Undefined when a length is announced where there can be no body. */
function framingOf(
  folded: Folded,
  status: number,
  method: string,
  length: number | undefined,
): ResponseFraming | undefined {
  if (status < 200 || status === 204) return folded.encodings > 0 || (length ?? 0) > 0 ? undefined : 'none';
  if (method === 'HEAD' || status === 304) return 'none';
  if (folded.encodings > 0) return 'chunked';
  if (length === undefined) return 'close';
  return length === 0 ? 'none' : 'length';
}
