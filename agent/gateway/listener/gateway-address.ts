const four = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const six = /^fd77:6566:7400::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})$/;

/**
 * The id of the Service port that a redirected connection was meant for, from the local address of the accepted socket: 127.128.0.0/9 | id, or
 * fd77:6566:7400::id. Undefined for any other address; ids start at 1.
 */
export function gatewayId(localAddress: string): number | undefined {
  const plain = localAddress.startsWith('::ffff:') ? localAddress.slice(7) : localAddress;
  const id = plain.startsWith('127.') ? idOfFour(plain) : idOfSix(plain);
  return id > 0 ? id : undefined;
}

function idOfFour(address: string): number {
  const match = four.exec(address);
  if (!match) return 0;
  const [first, second, third] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (first < 128 || first > 255 || second > 255 || third > 255) return 0;
  return (first - 128) * 65_536 + second * 256 + third;
}

function idOfSix(address: string): number {
  const match = six.exec(address);
  if (!match) return 0;
  return Number.parseInt(match[1] ?? '0', 16) * 65_536 + Number.parseInt(match[2]!, 16);
}
