import type { FieldLines } from '../exchange.js';
import { cr, hexValue, lf, semicolon, valueByte } from './bytes.js';
import { incomplete, malformed, scanFields, tooLarge, trailersOf } from './fields.js';
import type { Http1Limits } from './limits.js';

/** Takes what a `BodyReader` has read. */
export interface BodySink {
  /** The chunk is the sink's. */
  data(chunk: Buffer): void;
  end(trailers: FieldLines): void;
}

export type BodyFraming = 'none' | 'length' | 'chunked' | 'close';

type ChunkPart = 'size' | 'data' | 'data-end' | 'trailers';

/** Most digits of a chunk's size, which keeps it below 2^48. */
const sizeDigits = 12;

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";

/** RFC 9112 7.1.1 without blanks, escapes and anything beyond ASCII. */
const extensions: RegExp = new RegExp(`^(?:;${token}(?:=(?:${token}|"[ !#-\\[\\]-~]*"))?)+$`);

/**
 * Takes a message's body out of the bytes of a connection (RFC 9112 6 and 7), strictly: a chunk's size is digits, each line ends in CR LF,
 * extensions are bounded and dropped, trailers are field lines. Reused for one message after the other.
 */
export class BodyReader {
  readonly #limits: Http1Limits;
  #framing: BodyFraming = 'none';
  #remaining = 0;
  #part: ChunkPart = 'size';
  #extensionBytes = 0;
  #ended = true;
  #trailers: FieldLines = [];
  /** Region of the bytes being read that holds the data found so far; -1: none. */
  #dataStart = -1;
  #dataEnd = -1;

  constructor(limits: Http1Limits) {
    this.#limits = limits;
  }

  /** `length`: of framing `length`, bytes. */
  start(framing: BodyFraming, length: number): void {
    this.#framing = framing;
    this.#remaining = length;
    this.#part = 'size';
    this.#extensionBytes = 0;
    this.#trailers = [];
    this.#ended = framing === 'none' || (framing === 'length' && length === 0);
  }

  /** Everything was read and given to the sink. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that are still to come when the length is known. */
  get remaining(): number | undefined {
    return this.#framing === 'length' ? this.#remaining : undefined;
  }

  /**
   * Reads from `from` on, gives data to `sink` at most once and then, where the body is complete, its end. Returns the offset behind what was read, or
   * `malformed`. What it leaves unread with the body unfinished is an incomplete line: call again with more behind it. Data of several chunks is moved
   * together inside `bytes`.
   */
  read(bytes: Buffer, from: number, sink: BodySink): number {
    if (this.#ended) return from;
    if (this.#framing === 'chunked') return this.#readChunked(bytes, from, sink);
    const available = bytes.length - from;
    const taken = this.#framing === 'close' ? available : Math.min(available, this.#remaining);
    if (this.#framing === 'length') {
      this.#remaining -= taken;
      this.#ended = this.#remaining === 0;
    }
    const isLast = this.#ended;
    if (taken > 0) sink.data(taken === bytes.length ? bytes : bytes.subarray(from, from + taken));
    if (isLast) sink.end([]);
    return from + taken;
  }

  /** The connection has ended; true when that is how this body ends. */
  finish(): boolean {
    if (this.#framing !== 'close') return this.#ended;
    this.#ended = true;
    return true;
  }

  #readChunked(bytes: Buffer, from: number, sink: BodySink): number {
    this.#dataStart = -1;
    let at = from;
    while (!this.#ended && at < bytes.length) {
      const next = this.#readPart(bytes, at);
      if (next < 0) return malformed;
      if (next === incomplete) break;
      at = next;
    }
    const isLast = this.#ended;
    const trailers = this.#trailers;
    if (this.#dataStart >= 0) sink.data(bytes.subarray(this.#dataStart, this.#dataEnd));
    if (isLast) sink.end(trailers);
    return at;
  }

  #readPart(bytes: Buffer, at: number): number {
    switch (this.#part) {
      case 'size':
        return this.#readSize(bytes, at);
      case 'data':
        return this.#readData(bytes, at);
      case 'data-end':
        if (bytes[at] !== cr) return malformed;
        if (at + 1 === bytes.length) return incomplete;
        if (bytes[at + 1] !== lf) return malformed;
        this.#part = 'size';
        return at + 2;
      case 'trailers':
        return this.#readTrailers(bytes, at);
    }
  }

  #readSize(bytes: Buffer, from: number): number {
    const to = bytes.length;
    let at = from;
    let size = 0;
    while (at < to) {
      const value = hexValue[bytes[at]!]!;
      if (value === 255) break;
      if (at - from === sizeDigits) return malformed;
      size = size * 16 + value;
      at++;
    }
    if (at === to) return incomplete;
    if (at === from) return malformed;
    const digitsEnd = at;
    if (bytes[at] === semicolon) while (at < to && valueByte[bytes[at]!] === 1) at++;
    if (at - from > this.#limits.chunkLineBytes) return malformed;
    if (at === to) return incomplete;
    if (bytes[at] !== cr) return malformed;
    if (at + 1 === to) return incomplete;
    if (bytes[at + 1] !== lf) return malformed;
    if (at > digitsEnd && !this.#areExtensions(bytes, digitsEnd, at)) return malformed;
    this.#remaining = size;
    this.#part = size === 0 ? 'trailers' : 'data';
    return at + 2;
  }

  #areExtensions(bytes: Buffer, from: number, to: number): boolean {
    this.#extensionBytes += to - from;
    return this.#extensionBytes <= this.#limits.extensionBytes && extensions.test(bytes.toString('latin1', from, to));
  }

  #readData(bytes: Buffer, at: number): number {
    const taken = Math.min(bytes.length - at, this.#remaining);
    if (this.#dataStart < 0) {
      this.#dataStart = at;
      this.#dataEnd = at + taken;
    } else {
      bytes.copyWithin(this.#dataEnd, at, at + taken);
      this.#dataEnd += taken;
    }
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#part = 'data-end';
    return at + taken;
  }

  #readTrailers(bytes: Buffer, at: number): number {
    const end = scanFields(bytes, at, this.#limits.fields);
    const size = (end > 0 ? end : bytes.length) - at;
    if (end < 0 || size > this.#limits.trailerBytes) return end < 0 ? end : tooLarge;
    if (end === incomplete) return incomplete;
    const trailers = trailersOf(bytes);
    if (trailers === undefined) return malformed;
    this.#trailers = trailers;
    this.#ended = true;
    return end;
  }
}
