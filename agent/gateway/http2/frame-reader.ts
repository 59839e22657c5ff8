import { clientPreface, frameHeadLength, maxFrameLength } from './frame.js';

/** Takes frames as they become whole. */
export interface FrameSink {
  /** False: nothing more is read. `payload` is a view of what was received. */
  frame(type: number, flags: number, stream: number, payload: Buffer): boolean;
  /** The peer is no HTTP/2 client. */
  wrongPreface(): void;
  /** A frame longer than we said that we take. */
  tooLong(): void;
}

/** Cuts the bytes of a connection into frames (RFC 9113 4.1); holds one unfinished frame at most. */
export class FrameReader {
  readonly #sink: FrameSink;
  #rest: Buffer | undefined;
  #prefaceAt: number;
  #isOver = false;

  constructor(sink: FrameSink, expectsPreface: boolean) {
    this.#sink = sink;
    this.#prefaceAt = expectsPreface ? 0 : clientPreface.length;
  }

  push(chunk: Buffer): void {
    if (this.#isOver) return;
    let bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    if (this.#prefaceAt < clientPreface.length) {
      const length = Math.min(bytes.length, clientPreface.length - this.#prefaceAt);
      if (bytes.compare(clientPreface, this.#prefaceAt, this.#prefaceAt + length, 0, length) !== 0) {
        this.#isOver = true;
        this.#sink.wrongPreface();
        return;
      }
      this.#prefaceAt += length;
      bytes = bytes.subarray(length);
    }
    const at = this.#frames(bytes);
    if (this.#isOver || at === bytes.length) return;
    const rest = bytes.subarray(at);
    this.#rest = rest.length * 2 < rest.buffer.byteLength ? Buffer.from(rest) : rest;
  }

  /** Reads whole frames; returns where the unfinished one begins. */
  #frames(bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= frameHeadLength) {
      const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      if (length > maxFrameLength) {
        this.#isOver = true;
        this.#sink.tooLong();
        return at;
      }
      const start = at + frameHeadLength;
      if (bytes.length - start < length) return at;
      const stream = ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!;
      at = start + length;
      if (!this.#sink.frame(bytes[start - 6]!, bytes[start - 5]!, stream, bytes.subarray(start, at))) {
        this.#isOver = true;
        return at;
      }
    }
    return at;
  }
}
