import ipaddr from 'ipaddr.js';

/**
 * The canonical text of an address as mesh.ts has it: RFC 5952, an IPv4-mapped IPv6 address as IPv4. Undefined for
 * text that is no address, has a zone (`%eth0`) or is an IPv4 form other than four decimals.
 */
export function canonicalAddress(text: string): string | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return text;
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}

/** The 16 bytes of `struct weft_address`, IPv4 in its IPv4-mapped form (RFC 4291, 2.5.5.2). Throws on text that is no address. */
export function addressBytes(address: string): Uint8Array {
  const parsed = ipaddr.parse(address);
  const wide = parsed.kind() === 'ipv4' ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : parsed;
  return Uint8Array.from(wide.toByteArray());
}
