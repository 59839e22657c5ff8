import { METHODS } from 'node:http';
import { requestTarget } from '../../compile/request-path.js';
import type { RequestHead } from '../exchange.js';
import { isAuthority } from './authority.js';
import { cr, lf, question, slash, space, targetByte, tokenByte } from './bytes.js';
import { type Folded, foldFields, incomplete, lengthOf, listOf, malformed, scanFields, tooLarge } from './fields.js';
import type { Http1Limits } from './limits.js';
import { NameCache } from './names.js';

export interface ParsedRequest {
  readonly head: RequestHead;
  readonly isChunked: boolean;
  /** What the client asks for. */
  readonly keepAlive: boolean;
  /** Offset behind the head. */
  readonly end: number;
}

const notAllowed = -405;
const targetTooLong = -414;
const expectationFailed = -417;
const notImplemented = -501;
const versionNotSupported = -505;

const methods = new NameCache();

/** Of other methods nobody knows what their framing means to a backend; Envoy and Node refuse the same. */
const knownMethods: ReadonlySet<string> = new Set(METHODS);

/** The status that refuses a request for its method; 0: none does. */
export function methodRefusal(method: string): 0 | 400 | 405 {
  if (!knownMethods.has(method)) return 400;
  return method === 'CONNECT' ? 405 : 0;
}

/** What the request line held: valid until the next one is read. */
const line = { method: '', targetAt: 0, targetEnd: 0, target: '', isNormal: true, minor: 1 };

/**
 * Reads a request's head (RFC 9112 2 to 6) from `from` on. Returns it, `incomplete`, or the negative status that refuses the connection: whatever two
 * programs could read in two ways is refused. One empty line before it is skipped (2.2).
 */
export function parseRequestHead(
  bytes: Buffer,
  from: number,
  scheme: 'http' | 'https',
  limits: Http1Limits,
): ParsedRequest | number {
  const to = bytes.length;
  let start = from;
  if (bytes[start] === cr) {
    if (start + 1 === to) return incomplete;
    if (bytes[start + 1] !== lf) return malformed;
    start += 2;
  }
  const fieldsAt = parseRequestLine(bytes, start, limits);
  if (fieldsAt < 0) return fieldsAt;
  const end = fieldsAt === incomplete ? incomplete : scanFields(bytes, fieldsAt, limits.fields);
  if (end < 0) return end;
  if ((end === incomplete ? to : end) - start > limits.headBytes) return tooLarge;
  if (end === incomplete) return incomplete;
  const text = bytes.toString('latin1', start, end);
  line.target = text.substring(line.targetAt - start, line.targetEnd - start);
  const folded = foldFields(text, start);
  return folded === undefined ? malformed : requestOf(folded, scheme, end);
}

function parseRequestLine(bytes: Buffer, from: number, limits: Http1Limits): number {
  const to = bytes.length;
  let at = from;
  while (at < to && tokenByte[bytes[at]!] === 1) at++;
  if (at === to) return incomplete;
  if (bytes[at] !== space || at === from) return malformed;
  line.method = methods.find(bytes, from, at);
  if (!knownMethods.has(line.method)) return malformed;
  const targetAt = ++at;
  let isPath = true;
  let isNormal = true;
  for (; at < to; at++) {
    const byte = bytes[at]!;
    const kind = targetByte[byte];
    if (kind === 0) break;
    if (isPath) {
      if (byte === question) isPath = false;
      else if (kind === 2 || (byte === 0x2e && bytes[at - 1] === slash)) isNormal = false;
    }
  }
  if (at - targetAt > limits.targetBytes) return targetTooLong;
  if (at === to) return incomplete;
  if (bytes[at] !== space || at === targetAt) return malformed;
  line.targetAt = targetAt;
  line.targetEnd = at;
  line.isNormal = isNormal;
  return parseVersion(bytes, at + 1);
}

const versionPrefix = 'HTTP/';

/** `HTTP/1.1` and the line's end. */
function parseVersion(bytes: Buffer, from: number): number {
  const to = bytes.length;
  for (let index = 0; index < versionPrefix.length; index++) {
    if (from + index === to) return incomplete;
    if (bytes[from + index] !== versionPrefix.charCodeAt(index)) return malformed;
  }
  if (to - from < 10) return incomplete;
  const major = bytes[from + 5]! - 0x30;
  const minor = bytes[from + 7]! - 0x30;
  if (major < 0 || major > 9 || bytes[from + 6] !== 0x2e || minor < 0 || minor > 9) return malformed;
  if (bytes[from + 8] !== cr || bytes[from + 9] !== lf) return malformed;
  if (major !== 1 || minor > 1) return versionNotSupported;
  line.minor = minor;
  return from + 10;
}

