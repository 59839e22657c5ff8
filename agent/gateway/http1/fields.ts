import type { FieldLines } from '../exchange.js';
import { colon, cr, lf, space, tab, tokenByte } from './bytes.js';
import { NameCache, role } from './names.js';

/** A parse ended here because bytes are missing. */
export const incomplete = 0;
/** A negative result is the status that refuses the message. */
export const malformed = -400;
export const tooLarge = -431;

const mostFields = 1024;

/** Where the field lines of the section that was scanned last are: valid until the next scan. */
const names: string[] = new Array<string>(mostFields).fill('');
const roles: Uint8Array = new Uint8Array(mostFields);
const starts: Int32Array = new Int32Array(mostFields);
const ends: Int32Array = new Int32Array(mostFields);
let count = 0;

const cache = new NameCache();

/**
 * Goes over field lines from `at` up to the empty line that ends them (RFC 9112 5) and remembers where they are. Returns the offset behind that line,
 * `incomplete`, `malformed` (bare CR or LF, line folding, blanks around a name, controls) or `tooLarge` (more than `most` lines).
 */
export function scanFields(bytes: Buffer, from: number, most: number): number {
  const to = bytes.length;
  let at = from;
  count = 0;
  for (;;) {
    if (at >= to) return incomplete;
    if (bytes[at] === cr) {
      if (at + 1 === to) return incomplete;
      return bytes[at + 1] === lf ? at + 2 : malformed;
    }
    if (count === most || count === mostFields) return tooLarge;
    at = scanField(bytes, at, to);
    if (at <= 0) return at;
    count++;
  }
}

function scanField(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && tokenByte[bytes[at]!] === 1) at++;
  if (at === to) return incomplete;
  if (bytes[at] !== colon || at === from) return malformed;
  names[count] = cache.find(bytes, from, at);
  roles[count] = cache.role;
  at++;
  while (at < to && (bytes[at] === space || bytes[at] === tab)) at++;
  starts[count] = at;
  at = valueEnd(bytes, at, to);
  if (at === to) return incomplete;
  if (bytes[at] !== cr) return malformed;
  let end = at;
  while (end > starts[count]! && (bytes[end - 1] === space || bytes[end - 1] === tab)) {
    if (bytes[--end] === tab && roles[count] !== role.none) return malformed;
  }
  ends[count] = end;
  if (at + 1 === to) return incomplete;
  return bytes[at + 1] === lf ? at + 2 : malformed;
}

/** Comparisons instead of `valueByte`, which means the same: this loop sees most of a head's bytes. */
function valueEnd(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte < space ? byte !== tab : byte === 0x7f) return at;
  }
  return to;
}

/** What the framing and connection fields of a section say; the rest is in `fields`. */
export interface Folded {
  fields: FieldLines;
  hosts: number;
  host: string;
  lengths: number;
  length: string;
  encodings: number;
  encoding: string;
  expect: string;
  upgrade: string;
  /** Connection options `close`, `keep-alive`, `upgrade`. */
  close: boolean;
  keepAlive: boolean;
  wantsUpgrade: boolean;
  forged: boolean;
}

/** Reused: a head is folded and understood before the next one is. */
const folded: Folded = {
  fields: [],
  hosts: 0,
  host: '',
  lengths: 0,
  length: '',
  encodings: 0,
  encoding: '',
  expect: '',
  upgrade: '',
  close: false,
  keepAlive: false,
  wantsUpgrade: false,
  forged: false,
};

/**
 * Sorts the lines of the last scan. `text` is the section's latin1 text, which begins at byte `base`. The result is valid until the next call;
 * its `fields` is the caller's. Undefined: a Connection field that is no list of tokens.
 */
export function foldFields(text: string, base: number): Folded | undefined {
  const fields: FieldLines = [];
  resetFolded(fields);
  let dropped: Set<string> | undefined;
  for (let index = 0; index < count; index++) {
    const value = text.substring(starts[index]! - base, ends[index]! - base);
    const meaning = roles[index]!;
    if (meaning === role.none) fields.push(names[index]!, value);
    else if (meaning === role.connection) {
      if (!foldConnection(value)) {
        dropped ??= new Set();
        if (!addOptions(value, dropped)) return undefined;
      }
    } else foldField(meaning, names[index]!, value);
  }
  if (dropped !== undefined) folded.fields = withoutNamed(fields, dropped);
  return folded;
}

