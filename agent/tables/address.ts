import ipaddr from 'ipaddr.js';

/** Bytes of an address in the tables: IPv6, or IPv4 in its mapped form (RFC 4291 2.5.5.2). */
export const ADDRESS_SIZE = 16;

/** True when the text is an IPv4 address and was written: the form nearly all rows have, without the library's objects. */
function writeIPv4(text: string, bytes: Uint8Array, at: number): boolean {
  let value = -1;
  let part = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 46 : text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      if (value === 0) return false; // 010 is 8 to some and 10 to others
      value = (value < 0 ? 0 : value * 10) + code - 48;
      if (value > 255) return false;
    } else if (code === 46 && value >= 0 && part < 4) {
      bytes[at + 12 + part] = value;
      part++;
      value = -1;
    } else {
      return false;
    }
  }
  if (part !== 4) return false;
  bytes.fill(0, at, at + 10);
  bytes[at + 10] = 0xff;
  bytes[at + 11] = 0xff;
  return true;
}

/** Writes the 16 bytes of a textual address. The empty text is all zero. Throws on what is no address: parsing has refused it before. */
export function writeAddress(text: string, bytes: Uint8Array, at: number): void {
  if (text === '') {
    bytes.fill(0, at, at + ADDRESS_SIZE);
    return;
  }
  if (writeIPv4(text, bytes, at)) return;
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) throw new Error(`${text} is no address`);
  bytes.set(ipaddr.IPv6.parse(text).toByteArray(), at);
}

/** Canonical text (RFC 5952); a mapped address as IPv4, all zero as the empty text. */
export function readAddress(bytes: Uint8Array, at: number): string {
  let mapped = bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
  let zero = true;
  for (let i = 0; i < 16; i++) {
    if (bytes[at + i] !== 0) {
      zero = false;
      if (i < 10) mapped = false;
    }
  }
  if (zero) return '';
  if (mapped) return `${bytes[at + 12]}.${bytes[at + 13]}.${bytes[at + 14]}.${bytes[at + 15]}`;
  return ipaddr.fromByteArray([...bytes.subarray(at, at + 16)]).toString();
}

/** `a.b.c.d:port` or `[v6]:port`. */
export function showEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
