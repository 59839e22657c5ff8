import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;

interface Subnet {
  readonly kind: string;
  readonly bytes: readonly number[];
  readonly bits: number;
}

const parsed = new Map<string, Subnet | undefined>();
const mostParsed = 4_096;

/** True when an address is in a subnet: `ADDRESS/BITS`, or one address. IPv4 in mapped form counts as IPv4. */
export function subnetHolds(subnet: string, address: string): boolean {
  const { kind, bytes, bits } = subnetOf(subnet) ?? nowhere;
  const found = addressOf(address);
  if (found === undefined || found.kind() !== kind) return false;
  const own = found.toByteArray();
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (own[at] !== bytes[at]) return false;
  const shift = 8 - (bits & 7);
  return shift === 8 || own[whole]! >> shift === bytes[whole]! >> shift;
}

const nowhere: Subnet = { kind: '', bytes: [], bits: 0 };

function subnetOf(text: string): Subnet | undefined {
  if (parsed.has(text)) return parsed.get(text);
  const [address = '', bits] = text.split('/');
  const found = addressOf(address);
  const most = found?.kind() === 'ipv4' ? 32 : 128;
  const length = bits === undefined ? most : Number(bits);
  const isSubnet = found !== undefined && Number.isInteger(length) && length >= 0 && length <= most;
  const subnet = isSubnet ? { kind: found.kind(), bytes: found.toByteArray(), bits: length } : undefined;
  if (parsed.size >= mostParsed) parsed.clear();
  parsed.set(text, subnet);
  return subnet;
}

function addressOf(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}
