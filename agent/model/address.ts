import type { Family } from './mesh.js';

/**
 * The canonical text of an IP address (RFC 5952; an IPv4-mapped IPv6 address as IPv4), or undefined. Leading zeros in
 * IPv4 parts and zone ids are refused: readers disagree on what they mean.
 */
export function canonicalAddress(text: string): string | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(':')) return isIpv4(text) ? text : undefined;
  const groups = ipv6Groups(text);
  return groups && showIpv6(groups);
}

/** Of a canonical address. */
export function familyOfAddress(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

function isIpv4(text: string): boolean {
  let parts = 0;
  let digits = 0;
  let value = 0;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : 46;
    if (code === 46) {
      if (digits === 0 || value > 255) return false;
      parts++;
      digits = 0;
      value = 0;
    } else {
      if (code < 48 || code > 57 || digits === 3 || (digits > 0 && value === 0)) return false;
      value = value * 10 + code - 48;
      digits++;
    }
  }
  return parts === 4;
}

/** The eight groups of an IPv6 address (RFC 4291, section 2.2). */
function ipv6Groups(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      if (!last || index !== parts.length - 1 || !isIpv4(part)) return undefined;
      const [a, b, c, d] = part.split('.').map(Number);
      groups.push((a! << 8) | b!, (c! << 8) | d!);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

function showIpv6(groups: readonly number[]): string {
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high, low] = [groups[6]!, groups[7]!];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  let start = -1;
  let length = 1;
  for (let index = 0; index < 8; index++) {
    let end = index;
    while (end < 8 && groups[end] === 0) end++;
    if (end - index > length) [start, length] = [index, end - index];
    if (end > index) index = end;
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/**
 * Why a canonical address cannot be an endpoint's or a Service's external one (Kubernetes' ValidateNonSpecialIP, and
 * all multicast); undefined when it can.
 */
export function specialAddress(address: string): string | undefined {
  if (address.includes(':')) {
    if (address === '::') return 'the unspecified address';
    if (address === '::1') return 'a loopback address';
    if (/^fe[89ab][0-9a-f]:/.test(address)) return 'a link-local address';
    return address.startsWith('ff') && address.indexOf(':') === 4 ? 'a multicast address' : undefined;
  }
  const first = firstPart(address);
  if (first > 0 && first < 127) return undefined;
  if (first === 127) return 'a loopback address';
  if (first >= 224 && first <= 239) return 'a multicast address';
  if (address.startsWith('169.254.')) return 'a link-local address';
  if (address === '0.0.0.0') return 'the unspecified address';
  return address === '255.255.255.255' ? 'the broadcast address' : undefined;
}

function firstPart(address: string): number {
  let value = 0;
  for (let index = 0; address.charCodeAt(index) !== 46; index++) value = value * 10 + address.charCodeAt(index) - 48;
  return value;
}

/** The canonical text of an address or of ADDRESS/BITS; undefined for anything else. Bits beyond the prefix are kept as written. */
export function canonicalSubnet(text: string): string | undefined {
  const [written, bits, ...rest] = text.split('/');
  const address = canonicalAddress(written!);
  if (address === undefined || rest.length > 0) return undefined;
  if (bits === undefined) return address;
  if (!/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > (familyOfAddress(address) === 6 ? 128 : 32)) return undefined;
  return `${address}/${bits}`;
}
