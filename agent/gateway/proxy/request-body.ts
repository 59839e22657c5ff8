import type { FieldLines } from '../exchange.js';

/** A request's body is kept for another attempt while it is no larger (bytes). */
export const keptBodyBytes: number = 64 * 1024;

/** All requests of a proxy together keep at most so much (bytes); what does not fit is not sent again. */
export const mostKeptBytes: number = 32 * 1024 * 1024;

/** So many chunks become one: small ones cost more than their bytes. */
const mostChunks = 64;

/** What all bodies of a proxy keep together. */
export interface KeptBodies {
  keptBytes: number;
  /** Bodies that were not kept because it was too much. */
  keepsSkipped: number;
}

export interface BodySink {
  /** False: wait until it has drained. */
  send(chunk: Buffer): boolean;
  sendEnd(trailers: FieldLines): void;
}

/**
 * The part of a request's body that has come, as long as somebody may need it again. Before the first attempt everything is kept
 * (flow control bounds it), later up to 64 KiB; a body that was larger cannot be sent again.
 */
export class RequestBody {
  readonly #all: KeptBodies;
  #chunks: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;
  #isComplete = true;
  #isSent = false;
  #trailers: FieldLines | undefined;

  constructor(all: KeptBodies) {
    this.#all = all;
  }

  /** Whether everything that has come is still here and may be sent (again). */
  get canReplay(): boolean {
    return this.#isComplete;
  }

  get isEnded(): boolean {
    return this.#trailers !== undefined;
  }

  /** Ended without a byte. */
  get isEmpty(): boolean {
    return this.#trailers !== undefined && this.#bytes === 0 && this.#trailers.length === 0;
  }

  keep(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (!this.#isComplete) return;
    this.#chunks.push(chunk);
    this.#keptBytes += chunk.length;
    this.#all.keptBytes += chunk.length;
    if (this.#chunks.length >= mostChunks) this.#chunks = [Buffer.concat(this.#chunks)];
    if (this.#isSent) this.#limit();
  }

  end(trailers: FieldLines): void {
    this.#trailers = trailers;
  }

  /** Writes all that has come so far. False: wait until it has drained. */
  sendTo(sink: BodySink): boolean {
    const canGoOn = this.copyTo(sink);
    this.#isSent = true;
    this.#limit();
    return canGoOn;
  }

  #limit(): void {
    const isTooMuch = this.#all.keptBytes > mostKeptBytes;
    if (isTooMuch) this.#all.keepsSkipped++;
    if (isTooMuch || this.#bytes > keptBodyBytes) this.forget();
  }

  /** As `sendTo`, for a copy: what is kept does not depend on it. */
  copyTo(sink: BodySink): boolean {
    let canGoOn = true;
    for (const chunk of this.#chunks) canGoOn = sink.send(chunk);
    if (this.#trailers !== undefined) sink.sendEnd(this.#trailers);
    return canGoOn;
  }

  /** There will be no other attempt. */
  forget(): void {
    this.#all.keptBytes -= this.#keptBytes;
    this.#keptBytes = 0;
    this.#isComplete = false;
    this.#chunks = [];
  }
}