function requestOf(folded: Folded, scheme: 'http' | 'https', end: number): ParsedRequest | number {
  const isOld = line.minor === 0;
  const length = requestLength(folded, isOld);
  if (length < -1) return length;
  const isChunked = length === -1;
  if (line.method === 'CONNECT') return notAllowed;
  if (folded.hosts > 1 || (folded.hosts === 0 && !isOld)) return malformed;
  if (folded.hosts === 1 && !isAuthority(folded.host)) return malformed;
  let authority = folded.host;
  let target: string | undefined = line.target;
  if (target.charCodeAt(0) !== slash) {
    const found = absoluteTarget(target, folded, scheme);
    if (found === undefined) return malformed;
    ({ authority, target } = found);
  } else if (!line.isNormal) target = requestTarget(target);
  if (target === undefined) return malformed;
  const expectContinue = !isOld && folded.expect !== '';
  if (expectContinue && folded.expect.toLowerCase() !== '100-continue') return expectationFailed;
  const upgrade = upgradeOf(folded);
  if (upgrade === undefined) return malformed;
  const head: RequestHead = {
    version: isOld ? 'HTTP/1.0' : 'HTTP/1.1',
    method: line.method,
    scheme,
    authority,
    target,
    fields: folded.fields,
    length: isChunked ? undefined : length,
    upgrade: isOld || isChunked || length !== 0 ? '' : upgrade,
    expectContinue: expectContinue && length !== 0,
  };
  const keepAlive = !folded.close && (!isOld || folded.keepAlive);
  return { head, isChunked, keepAlive, end };
}

/** The body's length, -1 when it is chunked, or the status that refuses it. */
function requestLength(folded: Folded, isOld: boolean): number {
  if (folded.forged || folded.lengths > 1) return malformed;
  if (folded.encodings > 0) {
    if (isOld || folded.encodings > 1 || folded.lengths > 0) return malformed;
    return isChunkedCoding(folded.encoding) ? -1 : codingFault(folded.encoding);
  }
  if (folded.lengths === 0) return 0;
  const length = lengthOf(folded.length);
  return length < 0 ? malformed : length;
}

export function isChunkedCoding(value: string): boolean {
  return value === 'chunked' || value.toLowerCase() === 'chunked';
}

const knownCodings: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'compress', 'x-compress']);

/** 501 for real codings under a final chunked (RFC 9112 6.1, 7), which Weft does not speak; all else is an attempt to be read in two ways. */
function codingFault(value: string): number {
  const codings = listOf(value);
  const isReal = codings.slice(0, -1).every((coding) => knownCodings.has(coding));
  return isReal && codings.at(-1) === 'chunked' ? notImplemented : malformed;
}

const absolute = /^(https?):\/\/([^/?]*)(.*)$/i;

/** Of a target that begins with no slash: `*` or the absolute form, whose authority must be Host's. */
function absoluteTarget(
  target: string,
  folded: Folded,
  scheme: string,
): { readonly authority: string; readonly target: string } | undefined {
  const { method } = line;
  if (target === '*') return method === 'OPTIONS' ? { authority: folded.host, target } : undefined;
  const match = absolute.exec(target);
  if (match === null || match[1]!.toLowerCase() !== scheme) return undefined;
  const authority = match[2]!;
  if (!isAuthority(authority)) return undefined;
  if (folded.hosts === 1 && folded.host.toLowerCase() !== authority.toLowerCase()) return undefined;
  const rest = match[3]!;
  if (rest === '') return { authority, target: method === 'OPTIONS' ? '*' : '/' };
  const normal = requestTarget(rest.charCodeAt(0) === slash ? rest : `/${rest}`);
  return normal === undefined ? undefined : { authority, target: normal };
}

const protocol = /^[!#$%&'*+\-.^_`|~0-9a-z]+(?:\/[!#$%&'*+\-.^_`|~0-9a-z]+)?$/;

/** The first protocol asked for; HTTP/2 is never switched to (RFC 9113 3.1). Undefined: it is no list of protocols. */
function upgradeOf(folded: Folded): string | undefined {
  if (folded.upgrade === '') return '';
  const protocols = listOf(folded.upgrade);
  if (!protocols.every((each) => protocol.test(each))) return undefined;
  return folded.wantsUpgrade ? (protocols.find((each) => each !== 'h2c') ?? '') : '';
}
