/**
 * Istio's BASE normalisation of a request's path, which is Envoy's `normalize_path`: RFC 3986 6.2.2.2 and 6.2.2.3, with backslashes taken for slashes.
 * Like Envoy, and unlike RFC 3986 6.2.2.1, the case of hexadecimal digits stays as it was, so that rules written against what clients send go on to match.
 */

const slash = 0x2f;
const backslash = 0x5c;
const percent = 0x25;
const dot = 0x2e;

const upperHex = '0123456789ABCDEF';

/** What becomes of a byte below 0x80: kept as it is, decoded when it was escaped, escaped when it was not, or refused. */
const keep = 0;
const decode = 1;
const encode = 2;
const refuse = 3;

const kindOf: Uint8Array = byteKinds();

function byteKinds(): Uint8Array {
  const kinds = new Uint8Array(256).fill(refuse);
  for (let byte = 0x21; byte < 0x7f; byte++) kinds[byte] = keep;
  for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~')
    kinds[char.charCodeAt(0)] = decode;
  for (const char of '"<>^`{|}') kinds[char.charCodeAt(0)] = encode;
  for (const char of '#?') kinds[char.charCodeAt(0)] = refuse;
  return kinds;
}

/**
 * The normalised form of a path without its query, or undefined when it has none: it does not begin with a slash, an encode is incomplete or is %00,
 * or a byte has no place in a path (blanks, controls, `#`, `?`, anything beyond ASCII). `..` above the root stays at the root (RFC 3986 5.2.4);
 * empty segments stay. Idempotent.
 */
export function requestPath(path: string): string | undefined {
  if (path.charCodeAt(0) !== slash) return undefined;
  const decoded = decodeUnreserved(path);
  return decoded === undefined ? undefined : removeDotSegments(decoded);
}

/** As `requestPath` for a path with its query; the query must be visible ASCII without `#` and stays as it is. */
export function requestTarget(target: string): string | undefined {
  const query = target.indexOf('?');
  if (query < 0) return requestPath(target);
  for (let at = query; at < target.length; at++) {
    const code = target.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return undefined;
  }
  const path = requestPath(target.slice(0, query));
  return path === undefined ? undefined : path + target.slice(query);
}

function decodeUnreserved(path: string): string | undefined {
  let out = '';
  let copied = 0;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    const kind = code < 256 ? kindOf[code]! : refuse;
    if (kind === refuse) return undefined;
    if (code === backslash) {
      out += `${path.slice(copied, at)}/`;
      copied = at + 1;
    } else if (kind === encode) {
      out += `${path.slice(copied, at)}%${upperHex[code >> 4]}${upperHex[code & 15]}`;
      copied = at + 1;
    } else if (code === percent) {
      const value = escapedByte(path, at);
      if (value <= 0) return undefined;
      if (kindOf[value] === decode) {
        out += path.slice(copied, at) + String.fromCharCode(value);
        copied = at + 3;
      }
      at += 2;
    }
  }
  return copied === 0 ? path : out + path.slice(copied);
}

/** The byte that `%HH` at `at` stands for; -1 when it is no encode. */
function escapedByte(path: string, at: number): number {
  const high = hexDigit(path.charCodeAt(at + 1));
  const low = hexDigit(path.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments.length - 1;
  for (let index = 1; index <= last; index++) {
    const segment = segments[index]!;
    if (segment.charCodeAt(0) !== dot || (segment !== '.' && segment !== '..')) {
      kept.push(segment);
      continue;
    }
    if (segment === '..') kept.pop();
    if (index === last) kept.push('');
  }
  return `/${kept.join('/')}`;
}
