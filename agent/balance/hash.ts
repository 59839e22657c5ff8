/** FNV-1a's offset basis of 32 bits (draft-eastlake-fnv). */
export const hashBasis = 0x811c_9dc5;

/**
 * 32 bits of a text: FNV-1a over its UTF-16 code units, followed by the finaliser of MurmurHash3 (fmix32), since FNV alone leaves the last
 * character's differences in few bits. Equal on all nodes and over restarts.
 */
export function hashText(text: string, seed: number = hashBasis): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = mixHash(hash, text.charCodeAt(index));
  return finishHash(hash);
}

/** One step of FNV-1a. */
export function mixHash(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x0100_0193);
}

/** MurmurHash3's fmix32. */
export function finishHash(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
