import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { ProblemCode } from '../model/problem-codes.js';
import { type FileState, messageOf, stateOf } from './tree.js';
import { maxFileBytes } from './yaml.js';

export type FileText =
  | { readonly text: string; readonly digest: string; readonly state: FileState }
  | { readonly code: ProblemCode; readonly message: string };

/**
 * The text of a regular file of at most 16 MiB. Never blocks on a FIFO, never reads more than the bound. Problems:
 * WEFT0103 (too large; nothing is read), WEFT0107 (unreadable), WEFT0109 (not UTF-8 text), WEFT0110 (not regular).
 */
export function readFileText(path: string): FileText {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) return { code: 'WEFT0110', message: 'is no regular file' };
    if (stats.size > maxFileBytes) return tooLarge(stats.size);
    const bytes = readBytes(descriptor, Number(stats.size));
    if (bytes.length > maxFileBytes) return tooLarge(BigInt(bytes.length));
    if (bytes.includes(0)) return { code: 'WEFT0109', message: 'holds NUL bytes' };
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, digest: createHash('sha256').update(bytes).digest('base64'), state: stateOf(stats) };
  } catch (error) {
    if (error instanceof TypeError) return { code: 'WEFT0109', message: 'is not UTF-8' };
    return { code: 'WEFT0107', message: messageOf(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function tooLarge(size: bigint): FileText {
  return { code: 'WEFT0103', message: `has ${size} bytes; at most ${maxFileBytes} are read` };
}

/** To the end of the file, which may have grown since it was measured; one byte beyond the bound at most. */
function readBytes(descriptor: number, size: number): Buffer {
  let bytes = Buffer.allocUnsafe(size + 1);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > maxFileBytes) return bytes.subarray(0, length);
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(bytes.length * 2, maxFileBytes + 1));
  }
}