function resetFolded(fields: FieldLines): void {
  folded.fields = fields;
  folded.hosts = 0;
  folded.host = '';
  folded.lengths = 0;
  folded.length = '';
  folded.encodings = 0;
  folded.encoding = '';
  folded.expect = '';
  folded.upgrade = '';
  folded.close = false;
  folded.keepAlive = false;
  folded.wantsUpgrade = false;
  folded.forged = false;
}

function foldField(meaning: number, name: string, value: string): void {
  switch (meaning) {
    case role.host:
      folded.hosts++;
      folded.host = value;
      break;
    case role.contentLength:
      folded.lengths++;
      folded.length = value;
      break;
    case role.transferEncoding:
      folded.encodings++;
      folded.encoding = value;
      break;
    case role.expect:
      folded.expect = folded.expect === '' ? value : `${folded.expect}, ${value}`;
      break;
    case role.upgrade:
      folded.upgrade = folded.upgrade === '' ? value : `${folded.upgrade}, ${value}`;
      break;
    case role.te:
      if (/(?:^|,)[ \t]*trailers[ \t]*(?:$|,)/i.test(value)) folded.fields.push(name, 'trailers');
      break;
    case role.forged:
      folded.forged = true;
      break;
  }
}

/** The usual values without taking them apart; false when it is none of these. */
function foldConnection(value: string): boolean {
  switch (value) {
    case 'keep-alive':
    case 'Keep-Alive':
      folded.keepAlive = true;
      return true;
    case 'close':
      folded.close = true;
      return true;
    case 'Upgrade':
    case 'upgrade':
      folded.wantsUpgrade = true;
      return true;
    default:
      return false;
  }
}

/** Options that no field of the exchange can be named by. */
const ownOptions: ReadonlySet<string> = new Set(['close', 'keep-alive', 'upgrade', 'te']);

function addOptions(value: string, dropped: Set<string>): boolean {
  for (const option of listOf(value)) {
    if (option === '') continue;
    if (!isToken(option)) return false;
    if (option === 'close') folded.close = true;
    else if (option === 'keep-alive') folded.keepAlive = true;
    else if (option === 'upgrade') folded.wantsUpgrade = true;
    if (!ownOptions.has(option)) dropped.add(option);
  }
  return true;
}

function withoutNamed(fields: FieldLines, dropped: ReadonlySet<string>): FieldLines {
  if (dropped.size === 0) return fields;
  const kept: FieldLines = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (!dropped.has(fields[index]!.toLowerCase())) kept.push(fields[index]!, fields[index + 1]!);
  }
  return kept;
}

const blanks = /^[ \t]+|[ \t]+$/g;

/** The elements of a list (RFC 9110 5.6.1), lower case. */
export function listOf(value: string): readonly string[] {
  return value.split(',').map((element) => element.replace(blanks, '').toLowerCase());
}

export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f || tokenByte[code] !== 1) return false;
  }
  return text.length > 0;
}

const framing: ReadonlySet<number> = new Set([role.contentLength, role.transferEncoding, role.forged, role.host]);

/** Names that mean something before a body ends, and so must not come behind it (RFC 9110 6.5.1). */
const neverTrailers: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expires',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'retry-after',
  'set-cookie',
  'trailer',
  'vary',
  'warning',
  'www-authenticate',
]);

/** The lines of the last scan as trailers: what must not be one is left out. Undefined: one would frame the message anew. */
export function trailersOf(bytes: Buffer): FieldLines | undefined {
  const trailers: FieldLines = [];
  for (let index = 0; index < count; index++) {
    if (framing.has(roles[index]!)) return undefined;
    if (roles[index] !== role.none || neverTrailers.has(names[index]!.toLowerCase())) continue;
    trailers.push(names[index]!, bytes.toString('latin1', starts[index]!, ends[index]!));
  }
  return trailers;
}

/** Content-Length's number: digits alone, below 2^53; -1 when it is not one. */
export function lengthOf(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
