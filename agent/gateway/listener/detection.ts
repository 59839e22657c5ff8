import { clientPreface } from '../http2/frame.js';

/** What the first bytes of a connection are; `more`: they could still become HTTP or TLS. */
export type Detected = 'http1' | 'http2' | 'tls' | 'other' | 'more';

/** A request line may be this long before it is taken for something else (bytes). */
export const longestLine = 16_384;
const longestMethod = 32;

const tokenByte = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  tokenByte[char.charCodeAt(0)] = 1;
}

/** For ports that speak HTTP: only its version is open, and what it is not is HTTP/1.1's to refuse. */
export function httpVersionOf(bytes: Buffer): 'http1' | 'http2' | 'more' {
  const length = Math.min(bytes.length, clientPreface.length);
  if (bytes.compare(clientPreface, 0, length, 0, length) !== 0) return 'http1';
  return length === clientPreface.length ? 'http2' : 'more';
}

/** For ports that nobody declared: HTTP is a whole request line with its version, or HTTP/2's preface. */
export function detect(bytes: Buffer): Detected {
  if (bytes.length === 0) return 'more';
  if (bytes[0] === 22) return bytes.length === 1 ? 'more' : bytes[1] === 3 ? 'tls' : 'other';
  const version = httpVersionOf(bytes);
  return version === 'http1' ? requestLine(bytes) : version;
}

function requestLine(bytes: Buffer): Detected {
  let at = 0;
  while (at < bytes.length && tokenByte[bytes[at]!] === 1) at++;
  if (at === 0 || at > longestMethod) return 'other';
  if (at === bytes.length) return 'more';
  if (bytes[at] !== 0x20) return 'other';
  const targetAt = ++at;
  while (at < bytes.length && bytes[at]! > 0x20 && bytes[at]! < 0x7f) at++;
  if (at === bytes.length) return at > longestLine ? 'other' : 'more';
  if (bytes[at] !== 0x20 || at === targetAt) return 'other';
  return version(bytes.subarray(at + 1));
}

const versionStart = Buffer.from('HTTP/1.', 'latin1');

function version(bytes: Buffer): Detected {
  const length = Math.min(bytes.length, versionStart.length);
  if (bytes.compare(versionStart, 0, length, 0, length) !== 0) return 'other';
  return length === versionStart.length ? 'http1' : 'more';
}
