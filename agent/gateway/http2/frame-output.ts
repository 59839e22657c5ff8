import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers';
import { frameFlag, frameHeadLength, frameType, maxFrameLength } from './frame.js';

const slabLength = 16_384;
const mostSpareSlabs = 64;
const spareSlabs: Buffer[] = [];

/** Payloads from this length on are written as they are, shorter ones are copied next to their frame's head (bytes). */
const copiedBelow = 2_048;

/** Bytes not yet taken by the kernel from which on DATA waits. */
const cloggedAt = 131_072;

/** Outputs with something to write. They are all written once the events of this turn of the loop are handled, so that frames share writes. */
let dirty: FrameOutput[] = [];

function flushDirty(): void {
  const outputs = dirty;
  dirty = [];
  for (const output of outputs) output.flush();
}

/** Frames on their way into one socket. */
export class FrameOutput {
  readonly #socket: Socket;
  #slab: Buffer | undefined;
  #start = 0;
  #at = 0;
  #parts: Buffer[] = [];
  #pending = 0;
  #isDirty = false;
  #isEnding = false;
  /** How often the bytes were handed to the socket. */
  flushes = 0;
  /** Where in the slab the flags are of the DATA frame that was appended last, and its stream. */
  #lastFlags = -1;
  #lastStream = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** DATA should wait until the socket drains. */
  get isClogged(): boolean {
    return this.unsent >= cloggedAt;
  }

  /** Bytes that the kernel has not taken. */
  get unsent(): number {
    return this.#socket.writableLength + this.#pending;
  }

  frame(type: number, flags: number, stream: number, payload: Buffer): void {
    this.#head(type, flags, stream, payload.length);
    this.#bytes(payload);
  }

  /** A frame whose payload is one number of 32 bits. */
  word(type: number, stream: number, value: number): void {
    this.#head(type, 0, stream, 4);
    const slab = this.#room(4);
    this.#at = slab.writeUInt32BE(value, this.#at);
    this.#pending += 4;
  }

  goAway(lastStream: number, code: number): void {
    const payload = Buffer.allocUnsafe(8);
    payload.writeUInt32BE(lastStream, 0);
    payload.writeUInt32BE(code, 4);
    this.frame(frameType.goAway, 0, 0, payload);
  }

  settings(entries: readonly (readonly [id: number, value: number])[]): void {
    const payload = Buffer.allocUnsafe(entries.length * 6);
    entries.forEach(([id, value], index) => {
      payload.writeUInt16BE(id, index * 6);
      payload.writeUInt32BE(value, index * 6 + 2);
    });
    this.frame(frameType.settings, 0, 0, payload);
  }

  /** HEADERS with CONTINUATION where one frame is too small. `block` stays the caller's. */
  headers(stream: number, block: Buffer, endStream: boolean): void {
    const own = block.length < copiedBelow ? block : Buffer.from(block);
    const end = endStream ? frameFlag.endStream : 0;
    if (own.length <= maxFrameLength) {
      this.frame(frameType.headers, end | frameFlag.endHeaders, stream, own);
      return;
    }
    this.frame(frameType.headers, end, stream, own.subarray(0, maxFrameLength));
    for (let at = maxFrameLength; at < own.length; at += maxFrameLength) {
      const isLast = at + maxFrameLength >= own.length;
      const flags = isLast ? frameFlag.endHeaders : 0;
      this.frame(frameType.continuation, flags, stream, own.subarray(at, at + maxFrameLength));
    }
  }

  /** `payload`: at most `maxFrameLength` bytes. */
  data(stream: number, payload: Buffer, endStream: boolean): void {
    this.#room(frameHeadLength + (payload.length < copiedBelow ? payload.length : 0));
    this.#head(frameType.data, endStream ? frameFlag.endStream : 0, stream, payload.length);
    const flags = this.#at - 5;
    this.#bytes(payload);
    if (payload.length < copiedBelow) {
      this.#lastFlags = flags;
      this.#lastStream = stream;
    }
  }

  /** Ends the stream, in its last DATA frame if that is still here. */
  endData(stream: number): void {
    if (this.#lastFlags >= 0 && this.#lastStream === stream && this.#slab) {
      this.#slab[this.#lastFlags] = frameFlag.endStream;
      this.#lastFlags = -1;
    } else this.#head(frameType.data, frameFlag.endStream, stream, 0);
  }

  raw(bytes: Buffer): void {
    this.#bytes(bytes);
  }

  /** Writes what is there and ends the writing side. */
  end(): void {
    this.#isEnding = true;
    this.#mark();
  }

  flush(): void {
    this.#isDirty = false;
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#pending = 0;
    if (parts.length > 0 && this.#socket.writable) {
      this.flushes++;
      if (parts.length === 1) this.#socket.write(parts[0]!);
      else {
        this.#socket.cork();
        for (const part of parts) this.#socket.write(part);
        this.#socket.uncork();
      }
    }
    this.#giveBack();
    if (this.#isEnding && !this.#socket.writableEnded) this.#socket.end();
  }

  /** A slab whose bytes the kernel has taken can be used again. */
  #giveBack(): void {
    const slab = this.#slab;
    this.#slab = undefined;
    this.#start = this.#at = 0;
    if (slab && this.#socket.writableLength === 0 && spareSlabs.length < mostSpareSlabs) spareSlabs.push(slab);
  }

  #head(type: number, flags: number, stream: number, length: number): void {
    const slab = this.#room(frameHeadLength);
    const at = this.#at;
    slab[at] = length >>> 16;
    slab[at + 1] = length >>> 8;
    slab[at + 2] = length;
    slab[at + 3] = type;
    slab[at + 4] = flags;
    slab[at + 5] = stream >>> 24;
    slab[at + 6] = stream >>> 16;
    slab[at + 7] = stream >>> 8;
    slab[at + 8] = stream;
    this.#at = at + frameHeadLength;
    this.#pending += frameHeadLength;
    this.#lastFlags = -1;
  }

  #bytes(bytes: Buffer): void {
    if (bytes.length < copiedBelow) {
      const slab = this.#room(bytes.length);
      slab.set(bytes, this.#at);
      this.#at += bytes.length;
    } else {
      this.#cut();
      this.#parts.push(bytes);
      this.#mark();
    }
    this.#pending += bytes.length;
  }

  /** What is in the slab so far becomes a part. */
  #cut(): void {
    if (this.#slab && this.#at > this.#start) {
      this.#parts.push(this.#slab.subarray(this.#start, this.#at));
      this.#start = this.#at;
    }
    this.#lastFlags = -1;
  }

  /** The slab, with room for so many bytes (at most a slab's). */
  #room(length: number): Buffer {
    this.#mark();
    if (this.#slab && this.#at + length <= slabLength) return this.#slab;
    if (this.#slab) {
      this.#cut();
      this.#slab = undefined;
    }
    this.#start = this.#at = 0;
    this.#slab = spareSlabs.pop() ?? Buffer.allocUnsafeSlow(slabLength);
    return this.#slab;
  }

  #mark(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    if (dirty.length === 0) setImmediate(flushDirty);
    dirty.push(this);
  }
}
