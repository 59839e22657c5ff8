import { createHash } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first `length` letters of the base32 (RFC 4648) of the SHA-256 of `text`: how kube-proxy names its chains. At most 16. */
export function chainHash(text: string, length: 8 | 16): string {
  const digest = createHash('sha256').update(text).digest();
  let bits = digest.readBigUInt64BE(0) * 65536n + BigInt(digest.readUInt16BE(8));
  let letters = '';
  for (let letter = 0; letter < 16; letter++) {
    letters = alphabet[Number(bits & 31n)] + letters;
    bits >>= 5n;
  }
  return letters.slice(0, length);
}
