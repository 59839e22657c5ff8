import type { Duplex } from 'node:stream';
import { readSocket } from './socket-reader.js';
import { sharedWires, type WireEnd, type Wires } from './wires.js';

/** The handle of a TCP socket, as Node's own code knows it. */
interface TcpHandle {
  readonly fd: number;
  reading: boolean;
  readStop(): number;
}

/**
 * The way of a connection's bytes below its codec. It begins as a stream; plain TCP that is used again and again is quickened: read and written in batches
 * beside the stream, which stays for everything else. Whatever is out of the ordinary, an end, an error, a peer that does not take what is written,
 * goes back to the stream, so that there is one place where a connection ends.
 */
export class Wire implements WireEnd {
  readonly stream: Duplex;
  #take: ((bytes: Buffer, isBorrowed: boolean) => void) | undefined;
  #handle: TcpHandle | undefined;
  #wires: Wires | undefined;
  #number = -1;
  #isReading = true;
  /** It cannot be quickened: that has been found out. */
  #isSlow = false;

  constructor(stream: Duplex) {
    this.stream = stream;
  }

  /** Begins to read. `isBorrowed`: the bytes are `take`'s for the time of the call only. */
  read(take: (bytes: Buffer, isBorrowed: boolean) => void): void {
    this.#take = take;
    this.#isSlow = !readSocket(this.stream, take);
  }

  /** After `false` one read may still come in. */
  setReading(isWanted: boolean): void {
    this.#isReading = isWanted;
    if (this.#wires !== undefined) this.#wires.setReading(this.#number, isWanted);
    else if (isWanted) this.stream.resume();
    else this.stream.pause();
  }

  /** Batches from now on, if that is possible. */
  quicken(): void {
    if (this.#isSlow || this.#wires !== undefined) return;
    const handle = tcpHandle(this.stream);
    if (handle === undefined || this.#take === undefined || !this.#isReading) return;
    const wires = sharedWires();
    const number = wires?.add(handle.fd, this);
    if (wires === undefined || number === undefined) {
      this.#isSlow = true;
      return;
    }
    // It goes on to say that it reads: otherwise a stream that is about to flow would start it again.
    handle.readStop();
    this.#handle = handle;
    this.#wires = wires;
    this.#number = number;
  }

  /** Writes text as latin1, a chunk and text with the next batch. False: it is the stream's to write, before which nothing is left to send. */
  write(before: string, chunk: Buffer | undefined, after: string): boolean {
    if (this.#wires === undefined) return false;
    const isFree = this.stream.writableLength === 0 && this.stream.writable;
    if (isFree && this.#wires.write(this.#number, before, chunk, after)) return true;
    this.#wires.commit();
    return false;
  }

  /** Sends what was written, now. */
  commit(): void {
    this.#wires?.commit();
  }

  /** The stream is closed. */
  closed(): void {
    this.#isSlow = true;
    this.#wires?.remove(this.#number);
    this.#wires = undefined;
  }

  received(bytes: Buffer): void {
    if (!this.stream.destroyed) this.#take?.(bytes, true);
  }

  lost(): void {
    this.commit();
    this.closed();
    if (this.#handle !== undefined) this.#handle.reading = false;
    if (this.#isReading) this.stream.resume();
  }

  refused(bytes: Buffer): void {
    if (this.stream.writable) this.stream.write(bytes);
  }
}

/** Undefined while bytes are anywhere but in the kernel. */
function tcpHandle(stream: Duplex): TcpHandle | undefined {
  if (stream.destroyed || stream.readableLength > 0 || stream.writableLength > 0) return undefined;
  const handle: unknown = Reflect.get(stream, '_handle');
  return isTcpHandle(handle) && handle.fd >= 0 && handle.reading ? handle : undefined;
}

function isTcpHandle(handle: unknown): handle is TcpHandle {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    'fd' in handle &&
    typeof handle.fd === 'number' &&
    'reading' in handle &&
    typeof handle.reading === 'boolean' &&
    'readStop' in handle &&
    typeof handle.readStop === 'function'
  );
}
