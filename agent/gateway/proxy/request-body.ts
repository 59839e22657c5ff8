import type { FieldLines } from '../exchange.js';

/** A request's body is kept for another attempt while it is no larger (bytes). */
export const keptBodyBytes: number = 64 * 1024;

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
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isComplete = true;
  #isSent = false;
  #trailers: FieldLines | undefined;

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
    if (this.#isSent && this.#bytes > keptBodyBytes) this.forget();
  }

  end(trailers: FieldLines): void {
    this.#trailers = trailers;
  }

  /** Writes all that has come so far. False: wait until it has drained. */
  sendTo(sink: BodySink): boolean {
    const canGoOn = this.copyTo(sink);
    this.#isSent = true;
    if (this.#bytes > keptBodyBytes) this.forget();
    return canGoOn;
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
    this.#isComplete = false;
    this.#chunks = [];
  }
}
