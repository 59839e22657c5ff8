/** Bits of the code of each byte, and of EOS at last; the code is canonical (RFC 7541, appendix B). */
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];

const endOfString = 256;

/** Symbols with their codes as strings of 0 and 1. */
function codes(): readonly (readonly [number, string])[] {
  const order = codeLengths
    .map((length, symbol) => ({ length, symbol }))
    .sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let before = order[0]!.length;
  return order.map(({ length, symbol }) => {
    code *= 2 ** (length - before);
    before = length;
    const text = code.toString(2).padStart(length, '0');
    code += 1;
    return [symbol, text] as const;
  });
}

interface Automaton {
  /** Next state by `state * 16 + four bits`; `broken` when EOS was read. */
  readonly next: Uint16Array;
  /** Byte that these four bits complete, or -1: no code is shorter than five bits. */
  readonly emitted: Int16Array;
  /** 1 where the bits read since the last byte are valid padding: fewer than eight, all ones. */
  readonly complete: Uint8Array;
}

const broken = 0xffff;

/** A state is an inner node of the code's tree: what was read since the last whole byte. */
function automaton(): Automaton {
  const leaves = new Map(codes().map(([symbol, code]) => [code, symbol]));
  const inner = new Map<string, number>([['', 0]]);
  for (const code of leaves.keys()) {
    for (let end = 1; end < code.length; end++) {
      const prefix = code.slice(0, end);
      if (!inner.has(prefix)) inner.set(prefix, inner.size);
    }
  }
  const next = new Uint16Array(inner.size * 16);
  const emitted = new Int16Array(inner.size * 16).fill(-1);
  const complete = new Uint8Array(inner.size);
  for (const [prefix, state] of inner) {
    complete[state] = prefix.length < 8 && !prefix.includes('0') ? 1 : 0;
    for (let bits = 0; bits < 16; bits++) {
      let read = prefix;
      for (const bit of bits.toString(2).padStart(4, '0')) {
        read += bit;
        const symbol = leaves.get(read);
        if (symbol === undefined) continue;
        if (symbol === endOfString) break;
        emitted[state * 16 + bits] = symbol;
        read = '';
      }
      next[state * 16 + bits] = inner.get(read) ?? broken;
    }
  }
  return { next, emitted, complete };
}

const { next, emitted, complete } = automaton();

/**
 * Decodes `source` from `start` to `end` into `target` from 0 on.
 * Returns the number of bytes written; -1: not a Huffman string (EOS in it, or wrong padding), or `target` is too small.
 */
export function decodeHuffman(source: Buffer, start: number, end: number, target: Buffer): number {
  let state = 0;
  let length = 0;
  const room = target.length - 1;
  for (let at = start; at < end; at++) {
    const byte = source[at]!;
    for (let shift = 4; shift >= 0; shift -= 4) {
      const edge = state * 16 + ((byte >> shift) & 0xf);
      const symbol = emitted[edge]!;
      if (symbol >= 0) {
        if (length > room) return -1;
        target[length++] = symbol;
      }
      state = next[edge]!;
      if (state === broken) return -1;
    }
  }
  return complete[state] === 1 ? length : -1;
}
