import type { FieldLines } from '../exchange.js';
import { decodeHuffman } from './huffman.js';
import { entryOverhead, staticTable } from './static-table.js';

/** A decoded field section. */
export interface FieldSection {
  /** With pseudo-fields, in their order. Not complete when `tooLarge`. */
  readonly fields: FieldLines;
  /** A name that is no lower-case token, or a value with control bytes or blanks at its ends (RFC 9113 8.2.1). */
  readonly malformed: boolean;
  readonly tooLarge: boolean;
}

export interface FieldSectionLimits {
  /** Bytes of names and values with 32 for each field (RFC 9113 6.5.2). */
  readonly listBytes: number;
  readonly fields: number;
}

/** 1: lower-case token. */
const nameBytes = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") nameBytes[char.charCodeAt(0)] = 1;
/** 1: visible, blank, tab or above ASCII. */
const valueBytes = new Uint8Array(256).map((_, byte) => (byte === 9 || (byte >= 32 && byte !== 127) ? 1 : 0));

const isBlank = (byte: number): boolean => byte === 32 || byte === 9;

function isName(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start] === 0x3a ? start + 1 : start;
  if (first >= end) return false;
  for (let at = first; at < end; at++) if (nameBytes[bytes[at]!] === 0) return false;
  return true;
}

function isValue(bytes: Buffer, start: number, end: number): boolean {
  if (start === end) return true;
  if (isBlank(bytes[start]!) || isBlank(bytes[end - 1]!)) return false;
  for (let at = start; at < end; at++) if (valueBytes[bytes[at]!] === 0) return false;
  return true;
}

/** Huffman strings are decoded in here; a longer one is an error of the peer's, as it would never fit a list. */
const scratch = Buffer.allocUnsafeSlow(65_536);

/** Decodes field sections of one connection (RFC 7541). */
export class HpackDecoder {
  readonly #limits: FieldSectionLimits;
  readonly #capacity: number;
  #tableLimit: number;
  #tableBytes = 0;
  /** A ring; the newest entry is before `#head`. */
  readonly #mask: number;
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  readonly #malformed: boolean[] = [];
  #head = 0;
  #count = 0;

  #block: Buffer = scratch;
  #at = 0;
  #end = 0;
  #failed = false;
  /** Of the string that `#string` read last. */
  #wellFormed = true;

  /** `tableSize`: what our SETTINGS_HEADER_TABLE_SIZE says (bytes). */
  constructor(limits: FieldSectionLimits, tableSize: number) {
    this.#limits = limits;
    this.#capacity = tableSize;
    this.#tableLimit = tableSize;
    let ring = 1;
    while (ring * entryOverhead <= tableSize) ring *= 2;
    this.#mask = ring - 1;
  }

  /** Undefined: COMPRESSION_ERROR, and the connection cannot go on. */
  decode(block: Buffer): FieldSection | undefined {
    this.#block = block;
    this.#at = 0;
    this.#end = block.length;
    this.#failed = false;
    const fields: FieldLines = [];
    let malformed = false;
    let bytes = 0;
    let started = false;
    const add = (name: string, value: string, wellFormed: boolean): void => {
      started = true;
      bytes += name.length + value.length + entryOverhead;
      malformed ||= !wellFormed;
      if (bytes <= this.#limits.listBytes && fields.length < this.#limits.fields * 2) fields.push(name, value);
      else bytes = Math.max(bytes, this.#limits.listBytes + 1);
    };
    while (this.#at < this.#end && !this.#failed) {
      const byte = block[this.#at]!;
      if (byte & 0x80) this.#indexed(add);
      else if (byte & 0x40) this.#literal(6, true, add);
      else if (byte & 0x20) {
        if (started) return undefined;
        this.#resize();
      } else this.#literal(4, false, add);
    }
    this.#block = scratch;
    return this.#failed ? undefined : { fields, malformed, tooLarge: bytes > this.#limits.listBytes };
  }

  #indexed(add: (name: string, value: string, wellFormed: boolean) => void): void {
    const index = this.#integer(7);
    if (index < staticTable.length && index > 0) {
      const entry = staticTable[index]!;
      add(entry[0], entry[1], true);
      return;
    }
    const place = this.#place(index);
    if (place < 0) return;
    add(this.#names[place]!, this.#values[place]!, !this.#malformed[place]!);
  }

  #literal(prefix: number, indexing: boolean, add: (name: string, value: string, wellFormed: boolean) => void): void {
    const index = this.#integer(prefix);
    let name: string;
    let wellFormed = true;
    if (index === 0) {
      name = this.#string(true);
      wellFormed = this.#wellFormed;
    } else if (index < staticTable.length) name = staticTable[index]![0];
    else {
      const place = this.#place(index);
      if (place < 0) return;
      name = this.#names[place]!;
      wellFormed = !this.#malformed[place]!;
    }
    if (this.#failed) return;
    const value = this.#string(false);
    if (this.#failed) return;
    wellFormed &&= this.#wellFormed;
    if (indexing) this.#insert(name, value, wellFormed);
    add(name, value, wellFormed);
  }

  /** Position in the ring of an index of the common index space; -1 and failed when there is none. */
  #place(index: number): number {
    const age = index - staticTable.length;
    if (index <= 0 || age >= this.#count) {
      this.#failed = true;
      return -1;
    }
    return (this.#head - 1 - age) & this.#mask;
  }

  #insert(name: string, value: string, wellFormed: boolean): void {
    const size = name.length + value.length + entryOverhead;
    this.#evict(this.#tableLimit - size);
    if (size > this.#tableLimit) return;
    this.#names[this.#head] = name;
    this.#values[this.#head] = value;
    this.#malformed[this.#head] = !wellFormed;
    this.#head = (this.#head + 1) & this.#mask;
    this.#count++;
    this.#tableBytes += size;
  }

  #evict(limit: number): void {
    while (this.#count > 0 && this.#tableBytes > limit) {
      const oldest = (this.#head - this.#count) & this.#mask;
      this.#tableBytes -= this.#names[oldest]!.length + this.#values[oldest]!.length + entryOverhead;
      this.#names[oldest] = '';
      this.#values[oldest] = '';
      this.#count--;
    }
  }

  #resize(): void {
    const size = this.#integer(5);
    if (size > this.#capacity) this.#failed = true;
    if (this.#failed) return;
    this.#tableLimit = size;
    this.#evict(size);
  }

  /** An integer with a prefix of that many bits (RFC 7541 5.1); at most 2^28. */
  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = this.#block[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) break;
      const byte = this.#block[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    this.#failed = true;
    return 0;
  }

  #string(isFieldName: boolean): string {
    if (this.#at >= this.#end) {
      this.#failed = true;
      return '';
    }
    const huffman = (this.#block[this.#at]! & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (this.#failed || end > this.#end) {
      this.#failed = true;
      return '';
    }
    this.#at = end;
    if (!huffman) return this.#text(this.#block, start, end, isFieldName);
    const decoded = decodeHuffman(this.#block, start, end, scratch);
    if (decoded < 0) {
      this.#failed = true;
      return '';
    }
    return this.#text(scratch, 0, decoded, isFieldName);
  }

  #text(bytes: Buffer, start: number, end: number, isFieldName: boolean): string {
    this.#wellFormed = isFieldName ? isName(bytes, start, end) : isValue(bytes, start, end);
    return bytes.toString('latin1', start, end);
  }
}
