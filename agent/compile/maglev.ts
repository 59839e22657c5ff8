import { finishHash, hashBasis, mixHash } from '../balance/hash.js';
import { ADDRESS_SIZE, writeAddress } from '../tables/address.js';

export { type RingBackend, ringOf, tableSizeFor } from '../balance/maglev.js';

/**
 * The Maglev key of a client, `hash4` or `hash6` of `struct pod`: 32-bit FNV-1a (draft-eastlake-fnv, offset basis
 * 0x811c9dc5, prime 0x01000193) over the 16 bytes of its address, IPv4 in its mapped form, followed by the finaliser
 * of MurmurHash3 (fmix32), since FNV alone leaves the last byte's differences in few bits. Entry `hash mod size` of a ring is the client's.
 */
export function sourceHash(address: string): number {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  writeAddress(address, bytes, 0);
  let hash = hashBasis;
  for (const byte of bytes) hash = mixHash(hash, byte);
  return finishHash(hash);
}
